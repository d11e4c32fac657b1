import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
	type Compatibility,
	compareVersions,
	compatibility,
	contractOf,
	listingOf,
	minorOf,
	minorsBetween,
	patchFault,
	rangeFault,
	takesContract,
} from "../../src/knowledge/compatibility.ts";
import {
	findPins,
	initCommand,
	type Pins,
	planUpgrade,
	type Start,
	upgradeCommand,
} from "../../src/knowledge/upgrade.ts";

const table: Compatibility = compatibility.parse(
	parse(readFileSync(new URL("../../src/knowledge/compatibility.yaml", import.meta.url), "utf8")),
);
const today = "2026-09-15T08:00:00.000Z";

describe("the table", () => {
	test("names Cluster API minors that it has a row for, newest first", () => {
		const minors = table.capi.map(({ minor }) => minor);
		expect(table.capmox.flatMap(({ capi, not }) => [...capi, ...not]).filter((each) => !minors.includes(each))).toEqual(
			[],
		);
		for (const rows of [table.capmox, table.capi, table.ipam]) {
			expect(rows.map(({ minor }) => minor)).toEqual(
				[...rows].map(({ minor }) => minor).sort((a, b) => compareVersions(b, a)),
			);
			expect(rows.filter(({ minor, latest }) => minorOf(latest) !== minor)).toEqual([]);
		}
	});

	test("has a source and a date in every row, none younger than the day on which all was checked", () => {
		const rows = [
			...table.capmox,
			...table.capi,
			...table.ipam,
			...table.contracts,
			...table.kubernetes,
			table.upgrade,
		];
		expect(rows.filter(({ source, date }) => !source.startsWith("https://") || date > table.checked)).toEqual([]);
	});

	const published = new URL("../../../shared/data/", import.meta.url);
	test.skipIf(!existsSync(published))(
		`has the contracts of the providers' own metadata.yaml${existsSync(published) ? "" : " (SKIPPED: the folder shared/data is not here)"}`,
		() => {
			const read = (path: string) =>
				(
					parse(readFileSync(new URL(path, published), "utf8")) as {
						releaseSeries: { major: number; minor: number; contract: string }[];
					}
				).releaseSeries.map(({ major, minor, contract }) => [`${major}.${minor}`, contract] as const);
			for (const folder of readdirSync(new URL("capmox/", published))) {
				for (const [minor, contract] of read(`capmox/${folder}/metadata.yaml`)) {
					expect([minor, contractOf(table.capmox, minor)]).toEqual([minor, contract]);
				}
			}

			for (const [minor, contract] of read("crds/capi-v1.12.11/metadata.yaml")) {
				expect([minor, contractOf(table.capi, minor)]).toEqual([minor, contract]);
			}
		},
	);
});

test.each([
	["v0.9.0", "v1.12.3", "approved"],
	["v0.9.0", "v1.14.0", "untested"],
	["v0.8.2", "v1.12.3", "unlisted"],
	["v0.8.2", "v1.10.10", "unlisted"],
	["v0.7.7", "v1.10.10", "approved"],
	["v0.7.7", "v1.7.9", "refused"],
	["v0.7.7", "v1.11.11", "unlisted"],
	["v0.1.1", "v1.6.0", "refused"],
	["v0.10.0", "v1.14.0", "unlisted"],
] as const)("CAPMOX %s with Cluster API %s is %s", (capmox, core, listing) => {
	expect(listingOf(table, capmox, core)).toBe(listing);
});

test.each([
	["v1.12.11", "v1beta2", true],
	["v1.12.11", "v1beta1", true],
	["v1.15.0", "v1beta1", true],
	["v1.16.0", "v1beta1", false],
	["v1.10.10", "v1beta1", true],
	["v1.10.10", "v1beta2", false],
])("core %s takes a provider of %s: %s", (core, contract, takes) => {
	expect(takesContract(table, core, contract)).toBe(takes);
});

test.each([
	["v1.12.11", "v1.31.5+k3s1", "management", undefined],
	["v1.12.11", "v1.30.9", "management", { first: "1.31", last: "1.36" }],
	["v1.12.11", "v1.30.9", "workload", undefined],
	["v1.12.7", "v1.36.0", "workload", { first: "1.29", last: "1.36", least: "v1.12.8" }],
	["v1.12.8", "v1.36.0", "workload", undefined],
	["v1.99.0", "v1.99.0", "workload", undefined],
] as const)("core %s with Kubernetes %s as %s", (core, kubernetes, role, fault) => {
	expect(rangeFault(table, core, kubernetes, role)).toEqual(fault);
});

test.each([
	["v1.12.7", "v1.34.8", "v1.12.8"],
	["v1.12.8", "v1.34.8", undefined],
	["v1.12.7", "v1.34.7", undefined],
	["v1.14.0", "v1.34.8", undefined],
	["v1.13.1", "v1.33.12+rke2r1", "v1.13.2"],
])("core %s and the patch %s: needs %s", (core, kubernetes, least) => {
	expect(patchFault(table, core, kubernetes)?.least).toBe(least);
});

test("a core too old for a patch of any minor is told so", () => {
	expect(patchFault(table, "v1.10.10", "v1.33.12")).toMatchObject({
		why: expect.stringContaining("Forbidden") as string,
	});
	expect(patchFault(table, "v1.10.10", "v1.33.12")?.least).toBeUndefined();
});

/** As the check judges; a set without these has no finding about versions but, at most, that its minor gets no fixes. */
const isAccepted = ({ core, capmox, ipam }: Pins, { kubernetes, workloads }: Start): boolean =>
	listingOf(table, capmox, core) === "approved" &&
	takesContract(table, core, contractOf(table.capmox, capmox)) &&
	takesContract(table, core, contractOf(table.ipam, ipam)) &&
	(kubernetes === undefined || rangeFault(table, core, kubernetes, "management") === undefined) &&
	workloads.every(
		(each) => rangeFault(table, core, each, "workload") === undefined && patchFault(table, core, each) === undefined,
	);

const release = (major: number, least: number, most: number) =>
	fc
		.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: 0, max: 14 }))
		.map(([minor, patch]) => `v${major}.${minor}.${patch}`);
const anyStart: fc.Arbitrary<Start> = fc.record({
	core: fc.option(release(1, 4, 16), { nil: undefined }),
	capmox: fc.option(release(0, 1, 10), { nil: undefined }),
	ipam: fc.option(fc.constantFrom("v0.1.0", "v1.0.3", "v1.1.0", "v1.1.2", "v1.2.0"), { nil: undefined }),
	kubernetes: fc.option(release(1, 23, 36), { nil: undefined }),
	workloads: fc.array(fc.oneof(release(1, 22, 36), fc.constantFrom("v1.33.12", "v1.34.8")), { maxLength: 2 }),
});

describe("whatever runs", () => {
	test("every suggested set passes, and goes back nowhere", () => {
		fc.assert(
			fc.property(anyStart, (start) => {
				for (const pins of findPins(table, start, today)) {
					expect(isAccepted(pins, start)).toBe(true);
					for (const part of ["core", "capmox", "ipam"] as const) {
						expect(compareVersions(pins[part], start[part] ?? "v0.0.0")).toBeGreaterThanOrEqual(0);
					}
				}
			}),
			{ numRuns: 300 },
		);
	});

	test("every way there goes forward only, no further at once than is documented, through nothing refused", () => {
		fc.assert(
			fc.property(anyStart, fc.boolean(), (start, maintained) => {
				const plan = planUpgrade(table, start, today, { maintained });
				let before: Partial<Pins> = start as Partial<Pins>;
				for (const pins of plan) {
					for (const part of ["core", "capmox", "ipam"] as const) {
						expect(compareVersions(pins[part], before[part] ?? "v0.0.0")).toBeGreaterThanOrEqual(0);
					}

					expect(minorsBetween(before.core ?? pins.core, pins.core)).toBeLessThanOrEqual(3);
					expect(listingOf(table, pins.capmox, pins.core)).not.toBe("refused");
					if (minorOf(pins.capmox) === "0.9" && before.capmox !== undefined) {
						expect(["0.8", "0.9"]).toContain(minorOf(before.capmox));
					}

					before = pins;
				}

				expect(plan.length === 0 || isAccepted(plan.at(-1)!, start)).toBe(true);
			}),
			{ numRuns: 300 },
		);
	});
});

describe("the lines to type", () => {
	const workloads: readonly string[] = [];
	test("for an empty cluster", () => {
		const [pins] = planUpgrade(table, { workloads, kubernetes: "v1.33.1" }, today);
		expect(initCommand(pins!).join(" ")).toBe(
			"clusterctl init --core cluster-api:v1.12.11 --bootstrap kubeadm:v1.12.11 --control-plane kubeadm:v1.12.11 --infrastructure proxmox:v0.9.0 --ipam in-cluster:v1.1.0",
		);
	});

	test("from CAPMOX 0.7, through 0.8", () => {
		const start = { workloads, core: "v1.10.10", capmox: "v0.7.7", ipam: "v1.0.3", kubernetes: "v1.33.1" };
		const plan = planUpgrade(table, start, today, { maintained: true });
		expect(plan.map((pins) => upgradeCommand(pins, { kubeadm: true, ipam: true }).join(" "))).toEqual([
			"clusterctl upgrade apply --core cluster-api:v1.11.11 --bootstrap kubeadm:v1.11.11 --control-plane kubeadm:v1.11.11 --infrastructure proxmox:v0.8.2 --ipam in-cluster:v1.1.0",
			"clusterctl upgrade apply --core cluster-api:v1.12.11 --bootstrap kubeadm:v1.12.11 --control-plane kubeadm:v1.12.11 --infrastructure proxmox:v0.9.0 --ipam in-cluster:v1.1.0",
		]);
	});

	test("none back from a core that is too new", () => {
		const start = { workloads, core: "v1.14.0", capmox: "v0.9.0", ipam: "v1.1.0" };
		expect(planUpgrade(table, start, today)).toEqual([]);
	});

	test("a patch that is newer than the table is kept", () => {
		const start = { workloads, core: "v1.12.99", capmox: "v0.9.7", ipam: "v1.1.4" };
		expect(planUpgrade(table, start, today)).toEqual([{ core: "v1.12.99", capmox: "v0.9.7", ipam: "v1.1.4" }]);
	});
});
