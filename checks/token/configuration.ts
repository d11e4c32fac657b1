import { found, mapNonEmpty } from "../../src/check.ts";
import { conventionOf } from "../imagebuilder-env/convention.ts";
import { advise, write } from "../steps.ts";
import { isAccepted } from "./answer.ts";
import {
	type Access,
	changeOnNode,
	type Environment,
	findings,
	namesOf,
	onNode,
	type TokenCode,
	type TokenFinding,
} from "./findings.ts";

const names = { url: "PROXMOX_URL", token: "PROXMOX_TOKEN", secret: "PROXMOX_SECRET" } as const;
const keys = ["url", "token", "secret"] as const;

export const nothingSet = (environment: Environment): boolean =>
	keys.every((key) => environment[key].presence === "unset") && !environment.files.some(isInvalidYaml);

const isInvalidYaml = ({ problems }: Environment["files"][number]): boolean =>
	problems.some(({ problem }) => problem === "invalid-yaml");

export const notSet = (environment: Environment): TokenFinding =>
	found(
		"not-set",
		"There is nothing to try: none of the three variables that lead to Proxmox VE is set.",
		{
			from: `the environment, ${["envfile", ...environment.files.map(({ path }) => path)].join(", ")} and clusterctl.yaml`,
			saw: "no PROXMOX_URL, PROXMOX_TOKEN or PROXMOX_SECRET",
			expected: "all three",
		},
		createToken(environment),
		write(
			"Put address, token ID and secret into the envfile.",
			"export PROXMOX_URL='https://pve.example.com:8006'",
			undefined,
		),
		write("The token ID goes into PROXMOX_TOKEN.", "export PROXMOX_TOKEN='capmox@pve!capi'", undefined),
		write("The UUID that the first command printed goes into PROXMOX_SECRET.", "export PROXMOX_SECRET='…'", undefined),
	);

const createToken = (environment: Environment) => {
	const { user, id } = namesOf(environment);
	return changeOnNode(
		`pveum user token remove ${user} ${id}`,
		"Create a token for CAPMOX's user; its secret is shown this once.",
		"pveum",
		"user",
		"token",
		"add",
		user,
		id,
		"--privsep",
		"0",
	);
};

/** What is wrong with the variables as they stand, before anything is sent. */
export function judgeVariables(environment: Environment, access: Access | undefined): TokenFinding[] {
	return [
		...invalidYaml(environment),
		...exchangedNames(environment),
		...partlySet(environment),
		// The server decodes %21, for one: what it accepted is right.
		...(access !== undefined && isAccepted(access) ? [] : tokenSyntax(environment)),
		...blemishes(environment),
	];
}

const invalidYaml = ({ files }: Environment): TokenFinding[] =>
	files.filter(isInvalidYaml).map(({ path, problems }) =>
		found(
			"invalid-clusterctl-yaml",
			`${path} is not valid YAML, so neither clusterctl nor this program can read a variable from it.`,
			{
				from: `${path}, line ${problems[0]?.line ?? 1}`,
				saw: "a syntax error",
				expected: 'lines of the form NAME: "value"',
			},
			advise(
				'Write each line as NAME: "value". CAPMOX\'s own guide has one line with = in it, which breaks the file when pasted.',
			),
		),
	);

/** Both mistakes put a secret where the token ID belongs. */
function exchangedNames(environment: Environment): TokenFinding[] {
	const { token, secret, username } = environment;
	if (token.shape !== "uuid") {
		return [];
	}

	const evidence = {
		from: `PROXMOX_TOKEN (${token.origin ?? "the environment"})`,
		saw: "a UUID, as secrets are",
		expected: "a token ID: user@realm!tokenid",
	};
	if (conventionOf(environment) === "swapped") {
		return [
			found(
				"swapped",
				"PROXMOX_TOKEN holds the secret and PROXMOX_SECRET holds the token ID.",
				evidence,
				advise(
					"Exchange the two values: the token ID (with @ and !) belongs into PROXMOX_TOKEN, the UUID into PROXMOX_SECRET.",
				),
			),
		];
	}

	const isImageBuilders = username.presence === "set" || secret.presence !== "set";
	return [
		found(
			"imagebuilder-names",
			isImageBuilders
				? "These are image-builder's variables: there PROXMOX_TOKEN is the secret, and PROXMOX_USERNAME the token ID."
				: "PROXMOX_TOKEN holds a UUID. CAPMOX wants the token ID there; image-builder is the program that wants the secret.",
			evidence,
			write(
				"Put the token ID (image-builder's PROXMOX_USERNAME) into PROXMOX_TOKEN.",
				"export PROXMOX_TOKEN='capmox@pve!capi'",
				token.origin,
			),
			write("Put the UUID into PROXMOX_SECRET.", "export PROXMOX_SECRET='…'", secret.origin),
			advise(
				"Keep two files, one for each program: image-builder also wants /api2/json in PROXMOX_URL, which CAPMOX must not have.",
			),
		),
	];
}

function partlySet(environment: Environment): TokenFinding[] {
	const missing = keys
		.filter((key) => environment[key].presence !== "set")
		// Under image-builder's names the missing secret is no separate fault.
		.filter((key) => !(key === "secret" && environment.token.shape === "uuid"));
	const [first, ...rest] = missing;
	if (first === undefined || environment.files.some(isInvalidYaml)) {
		return [];
	}

	return [
		{
			code: "partly-set",
			summary: `${missing.map((key) => names[key]).join(" and ")} ${missing.length === 1 ? "is" : "are"} missing; with any of the three empty, CAPMOX starts without a Proxmox client.`,
			evidence: mapNonEmpty([first, ...rest], (key) => {
				const { presence, origin } = environment[key];
				return {
					from: names[key],
					saw: presence === "empty" ? `set to nothing in ${origin ?? "the environment"}` : "not set",
					expected: expectations[key],
				};
			}),
			remedy: mapNonEmpty([first, ...rest], (key) =>
				write(`Set ${names[key]}${quoting[key]}.`, examples[key], environment[key].origin),
			),
		},
	];
}

const expectations = {
	url: "https://HOST:8006",
	token: "a token ID: user@realm!tokenid",
	secret: "the token's secret, a UUID",
} as const;

const quoting = {
	url: "",
	token: ", in single quotes: in double quotes an interactive bash takes the ! for its history, and sets nothing",
	secret: "",
} as const;

const examples = {
	url: "export PROXMOX_URL='https://pve.example.com:8006'",
	token: "export PROXMOX_TOKEN='capmox@pve!capi'",
	secret: "export PROXMOX_SECRET='…'",
} as const;

/** By what `parseToken` found; the example is the value as it should be, where that can be told. */
function tokenSyntax({ token }: Environment): TokenFinding[] {
	const from = `PROXMOX_TOKEN (${token.origin ?? "the environment"})`;
	const saw = token.id ?? "a value that is not shown, because it may hold a secret";
	return token.faults.map((fault) =>
		found(
			fault,
			findings[fault].means,
			{ from, saw, expected: "user@realm!tokenid, such as capmox@pve!capi" },
			write(repairs[fault], `export PROXMOX_TOKEN='${repaired(fault, token.id)}'`, token.origin),
			onNode(
				"The token IDs of a user are listed by this; nothing in it is secret.",
				"pveum",
				"user",
				"token",
				"list",
				userOf(token.id),
			),
		),
	);
}

const repairs = {
	"no-token-id": "Append ! and the token ID to the user.",
	"no-realm": "Write the user with its realm; a token of capmox in the realm pve begins with capmox@pve.",
	"short-token-id": "Create a token with a longer ID, and name that one.",
	"invalid-token-id":
		"A token ID begins with a letter and goes on with letters, digits, dots, hyphens and underscores.",
	"escaped-exclamation-mark": "Take the backslash out and put the value into single quotes.",
	"user-twice": "Give the user once. What pveum prints as full-tokenid is the whole value already.",
	"secret-appended": "Keep what stands before the = here; what stands behind it belongs into PROXMOX_SECRET.",
	"header-pasted": "Keep user@realm!tokenid; CAPMOX puts PVEAPIToken= in front by itself.",
	placeholder: "Put the ID of your own token behind the !.",
} as const satisfies Record<Environment["token"]["faults"][number], string>;

function repaired(fault: Environment["token"]["faults"][number], id: string | undefined): string {
	if (id === undefined) {
		return "capmox@pve!capi";
	}

	switch (fault) {
		case "escaped-exclamation-mark":
			return id.replaceAll("\\!", "!");
		case "user-twice":
			return id.replace(/^.*!(?=.*@.*!)/, "");
		default:
			return `${userOf(id)}!capi`;
	}
}

const userOf = (id = ""): string => /^[^\s!]+@[A-Za-z][\w.-]+/.exec(id.replaceAll("\\", ""))?.[0] ?? "capmox@pve";

type Blemish = Environment["secret"]["blemishes"][number];

/** What stands around a value: invisible in an editor, and fatal on the wire. */
function blemishes(environment: Environment): TokenFinding[] {
	return keys.flatMap((key) => {
		const { blemishes: seen, origin } = environment[key];
		const codes = new Set(seen.flatMap((blemish) => codeOf(key, blemish) ?? []));
		return [...codes].map((code) =>
			found(
				code,
				`${names[key]}: ${blemishMeanings[code]}`,
				{ from: `${names[key]} (${origin ?? "the environment"})`, saw: seen.join(", "), expected: "the bare value" },
				write("Write the bare value, in single quotes and on one line.", examples[key], origin),
				...(code === "line-break"
					? [
							advise(
								"Where it comes from a Kubernetes Secret: make it with printf %s instead of echo, which appends a line break.",
							),
						]
					: []),
			),
		);
	});
}

const blemishMeanings = {
	quotes:
		"the quotation marks have become part of the value. Docker's --env-file and kubectl's --from-env-file keep them.",
	blanks: "there is a blank in it that reaches the server as part of the value.",
	"trailing-blank": "it ends in a blank. HTTP clients drop it, curl does not.",
	"line-break":
		"there is a line break in it. Go's HTTP client, and so CAPMOX, refuses to send it, though other clients trim it.",
} as const satisfies Partial<Record<TokenCode, string>>;

/** Only what ends the header is trimmed on the way: the end of the secret, and blanks around a URL. */
function codeOf(key: (typeof keys)[number], blemish: Blemish): keyof typeof blemishMeanings | undefined {
	switch (blemish) {
		case "quotes":
			return "quotes";
		case "line-break":
			return "line-break";
		case "trailing-blank":
			return key === "secret" ? "trailing-blank" : "blanks";
		case "leading-blank":
		case "inner-blank":
			return "blanks";
	}
}

/** Secrets come from UUID::uuid() and are compared byte by byte, so another shape cannot be right; said only where the server did not take it. */
export function judgeSecretShape({ secret, token }: Environment, access: Access): TokenFinding[] {
	const { shape, origin } = secret;
	if (
		shape === undefined ||
		shape === "uuid" ||
		token.shape === "uuid" ||
		access.open.kind !== "answered" ||
		isAccepted(access)
	) {
		return [];
	}

	return [
		found(
			"secret-not-uuid",
			secretMeanings[shape],
			{
				from: `PROXMOX_SECRET (${origin ?? "the environment"})`,
				saw: "a value of another shape, which is not shown",
				expected: "a UUID in lower-case letters, 36 characters",
			},
			write(
				"Write the secret as pveum printed it when the token was created, in single quotes.",
				examples.secret,
				origin,
			),
			advise("It cannot be read again from Proxmox VE. Where it is lost, create the token again."),
		),
	];
}

const secretMeanings = {
	"uuid-upper-case":
		"PROXMOX_SECRET is a UUID with upper-case letters; Proxmox VE makes lower-case ones and compares byte by byte.",
	"token-id": "PROXMOX_SECRET holds a token ID instead of the secret.",
	"token-id-and-secret": "PROXMOX_SECRET holds token ID and secret together; keep what stands behind the =.",
	other: "PROXMOX_SECRET is not a UUID, as every secret of Proxmox VE is. A character may be missing.",
} as const;

const explaining: ReadonlySet<string> = new Set([
	...Object.keys(repairs),
	"secret-not-uuid",
	"swapped",
	"imagebuilder-names",
]);

/** What a server says to values whose fault is known already; saying it again would hide the cause. */
export const consequencesOf = (found: readonly TokenFinding[]): readonly TokenCode[] => [
	...(found.some(({ code }) => explaining.has(code))
		? (["rejected", "token-malformed", "wrong-secret", "unknown-user", "unknown-realm"] as const)
		: []),
	...(found.some(({ code }) => code === "placeholder") ? (["unknown-token"] as const) : []),
];
