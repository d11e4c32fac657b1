import { readdirSync, readFileSync } from "node:fs";
import { Chalk } from "chalk";
import { describe, expect, test } from "vitest";
import { renderPage } from "../../src/report/page.ts";

const options = { paint: new Chalk({ level: 0 }), width: 40 };

test("headings, prose, lists, code and tables for a terminal", () => {
	const markdown = `# a: The title

Some words with \`a piece of code\` in them, **strong** ones, and a [link](https://example.com/x) behind.

- one item that is long enough
  to be wrapped again
- two

1. first
2. second

\`\`\`
code   stays | as "it" is, even where it is longer than the line
\`\`\`

| file | what |
|---|---|
| \`a.json\` | \`x \\| y\` and more words than fit |
`;
	expect(renderPage(markdown, options)).toBe(`a: The title

Some words with a piece of code in them,
strong ones, and a link
(https://example.com/x) behind.

- one item that is long enough to be
  wrapped again
- two

1. first
2. second

    code   stays | as "it" is, even where it is longer than the line

file    what
a.json  x | y and more words than fit
`);
});

const folder = new URL("../../checks/", import.meta.url);

describe.each(readdirSync(folder).filter((file) => file.endsWith(".md")))("%s", (file) => {
	const markdown = readFileSync(new URL(file, folder), "utf8");
	const page = renderPage(markdown, { ...options, width: 80 });

	test("shows no marks of Markdown", () => {
		const prose = page.split("\n").filter((line) => !line.startsWith("    "));
		expect(prose.filter((line) => /^#{1,6} |```|\*\*|^\|/.test(line))).toEqual([]);
		expect(prose.filter((line) => /`[^`]+`/.test(line))).toEqual([]);
	});

	test("loses no letter", () => {
		const letters = (text: string) => text.replace(/^\|[\s:|-]+\|$/gm, "").replace(/[\s`#|*\\()[\]·-]/g, "");
		expect(letters(page)).toBe(letters(markdown));
	});
});
