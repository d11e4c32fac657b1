import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { bySlot } from "../../checks/nic-order/node.ts";
import { orderOf } from "../../src/knowledge/nic-drivers.ts";
import { gatherFrom, isThere, namesIn, recordings, unlessThere } from "../support/host.ts";

/** Virtual machines whose network devices were recorded, with the order in which their interfaces came up. */
const recorded = namesIn(recordings).filter((name) => name.startsWith("nic-"));
const outcomeFile = z.object({ tests: z.array(z.object({ test: z.string(), order: z.string().optional() })) });

/** `ens19(virtio_net) ens18(e1000) docker0()`; what has no driver is none of the machine's devices. */
function orderIn(name: string): readonly string[] {
	const { tests } = outcomeFile.parse(JSON.parse(readFileSync(new URL(`${name}/outcome.json`, recordings), "utf8")));
	const order = tests.find(({ test: what }) => what === "nics")?.order ?? "";
	return order.split(" ").filter((word) => /\(.+\)$/.test(word));
}

async function interfacesOf(name: string) {
	const sheet = await gatherFrom(fileURLToPath(new URL(`${name}/evidence`, recordings)), ["node.interfaces"]);
	const state = sheet["node.interfaces"];
	if (state?.state !== "known") {
		throw new Error(JSON.stringify(state));
	}

	return state.value;
}

const shown = (list: readonly { readonly name: string; readonly driver?: string | undefined }[]) =>
	list.map(({ name, driver = "" }) => `${name}(${driver})`);

describe(`recorded machines: interfaces are read in the order in which they came up${unlessThere(recordings)}`, () => {
	test.skipIf(!isThere(recordings)).each(recorded)("%s", async (name) => {
		const found = await interfacesOf(name);
		const seen = bySlot(found).toSorted((one, other) => one.index - other.index);
		expect(shown(seen)).toEqual(orderIn(name));
		expect(seen.length).toBeGreaterThan(1);
	});

	test.skipIf(!isThere(recordings)).each(recorded)("%s: what is foretold is what came", async (name) => {
		const real = bySlot(await interfacesOf(name)).map((one) => ({ ...one, driver: one.driver ?? "" }));
		// Whether virtio_net was there early stands in the recording's name alone.
		const { devices, certain } = orderOf(real, name.includes("virtio-builtin") ? "virtio-built-in" : "all-modules");
		const came = orderIn(name);
		if (certain) {
			expect(shown(devices)).toEqual(came);
		}

		// Between drivers it may be a race; a driver still takes its devices by slot, and all in a row.
		const drivers = [...new Set(real.map(({ driver }) => driver))];
		for (const driver of drivers) {
			const own = shown(real.filter((one) => one.driver === driver));
			const first = came.indexOf(own[0] ?? "");
			expect(came.slice(first, first + own.length)).toEqual(own);
		}
	});

	test.skipIf(!isThere(recordings))("both orders of mixed models were seen, and each is foretold", async () => {
		const real = bySlot(await interfacesOf("nic-e1000-first")).map((one) => ({ ...one, driver: one.driver ?? "" }));
		expect(shown(orderOf(real, "all-modules").devices)).toEqual(orderIn("nic-e1000-first"));
		expect(shown(orderOf(real, "virtio-built-in").devices)).toEqual(orderIn("nic-e1000-first-virtio-builtin"));
		expect(orderIn("nic-e1000-first")).not.toEqual(orderIn("nic-e1000-first-virtio-builtin"));
	});
});
