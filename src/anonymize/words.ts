import { createHmac } from "node:crypto";
import { ordinaryWords } from "./ordinary.ts";

/** A run of letters, with digits only between them: the 1 of pve1 tells nothing, and orders. */
export const wordPattern = "\\p{L}+(?:\\d+\\p{L}+)*";

/** systemd's names for network cards, systemd.net-naming-scheme(7), but for those that hold a MAC. */
const networkCard = /^(?:en|wl|ww)[ops]\d+(?:[sfd]\d*)*$/;

export const isOrdinary = (word: string): boolean =>
	word.length < 2 || ordinaryWords.has(word.toLowerCase()) || networkCard.test(word);

export interface Words {
	/** A stand-in of the same length, letter for letter and digit for digit, in the same case. */
	replace(word: string): string;
}

const vowels = "aeiou";
const consonants = "bdfgklmnprstvz";

/** `present`: words, in lower case, that stand in the text; no stand-in is one of them, so that what is left is seen. */
export function createWords(key: Uint8Array, present: ReadonlySet<string>): Words {
	const chosen = new Map<string, string>();
	const taken = new Set<string>();

	function choose(word: string): string {
		for (let attempt = 0; ; attempt++) {
			const bytes = createHmac("sha256", key).update(`word ${attempt} ${word}`).digest();
			// Where all short ones are taken it may grow.
			const shape = word + "a".repeat(Math.floor(attempt / 200));
			const candidate = Array.from(shape, (character, index) => spell(character, index, bytes)).join("");
			if (!taken.has(candidate) && !present.has(candidate) && !isOrdinary(candidate)) {
				taken.add(candidate);
				return candidate;
			}
		}
	}

	return {
		replace: (word) => {
			const lower = word.toLowerCase();
			const other = chosen.get(lower) ?? choose(lower);
			chosen.set(lower, other);
			const letters = Array.from(word);
			return Array.from(other, (letter, index) => {
				const original = letters[index] ?? "";
				return original !== original.toLowerCase() ? letter.toUpperCase() : letter;
			}).join("");
		},
	};
}

/** What is no ASCII stays so: it may be what is wrong with the name. */
function spell(character: string, index: number, bytes: Buffer): string {
	const byte = bytes[index % bytes.length] ?? 0;
	if (/\d/.test(character)) {
		return String(byte % 10);
	}

	const letters = index % 2 === 0 ? consonants : vowels;
	return character > "\u007F" ? "é" : (letters[byte % letters.length] ?? "a");
}
