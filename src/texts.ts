/** C0 but for tab and line feed, DEL, and C1, which terminals obey, too. */
export const withoutControls = (text: string): string =>
	text.replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, "\uFFFD");

/** The same value with every text in it changed; keys stay, unless `changeKey` says otherwise. */
export function changeTexts(
	value: unknown,
	change: (text: string) => string,
	changeKey: (key: string) => string = (key) => key,
): unknown {
	if (typeof value === "string") {
		return change(value);
	}

	if (Array.isArray(value)) {
		return value.map((item) => changeTexts(item, change, changeKey));
	}

	if (typeof value === "object" && value !== null) {
		return Object.fromEntries(
			Object.entries(value).map(([key, item]) => [changeKey(key), changeTexts(item, change, changeKey)]),
		);
	}

	return value;
}
