import { found, mapNonEmpty } from "../../src/check.ts";
import { conventionOf } from "../imagebuilder-env/convention.ts";
import { advise, writeExample } from "../steps.ts";
import { isAccepted } from "./answer.ts";
import { type Access, changeOnNode, type Environment, namesOf, type TokenCode, type TokenFinding } from "./findings.ts";
import { examples, keys, names } from "./names.ts";
import { repairs, tokenSyntax } from "./token-syntax.ts";
import { blemishes } from "./values.ts";

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
		writeExample(
			"Put address, token ID and secret into the envfile.",
			"export PROXMOX_URL='https://pve.example.com:8006'",
			undefined,
		),
		writeExample("The token ID goes into PROXMOX_TOKEN.", "export PROXMOX_TOKEN='capmox@pve!capi'", undefined),
		writeExample(
			"The UUID that the first command printed goes into PROXMOX_SECRET.",
			"export PROXMOX_SECRET='…'",
			undefined,
		),
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
			writeExample(
				"Put the token ID (image-builder's PROXMOX_USERNAME) into PROXMOX_TOKEN.",
				"export PROXMOX_TOKEN='capmox@pve!capi'",
				token.origin,
			),
			writeExample("Put the UUID into PROXMOX_SECRET.", "export PROXMOX_SECRET='…'", secret.origin),
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
				writeExample(`Set ${names[key]}${quoting[key]}.`, examples[key], environment[key].origin),
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
