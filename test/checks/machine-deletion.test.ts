import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Document, isCollection, isMap, visit } from "yaml";
import machineDeletion from "../../checks/machine-deletion.ts";
import { crdsFolder, schemaErrors } from "../support/crds.ts";
import { type Looking, Scene, sheetOf } from "../support/deletion.ts";
import { scenes } from "../support/deletion-scenes.ts";
import { type Proxmox, startProxmox } from "../support/proxmox/proxmox.ts";
import { judgeSituation } from "../support/situations.ts";

let proxmox: Proxmox;
beforeAll(async () => {
	proxmox = await startProxmox({ delay: 0 });
});
afterAll(async () => {
	await proxmox.close();
});

async function judge(scene: Scene, looking: Looking = { proxmox }) {
	const sheet = await sheetOf(scene, looking);
	const { judgement, codes, text } = judgeSituation(machineDeletion, sheet, false);
	return { sheet, judgement, text, codes: codes.map((code) => code.replace("machine-deletion/", "")) };
}

/** What holds nothing but words stands on one line. */
function toYaml(value: unknown): string {
	const document = new Document(value);
	visit(document, {
		Map: (_, node, path) => {
			node.flow = path.length > 6 && node.items.every((pair) => !isCollection(pair.value) && !isMap(pair.value));
		},
	});
	return document.toString({ lineWidth: 0 });
}

describe("each state, by the real parsers, and its nearest healthy neighbour", () => {
	test.each(scenes.map((each) => [`${each.name}`, each] as const))("%s", async (name, { scene, codes, unwritten }) => {
		const { judgement, sheet, codes: found } = await judge(scene());
		expect(found).toEqual(codes);
		expect(judgement.verdict.kind).toBe(codes.length === 0 ? "pass" : "problem");
		if (unwritten !== true) {
			const url = new URL(`../situations/machine-deletion/${name}.yaml`, import.meta.url);
			await expect(toYaml({ facts: sheet })).toMatchFileSnapshot(fileURLToPath(url));
		}
	});
});

const hasCrds = existsSync(crdsFolder);
describe(`their objects are valid by the definitions of both generations${hasCrds ? "" : " (skipped: ../shared/data/crds is missing)"}`, () => {
	test.skipIf(!hasCrds).each(scenes.map((each) => [each.name, each] as const))("%s", (_, { scene }) => {
		const { objects, setup } = scene();
		expect(objects.flatMap((object) => schemaErrors(object, setup))).toEqual([]);
	});
});
