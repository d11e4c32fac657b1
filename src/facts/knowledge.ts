import type * as z from "zod";
import type { World } from "../access/world.ts";
import { UsageError } from "../errors.ts";
import { compatibility, type knowledgeCompatibility } from "../knowledge/compatibility.ts";

/** @throws UsageError where the user's file has not the form of the one that ships. */
export async function readKnowledgeCompatibility(world: World): Promise<z.infer<typeof knowledgeCompatibility>> {
	const { from, text, isOwn } = await world.knowledge();
	const wrong = (what: string) =>
		isOwn ? new UsageError(`--knowledge: ${from}: ${what}`) : new Error(`${from}: ${what}`);
	let value: unknown;
	try {
		value = text.startsWith("{") ? JSON.parse(text) : (await import("../yaml.ts")).parse(text);
	} catch (error) {
		throw wrong(`not valid YAML: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : ""}`);
	}

	const table = compatibility.safeParse(value);
	if (!table.success) {
		const [issue] = table.error.issues;
		throw wrong(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not in the form of the built-in table"}`);
	}

	return { from, today: world.now().toISOString(), table: table.data };
}
