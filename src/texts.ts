/** C0 but for tab and line feed, DEL, and C1, which terminals obey, too. */
export const withoutControls = (text: string): string =>
	text.replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, "\uFFFD");

/** The same value with every text in it changed, itself where nothing is; keys stay, unless `changeKey` says otherwise. */
export function changeTexts(
	value: unknown,
	change: (text: string) => string,
	changeKey: (key: string) => string = (key) => key,
): unknown {
	if (typeof value === "string") {
		return change(value);
	}

	if (Array.isArray(value)) {
		const items = value.map((item) => changeTexts(item, change, changeKey));
		return items.every((item, index) => item === value[index]) ? value : items;
	}

	if (typeof value !== "object" || value === null) {
		return value;
	}

	const before: [string, unknown][] = Object.entries(value);
	const after = before.map(([key, item]): [string, unknown] => [changeKey(key), changeTexts(item, change, changeKey)]);
	const isSame = after.every(([key, item], index) => key === before[index]?.[0] && item === before[index][1]);
	return isSame ? value : Object.fromEntries(after);
}
