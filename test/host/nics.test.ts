import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { checks } from "../../checks/index.ts";
import { bySlot } from "../../checks/nic-order/node.ts";
import { diagnose } from "../../src/diagnose.ts";
import { orderOf } from "../../src/knowledge/nic-drivers.ts";
import { gatherFrom, isThere, namesIn, recordings, unlessThere } from "../support/host.ts";
import { findSituations, readSituation } from "../support/situations.ts";

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

	test.skipIf(!isThere(recordings)).each(recorded)("%s: who asks there is told of that order", async (name) => {
		const check = checks.find(({ id }) => id === "nic-order")!;
		const folder = fileURLToPath(new URL(`${name}/evidence`, recordings));
		const sheet = await gatherFrom(folder, [...check.needs, ...check.uses]);
		const { verdict } = diagnose([check], sheet, { asked: new Set([check.id]) })[0]!;
		const came = orderIn(name).map((word) => word.replace("(", " ("));
		const isMixed = new Set(came.map((word) => word.split(" ")[1])).size > 1;
		expect(verdict.kind).toBe(isMixed ? "problem" : "skip");
		expect(
			verdict.kind === "problem"
				? verdict.findings.flatMap(({ code, evidence }) => [
						code,
						...evidence.flatMap(({ from, saw }) => (from === "as this kernel made them" ? [saw] : [])),
					])
				: [],
		).toEqual(isMixed ? ["nic-order/mixed-models", came.join(", ")] : []);
	});

	test.skipIf(!isThere(recordings))("no situation shows another order than came for the same devices", async () => {
		/** Drivers by slot, and the slots in the order in which interfaces came. */
		const orderOn = (found: Awaited<ReturnType<typeof interfacesOf>>) => {
			const real = bySlot(found);
			const came = real.toSorted((one, other) => one.index - other.index).map((one) => real.indexOf(one));
			return { drivers: real.map(({ driver = "" }) => driver).join(" "), came: came.join(" ") };
		};
		const seen = await Promise.all(recorded.map(async (name) => ({ name, ...orderOn(await interfacesOf(name)) })));
		const compared = findSituations().flatMap((situation) => {
			const state = readSituation(situation).sheet["node.interfaces"];
			if (situation.check.id !== "nic-order" || state?.state !== "known") {
				return [];
			}

			const { drivers, came } = orderOn(state.value);
			const isEarly = state.value.builtIn?.includes("virtio_net") ?? came.startsWith("1");
			const same = seen.filter((one) => one.drivers === drivers && one.name.includes("virtio-builtin") === isEarly);
			return same.map((one) => [situation.name, came, one.came] as const);
		});
		expect(compared.length).toBeGreaterThan(0);
		for (const [name, shows, did] of compared) {
			expect([name, shows]).toEqual([name, did]);
		}
	});

	test.skipIf(!isThere(recordings))("both orders of mixed models were seen, and each is foretold", async () => {
		const real = bySlot(await interfacesOf("nic-e1000-first")).map((one) => ({ ...one, driver: one.driver ?? "" }));
		expect(shown(orderOf(real, "all-modules").devices)).toEqual(orderIn("nic-e1000-first"));
		expect(shown(orderOf(real, "virtio-built-in").devices)).toEqual(orderIn("nic-e1000-first-virtio-builtin"));
		expect(orderIn("nic-e1000-first")).not.toEqual(orderIn("nic-e1000-first-virtio-builtin"));
	});
});
