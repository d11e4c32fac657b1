/** Fewer characters of a secret than these give nothing away. */
const telling = 10;

/** What of the secrets stands in a text, plain or encoded, whole or in part; empty where nothing does. */
export function tracesOf(text: string, canaries: Readonly<Record<string, string>>): readonly string[] {
	const plain = text.toLowerCase();
	// Prose is wrapped, and base64 is printed in lines.
	const joined = plain.replace(/\s+/g, "");
	return Object.entries(canaries).flatMap(([name, canary]) =>
		Object.entries(encodingsOf(canary)).flatMap(([encoding, forms]) =>
			forms.some((form) => windowsOf(form.toLowerCase()).some((part) => plain.includes(part) || joined.includes(part)))
				? [`${name}, ${encoding}`]
				: [],
		),
	);
}

function encodingsOf(canary: string): Readonly<Record<string, readonly string[]>> {
	const bytes = Buffer.from(canary);
	const base64 = [0, 1, 2].map((offset) =>
		Buffer.concat([Buffer.alloc(offset), bytes])
			.toString("base64")
			// What stands before and behind the secret is in the first and the last of these.
			.slice(offset === 0 ? 0 : 4)
			.replace(/.?.?=*$/, ""),
	);
	return {
		plain: [canary],
		base64,
		base64url: base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_")),
		url: [encodeURIComponent(canary), new URLSearchParams({ a: canary }).toString().slice(2)],
		json: [JSON.stringify(canary).slice(1, -1), JSON.stringify(JSON.stringify(canary)).slice(3, -3)],
		hexadecimal: [bytes.toString("hex")],
	};
}

/** Every part of the telling length: a secret may have been cut. */
const windowsOf = (form: string): readonly string[] =>
	Array.from({ length: Math.max(0, form.length - telling + 1) }, (_, index) => form.slice(index, index + telling));
