import fc from "fast-check";
import { expect, test } from "vitest";
import { createMask } from "../../src/access/mask.ts";

const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const odd = 'p"ss+wörd\\/n: %';

test.each([
	["plain", secret, secret],
	["in other letter case", secret, secret.toUpperCase()],
	["URL-encoded", odd, encodeURIComponent(odd)],
	["JSON-escaped", odd, JSON.stringify(odd).slice(1, -1)],
	["HTML-escaped", odd, odd.replace('"', "&quot;")],
	["HTML-escaped by numbers", `a<'b&"c`, "a&lt;&#39;b&amp;&#34;c"],
	["HTML-escaped, hexadecimal", `a<'b&"c`, "a&lt;&#x27;b&amp;&quot;c"],
	["with blanks around", ` ${secret}\n`, secret],
])("hides a secret %s", (_, value, seen) => {
	expect(createMask([value])(`before ${seen} after`)).toBe("before [secret] after");
});

test("hides hexadecimal", () => {
	expect(createMask([secret])(`x${Buffer.from(secret).toString("hex").toUpperCase()}x`)).toBe("x[secret]x");
});

test("hides base64 at every alignment, also URL-safe", () => {
	for (const before of ["", "x", "xy", "capmox@pve!capi="]) {
		const encoded = Buffer.from(`${before}${secret}\n`).toString("base64");
		expect(createMask([secret])(encoded)).toContain("[secret]");
		expect(createMask([secret])(encoded)).not.toContain(
			Buffer.from(secret.slice(3, 33)).toString("base64").slice(0, 20),
		);
	}

	const bytes = ">>>???>>>???>>>";
	expect(createMask([bytes])(Buffer.from(bytes).toString("base64url"))).toContain("[secret]");
});

test("no part of any text survives in which a secret was planted", () => {
	fc.assert(
		fc.property(fc.string({ minLength: 6, unit: "grapheme" }), fc.string(), fc.string(), (value, before, after) => {
			fc.pre(
				value.trim().length >= 6 &&
					!before.includes(value) &&
					!after.includes(value) &&
					!"[secret]".includes(value.trim()),
			);
			const masked = createMask([value])(`${before}${value}${after}`);
			expect(masked).toContain("[secret]");
			expect(masked.includes(value) && !`${before}[secret]${after}`.includes(value)).toBe(false);
		}),
	);
});

test("leaves everything alone where there is no secret, or one too short to tell from a word", () => {
	expect(createMask([])("a text")).toBe("a text");
	expect(createMask(["", "a"])("a text")).toBe("a text");
});

test("hides even a secret that no regular expression could hold", () => {
	const long = "\\".repeat(50_000);
	expect(createMask([long])(`before ${long} after`)).toBe("before [secret] after");
});
