import { found } from "../../src/check.ts";
import { advise, writeExample } from "../steps.ts";
import { isAccepted } from "./answer.ts";
import { type Access, type Environment, type TokenCode, type TokenFinding } from "./findings.ts";
import { examples, keys, names } from "./names.ts";

type Blemish = Environment["secret"]["blemishes"][number];

/** What stands around a value: invisible in an editor, and fatal on the wire. */
export function blemishes(environment: Environment): TokenFinding[] {
	return keys.flatMap((key) => {
		const { blemishes: seen, origin } = environment[key];
		const codes = new Set(seen.flatMap((blemish) => codeOf(key, blemish) ?? []));
		return [...codes].map((code) =>
			found(
				code,
				`${names[key]}: ${blemishMeanings[code]}`,
				{ from: `${names[key]} (${origin ?? "the environment"})`, saw: seen.join(", "), expected: "the bare value" },
				writeExample("Write the bare value, in single quotes and on one line.", examples[key], origin),
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
			writeExample(
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
