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
		return changeItems(value, change, changeKey);
	}

	return typeof value === "object" && value !== null ? changeFields(value, change, changeKey) : value;
}

// Nothing is made anew before something is different: a large fact has a hundred thousand values, and hardly one changes.
function changeItems(
	value: readonly unknown[],
	change: (text: string) => string,
	changeKey: (key: string) => string,
): unknown {
	let items: unknown[] | undefined;
	for (let index = 0; index < value.length; index++) {
		const item = changeTexts(value[index], change, changeKey);
		if (item !== value[index]) {
			items ??= [...value];
			items[index] = item;
		}
	}

	return items ?? value;
}

function changeFields(value: object, change: (text: string) => string, changeKey: (key: string) => string): unknown {
	const keys = Object.keys(value);
	let fields: [string, unknown][] | undefined;
	for (let index = 0; index < keys.length; index++) {
		const key = keys[index] ?? "";
		const before: unknown = Reflect.get(value, key);
		const [name, item] = [changeKey(key), changeTexts(before, change, changeKey)];
		if (fields === undefined && (name !== key || item !== before)) {
			fields = keys.slice(0, index).map((each) => [each, Reflect.get(value, each)]);
		}

		fields?.push([name, item]);
	}

	return fields === undefined ? value : Object.fromEntries(fields);
}

/** No longer than `most` characters and a note; never half of one that takes two. */
export function clip(text: string, most: number): string {
	if (text.length <= most) {
		return text;
	}

	const kept = text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "");
	return `${kept}… (${text.length - kept.length} more characters)`;
}
