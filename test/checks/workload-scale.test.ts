import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/diagnose.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { costOf } from "../support/cost.ts";
import { findSituations, readSituation } from "../support/situations.ts";

const addressOf = (index: number, network = 50): string => `10.${network}.${index >> 8}.${index & 255}`;
const idOf = (index: number): string => `proxmox://1f9a3c52-7b1e-4d2a-8c41-${String(index).padStart(12, "0")}`;
const known = <Name extends keyof FactSheet>(sheet: FactSheet, name: Name) => {
	const state = sheet[name];
	if (state?.state !== "known") {
		throw new Error(`${name} is not known`);
	}

	return state.value as Extract<NonNullable<FactSheet[Name]>, { state: "known" }>["value"];
};

/** The same cluster with so many more nodes and machines, and twice as many Services. */
function grown(sheet: FactSheet, count: number): FactSheet {
	const large = structuredClone(sheet);
	const [nodes] = known(large, "workload.nodes").clusters;
	const { members } = known(large, "management.networks");
	const [node, member] = [nodes?.nodes.at(-1), members.at(-1)];
	for (let index = 0; index < count && node !== undefined && member !== undefined; index++) {
		const [name, address, providerId] = [`prod-more-${index}`, addressOf(index), idOf(index)];
		nodes?.nodes.push({ ...node, name, internal: [address], providerId, calico: { ipv4: `${address}/16` } });
		const networks = [{ net: "net0", addresses: [address] }];
		members.push({ ...member, machine: name, node: name, providerId, networks });
	}

	const services =
		large["workload.services"]?.state === "known" ? large["workload.services"].value.clusters[0] : undefined;
	for (let index = 0; index < 2 * count; index++) {
		const clusterIps = [addressOf(index, 96)];
		services?.services.push({ namespace: "more", name: `s${index}`, clusterIps, externalIps: [], loadBalancerIps: [] });
	}

	return large;
}

describe("a thousand nodes, as many machines and two thousand Services are judged in less than half a second", () => {
	test.each([
		["calico-ipvs", "healthy.second-network-is-meant"],
		["nic-order", "healthy.workload"],
	])(
		"%s",
		async (id, name) => {
			const situation = findSituations().find((each) => each.check.id === id && each.name === name)!;
			const { sheet } = readSituation(situation);
			const large = grown(sheet, 1_000);
			let told = "";
			const cost = await costOf(() => {
				told = JSON.stringify(diagnose([situation.check], large)[0]?.verdict);
				return Promise.resolve();
			});
			// Each of them was looked at.
			expect(told).toContain(id === "nic-order" ? "1002 nodes" : "prod-more-999");
			expect(cost).toBeLessThan(500);
		},
		60_000,
	);
});

test("a thousand nodes with one fault are no thousand findings", () => {
	const situation = findSituations().find((each) => each.check.id === "nic-order" && each.name === "healthy.workload")!;
	const large = grown(readSituation(situation).sheet, 1_000);
	const nodes = known(large, "workload.nodes").clusters[0]?.nodes ?? [];
	for (const node of nodes) {
		node.internal = ["172.16.0.9"];
	}

	const verdict = diagnose([situation.check], large)[0]?.verdict;
	const summaries = (verdict?.kind === "problem" ? verdict.findings : []).map(({ summary }) => summary);
	expect(summaries).toHaveLength(4);
	expect(summaries[3]).toMatch(
		/^Cluster default\/prod: \d+ more nodes are like that: (?:\S+, ){9}\S+ and \d+ others\.$/,
	);
	const [rest, unnamed] = summaries[3]?.match(/\d+ (?=more|others)/g)?.map(Number) ?? [];
	expect([rest, unnamed]).toEqual([nodes.length - 3, nodes.length - 13]);
});
