import { found, type NonEmpty, type Step } from "../../src/check.ts";
import { advise, write } from "../steps.ts";
import type { Builder, BuilderFinding, Proxmox } from "./findings.ts";

const writeFile = (program: "capmox" | "image-builder"): Step => ({
	advice: `Write ${program === "capmox" ? "CAPMOX" : "image-builder"} a file of its own from what is known, and read it only where that program runs.`,
	command: ["capmox-doctor", "env", "--for", program, "--output", `${program}.env`],
	where: "here",
	risk: "changes",
	undo: `rm ${program}.env`,
});

const from = (name: string, { origin }: { readonly origin?: string | undefined }): string =>
	`${name} (${origin ?? "the environment"})`;

export const notSet = (proxmox: Proxmox): BuilderFinding =>
	found(
		"not-set",
		"There is nothing to compare: neither PROXMOX_TOKEN nor PROXMOX_USERNAME is set.",
		{
			from: `the environment, ${["envfile", ...proxmox.files.map(({ path }) => path)].join(", ")} and clusterctl.yaml`,
			saw: "neither of the two",
			expected: "PROXMOX_TOKEN with a token ID for CAPMOX, or PROXMOX_USERNAME with it for image-builder",
		},
		advise("For CAPMOX, put the token ID into PROXMOX_TOKEN, such as: export PROXMOX_TOKEN='capmox@pve!capi'"),
	);

export const judgeSwapped = ({ token, secret }: Proxmox): BuilderFinding =>
	found(
		"names-swapped",
		"PROXMOX_TOKEN holds a secret and PROXMOX_SECRET holds a token ID. That is nobody's convention: CAPMOX has it the other way round, and image-builder has no PROXMOX_SECRET.",
		{
			from: `${from("PROXMOX_TOKEN", token)} and ${from("PROXMOX_SECRET", secret)}`,
			saw: "a UUID, and a token ID",
			expected: "a token ID, and a UUID",
		},
		advise("Exchange the two values."),
	);

/** PROXMOX_TOKEN holds an ID. */
export function judgeCapmox({ url, token, username }: Proxmox): BuilderFinding[] {
	const results: BuilderFinding[] = [];
	if (mentionsApi(url)) {
		results.push(
			found(
				"api-path-for-capmox",
				`PROXMOX_URL ends in ${url.path ?? ""}${hasApiPath(url) ? ", as image-builder wants it" : ""}. CAPMOX appends /api2/json itself, and asks for ${url.path?.replace(/\/+$/, "") ?? ""}/api2/json.`,
				{ from: from("PROXMOX_URL", url), saw: url.text ?? "", expected: withoutPath(url) },
				write(`Take ${url.path ?? ""} off.`, `export PROXMOX_URL='${withoutPath(url)}'`, url.origin),
				writeFile("image-builder"),
			),
		);
	}

	if (username.presence === "set") {
		results.push(
			found(
				"token-id-for-image-builder",
				"PROXMOX_USERNAME is image-builder's, yet PROXMOX_TOKEN holds the token ID, as CAPMOX wants it. CAPMOX works with this; image-builder would send the ID in place of the secret, and gets 401.",
				{
					from: from("PROXMOX_TOKEN", token),
					saw: token.id ?? "a token ID",
					expected: "for image-builder the secret, a UUID",
				},
				writeFile("image-builder"),
				advise("Then take PROXMOX_USERNAME out of here."),
			),
		);
	}

	return results;
}

/** PROXMOX_TOKEN holds a secret, or is missing beside PROXMOX_USERNAME. */
export function judgeImageBuilder({ url, token, secret, username }: Proxmox, { variables }: Builder): BuilderFinding[] {
	if (secret.presence === "set") {
		return [token.presence === "set" ? bothNames({ token, secret, username }) : neitherWhole({ secret, username })];
	}

	const results: BuilderFinding[] = [];
	if (username.presence === "set" && username.shape !== "token-id") {
		results.push(usernameFault(username));
	}

	const missing = [
		...(url.presence === "set" ? [] : ["PROXMOX_URL"]),
		...(username.presence === "set" ? [] : ["PROXMOX_USERNAME"]),
		...(token.presence === "set" ? [] : ["PROXMOX_TOKEN"]),
		...(variables["PROXMOX_NODE"] === undefined ? ["PROXMOX_NODE"] : []),
	];
	if (missing.length > 0) {
		results.push(incomplete(missing, token.presence === "set"));
	}

	// A lone UUID in PROXMOX_TOKEN may as well be a slip of someone who means CAPMOX.
	const isMeant = username.presence === "set" || Object.keys(variables).length > 0;
	if (url.presence === "set" && !hasApiPath(url) && isMeant) {
		results.push(
			found(
				"api-path-missing",
				"The names are image-builder's, but PROXMOX_URL lacks /api2/json. image-builder does not append it, unlike CAPMOX, and gets a web page where it expects JSON.",
				{ from: from("PROXMOX_URL", url), saw: url.text ?? "", expected: `${withoutPath(url)}/api2/json` },
				write("Append /api2/json.", `export PROXMOX_URL='${withoutPath(url)}/api2/json'`, url.origin),
				writeFile("capmox"),
			),
		);
	}

	return results;
}

function usernameFault(username: Proxmox["username"]): BuilderFinding {
	const { faults = [] } = username;
	const { is, saw, advice } = faults.includes("secret-appended")
		? {
				is: "holds more than the token ID: behind it stands the secret, which image-builder sends from PROXMOX_TOKEN.",
				saw: "a token ID with = and more behind it",
				advice: "Take the = and all behind it off, such as:",
			}
		: faults.includes("short-token-id") || faults.includes("invalid-token-id")
			? {
					is: "holds a token ID that Proxmox VE does not take: behind the ! it wants a letter, and then letters, digits, hyphens, dots or underscores.",
					saw: "something else behind the !",
					advice:
						"Write the token ID as the web interface shows it, under Datacenter, Permissions, API Tokens, such as:",
				}
			: {
					is: "names a user, but no token. With a secret in PROXMOX_TOKEN, image-builder wants the whole token ID there.",
					saw: "a value without !tokenid",
					advice: "Append ! and the ID of the token, such as:",
				};
	return found(
		"username-not-token-id",
		`PROXMOX_USERNAME ${is}`,
		{ from: from("PROXMOX_USERNAME", username), saw, expected: "user@realm!tokenid, such as image-builder@pve!capi" },
		advise(`${advice} export PROXMOX_USERNAME='image-builder@pve!capi'`),
	);
}

type Names = Pick<Proxmox, "token" | "secret" | "username">;

const bothNames = ({ token, secret, username }: Names): BuilderFinding =>
	found(
		"both-names",
		"PROXMOX_TOKEN holds a secret, as image-builder wants it, and PROXMOX_SECRET is set, which only CAPMOX reads. CAPMOX takes the secret in PROXMOX_TOKEN for the token ID, and gets 401.",
		{
			from: `${from("PROXMOX_TOKEN", token)} and ${from("PROXMOX_SECRET", secret)}`,
			saw: `a UUID, and a value${username.shape === "token-id" ? "" : "; the token ID stands nowhere"}`,
			expected: "for CAPMOX a token ID, and a UUID",
		},
		...(username.shape === "token-id" ? separate : withoutId(token)),
	);

const separate: NonEmpty<Step> = [
	writeFile("capmox"),
	writeFile("image-builder"),
	advise("Keep one file for each program, and never read both in one shell."),
];

/** No file can be written for anybody as long as nothing names the token. */
const withoutId = (token: Names["token"]): NonEmpty<Step> => [
	advise(
		"Look the token ID up: in the web interface it stands under Datacenter, Permissions, API Tokens; on a node, pveum user token list USER@REALM prints the part behind the !.",
	),
	advise(
		`For CAPMOX, put it into PROXMOX_TOKEN (${token.origin ?? "envfile"}) in place of the secret, such as: export PROXMOX_TOKEN='capmox@pve!capi'`,
	),
	{ ...writeFile("image-builder"), advice: "Then write image-builder a file of its own, if you need one." },
];

/** Each program's other name is there, and the one that both read is not. */
const neitherWhole = ({ secret, username }: Pick<Names, "secret" | "username">): BuilderFinding =>
	found(
		"both-names",
		"PROXMOX_USERNAME is image-builder's and PROXMOX_SECRET is CAPMOX's. PROXMOX_TOKEN, which both read, is missing, so neither can log in.",
		{
			from: `PROXMOX_TOKEN, beside ${from("PROXMOX_USERNAME", username)} and ${from("PROXMOX_SECRET", secret)}`,
			saw: "not set",
			expected: "for CAPMOX the token ID, for image-builder the secret",
		},
		advise("For CAPMOX, give the token ID the name PROXMOX_TOKEN, such as: export PROXMOX_TOKEN='capmox@pve!capi'"),
		{ ...writeFile("image-builder"), advice: "Then write image-builder a file of its own, if you need one." },
	);

const examples: Readonly<Record<string, string>> = {
	PROXMOX_URL: "https://pve.example.com:8006/api2/json",
	PROXMOX_USERNAME: "image-builder@pve!capi",
	PROXMOX_TOKEN: "…",
	PROXMOX_NODE: "pve1",
};

function incomplete(missing: readonly string[], hasSecret: boolean): BuilderFinding {
	const lines = missing.map((name) => advise(`Set ${name}, such as: export ${name}='${examples[name] ?? ""}'`));
	return found(
		"image-builder-incomplete",
		`${hasSecret ? "PROXMOX_TOKEN holds a secret" : "PROXMOX_USERNAME is set"}, as image-builder wants it, but ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing.`,
		{
			from: "the environment, envfile and clusterctl.yaml",
			saw: `no ${missing.join(", no ")}`,
			expected: "PROXMOX_URL, PROXMOX_USERNAME, PROXMOX_TOKEN and PROXMOX_NODE",
		},
		advise(
			"Where these were meant for CAPMOX: the token ID belongs into PROXMOX_TOKEN, the secret into PROXMOX_SECRET.",
		),
		...lines,
	);
}

const hasApiPath = ({ path = "" }: Proxmox["url"]): boolean => /^(?:\/.*)?\/api2\/json\/?$/.test(path);

/** Whatever is written like it is no path that leads anywhere. */
const mentionsApi = ({ path = "" }: Proxmox["url"]): boolean => /\/api2(?:\/|$)/i.test(path);

const withoutPath = ({ text = "" }: Proxmox["url"]): string =>
	text.replace(/\/api2(?:\/.*)?$/i, "").replace(/\/+$/, "");
