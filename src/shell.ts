/** An argument vector as a line to paste into a shell. Single quotes also keep bash from taking the `!` of a token ID for history. */
export const toShell = (argv: readonly string[]): string =>
	argv.map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
