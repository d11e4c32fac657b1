import { fileURLToPath } from "node:url";
import { checks } from "../../checks/index.ts";
import { createFiles } from "../access/files.ts";
import { UsageError } from "../errors.ts";
import { nearest } from "./select.ts";
import type { Terminal } from "./terminal.ts";

/** `explain`: a check's page, or the section of one finding. */
export async function explain(word: string, terminal: Terminal): Promise<number> {
	const [id = "", code] = word.split("/");
	const known = checks.flatMap((check) => [
		check.id,
		...Object.keys(check.findings).map((name) => `${check.id}/${name}`),
	]);
	if (!known.includes(word)) {
		throw new UsageError(
			`there is no check or finding ${JSON.stringify(word)}${nearest(word, known)}; see capmox-doctor list --findings`,
		);
	}

	const page = await createFiles().readText(fileURLToPath(new URL(`../../checks/${id}.md`, import.meta.url)));
	const text = page === undefined ? undefined : code === undefined ? page : sectionOf(page, code);
	if (text === undefined) {
		throw new Error(`there is no page for ${word}`);
	}

	terminal.out(`${text.trim()}\n`);
	return 0;
}

/** From the heading `### code` to the next heading. */
export function sectionOf(page: string, code: string): string | undefined {
	const [, ...sections] = page.split(/^(?=#{1,3} )/m);
	return sections.find((section) => section.startsWith(`### ${code}\n`));
}
