const hidden = "[secret]";

/**
 * Shapes that secrets have in logs, each with what stands before it and stays. A UUID is the secret of a Proxmox token
 * unless it is named as something else; a request's or an object's id helps nobody who reads the line.
 */
const shapes: readonly (readonly [RegExp, string])[] = [
	[/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,8000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/gs, hidden],
	[/\b(PVEAPIToken[= ][^\s=:"']{1,200}[=:])[^\s"',;)]{1,300}/gi, `$1${hidden}`],
	[/\b((?:PVEAuthCookie|CSRFPreventionToken)"?[=:] ?"?)[^\s"',;]{4,600}/gi, `$1${hidden}`],
	[/\bPVE:[^\s:"']{1,100}:[0-9A-F]{8}::[A-Za-z0-9+/=]{20,600}/g, hidden],
	[/\b((?:Bearer|Basic) )[A-Za-z0-9._~+/=-]{8,4000}/gi, `$1${hidden}`],
	[/\beyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,4000})?/g, hidden],
	[/\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|AKIA[A-Z0-9]{16})\b/g, hidden],
	[/(:\/\/[^\s/:@"']{0,200}:)[^\s/@"']{1,300}(?=@)/g, `$1${hidden}`],
	[
		/((?:^|[^a-z0-9])(?:[a-z0-9]+[_-]){0,4}(?:secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|client-key-data|certificate[_-]?key|(?<=[_-])pass)"? ?[=:] ?)(?:"(?:[^"]|"(?![\s,;:}\])"']|$)){1,4000}"|'[^']{1,4000}'|(?!\[secret\]|secrets? )[^\s"',;}]{3,4000})/gi,
		`$1${hidden}`,
	],
	[/\b((?:password|passphrase|secret) (?:is|was):? ?)(?:"[^"]{1,4000}"|'[^']{1,4000}')/gi, `$1${hidden}`],
	[
		/((?:^|[\s"'])--?(?:[a-z0-9]{1,20}-){0,4}(?:token|certificate-key|password|passphrase|secret)[= ]["']?)[^\s"',;]{3,4000}/gi,
		`$1${hidden}`,
	],
	[
		/\b((?:[a-z0-9]+_)*token"?[=:] ?["']?[^\s"'=@!]{1,100}@[^\s"'=!]{1,100}![^\s"'=]{1,100}=)[^\s"',;]{3,300}/gi,
		`$1${hidden}`,
	],
	[/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, hidden],
	[/(?<!sha256[:/@]|[0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi, hidden],
	[
		/(?<!proxmox:\/\/|[0-9a-f-]|uuid=|uid[=:] ?"?|reconcileID"?[=:] ?"?)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f-])/gi,
		hidden,
	],
	[/\b[A-Za-z0-9+/]{120,}={0,2}/g, hidden],
];

/** The text without what looks like a secret: tokens, keys, passwords, tickets. */
export const maskShapes = (text: string): string =>
	shapes.reduce((rest, [shape, replacement]) => rest.replace(shape, replacement), text);
