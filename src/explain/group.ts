/** Lines that look like errors and are in no signature, grouped by what they say apart from numbers and names. */
export interface Group {
	/** The first such line. */
	readonly line: string;
	count: number;
}

/** More kinds of lines than anyone reads; further ones are only counted. */
const mostGroups = 2_000;

const isWordByte = new Uint8Array(256);
const isDigitByte = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
	const character = String.fromCharCode(byte);
	isWordByte[byte] = /[A-Za-z0-9._-]/.test(character) ? 1 : 0;
	isDigitByte[byte] = /\d/.test(character) ? 1 : 0;
}

/** A number that two lines share where they differ only in words that hold a digit: times, ids, addresses, names. */
function likeness(bytes: Buffer, start: number, end: number): number {
	let hash = 0x811c9dc5;
	let word = 0;
	let hasDigit = 0;
	for (let index = start; index < end; index++) {
		const byte = bytes[index] ?? 0;
		if (isWordByte[byte] === 1) {
			word = Math.imul(word ^ byte, 0x01000193);
			hasDigit |= isDigitByte[byte] ?? 0;
			continue;
		}

		if (word !== 0) {
			hash = Math.imul(hash ^ (hasDigit === 1 ? 0x23 : word), 0x01000193);
			word = 0;
			hasDigit = 0;
		}

		if (byte > 0x20) {
			hash = Math.imul(hash ^ byte, 0x01000193);
		}
	}

	return Math.imul(hash ^ (hasDigit === 1 ? 0x23 : word), 0x01000193);
}

const quiet =
	/^(?:\S{1,80} ){0,6}?(?:[I]\d{4} \d\d:|\[?(?:INFO|DEBUG?|TRACE?|NOTICE)\b)|\blevel"?[=:] ?"?(?:info|debug|trace|notice)\b|^.{0,120}(?:\[(?:DEBUG|INFO|TRACE|conmon:[di])\]|<n(?:debug|info)>)/;
const loud =
	/^(?:\S{1,80} ){0,4}?[EF]\d{4} \d\d:|\b(?:level|severity|lvl)"?[=:] ?"?(?:err|crit|fatal|panic|dpanic|emerg)|\b(?:ERROR|ERR|FATAL|CRITICAL|PANIC|panic|fatal|Error|Failed|FAILED|Fatal)\b|\b(?:error|failed|failure|unable to|cannot|can't|could not|couldn't|denied|refused|forbidden|unauthorized|timed out|x509)\b/;
/** What reads like an error and is none: names of files, counters, flags. */
const harmless =
	/^To see the stack trace of this error execute|^\[preflight\] If you know what you are doing|\b(?:failed=0|0 errors?|no errors?|errors?[:=] ?(?:0|none|nil|null|"")|errors?: ?\[\]|without errors?)\b|"error": ?(?:null|"")/i;

const looksLikeError = (line: string): boolean => !quiet.test(line) && loud.test(line) && !harmless.test(line);

/** What is tried again, or only warned of. */
const mild =
	/^(?:\S{1,80} ){0,4}?W\d{4} \d\d:|\b(?:level|severity|lvl)"?[=:] ?"?warn|\bWARN(?:ING)?\b|\b(?:retry(?:ing)?|retries|requeu(?:e|ing)|try(?:ing)? again|ignor(?:ed|ing)|skipp?(?:ed|ing))\b/i;

/** An error beyond doubt: not a warning, and nothing that is tried again. */
export const isPlainError = (line: string): boolean => looksLikeError(line) && !mild.test(line);

/** A part of a long text would keep all of it in memory. */
const copied = (line: string): string => Buffer.from(line.slice(0, 2_000)).toString();

/** Collects groups; what is no error is remembered as such, so that each kind of line is read once. */
export function createGroups() {
	const groups = new Map<number, Group | undefined>();
	let others = 0;
	return {
		add(bytes: Buffer, start: number, end: number, line: string): void {
			const key = likeness(bytes, start, end);
			const known = groups.get(key);
			if (known !== undefined) {
				known.count++;
			} else if (!groups.has(key)) {
				if (groups.size >= mostGroups) {
					others++;
					return;
				}

				groups.set(key, looksLikeError(line) ? { line: copied(line), count: 1 } : undefined);
			}
		},
		/** The most frequent first. */
		list(): readonly Group[] {
			return [...groups.values()].filter((group) => group !== undefined).sort((a, b) => b.count - a.count);
		},
		/** Lines of kinds for which there was no room. */
		get others() {
			return others;
		},
	};
}

export const likenessOf = (text: string): number => {
	const bytes = Buffer.from(text);
	return likeness(bytes, 0, bytes.length);
};
