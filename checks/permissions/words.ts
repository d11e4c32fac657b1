/** "a, b and c" */
export function listed(words: readonly string[]): string {
	const [last = "", ...others] = [...new Set(words)].reverse();
	return others.length === 0 ? last : `${others.reverse().join(", ")} and ${last}`;
}

/** What is held beside what is looked for, which tells a narrow role from an empty one. */
export function ofTheseFamilies(held: Readonly<Record<string, 0 | 1>>, wanted: readonly string[]): string {
	const families = [...new Set(wanted.map(familyOf))];
	const own = Object.keys(held).filter((privilege) => families.includes(familyOf(privilege)));
	return own.length === 0 ? `no ${listed(families.map((family) => `${family}.*`))}` : own.sort().join(", ");
}

/** VM.Config.CPU → VM.Config */
const familyOf = (privilege: string): string => privilege.replace(/\.[^.]*$/, "");
