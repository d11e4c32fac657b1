import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import check from "../../checks/capi-compat.ts";
import { diagnose } from "../../src/diagnose.ts";
import { parseImage } from "../../src/facts/management-controllers.ts";
import type { FactSheet, Facts } from "../../src/facts/sheet.ts";
import { type Compatibility, compatibility, minorOf } from "../../src/knowledge/compatibility.ts";
import { planUpgrade } from "../../src/knowledge/upgrade.ts";
import { findSituations, readSituation } from "../support/situations.ts";

const situations = findSituations().filter((each) => each.check.id === "capi-compat");
const sheetOf = (name: string): FactSheet => readSituation(situations.find((each) => each.name === name)!).sheet;

function codesOf(sheet: FactSheet): string[] {
	const [judgement] = diagnose([check], sheet);
	const { verdict } = judgement!;
	if (verdict.kind === "crashed") {
		throw new Error(verdict.message);
	}

	return verdict.kind === "problem"
		? verdict.findings.map(({ code }) => code.replace("capi-compat/", ""))
		: [verdict.kind];
}

function known<Name extends keyof Facts>(sheet: FactSheet, name: Name): Facts[Name] {
	const state = sheet[name];
	if (state?.state !== "known") {
		throw new Error(`${name} is not known`);
	}

	return structuredClone<Facts[Name]>(state.value);
}

const change = <Name extends keyof Facts>(
	sheet: FactSheet,
	name: Name,
	edit: (value: Facts[Name]) => Facts[Name],
): FactSheet => ({ ...sheet, [name]: { state: "known", value: edit(known(sheet, name)) } });

const table: Compatibility = compatibility.parse(
	parse(readFileSync(new URL("../../src/knowledge/compatibility.yaml", import.meta.url), "utf8")),
);

/** The newest healthy cluster, with other versions in images and inventory. */
function withVersions(versions: Readonly<Record<string, string>>): FactSheet {
	const images = change(sheetOf("healthy.newest"), "management.controllers", ({ controllers }) => ({
		controllers: controllers.map((each) => ({
			...each,
			image: parseImage(`${each.image.repository}:${versions[each.provider] ?? each.image.tag ?? ""}`),
		})),
	}));
	return change(images, "management.inventory", (inventory) => ({
		...inventory,
		providers: inventory.providers.map((each) => ({ ...each, version: versions[each.name] ?? each.version })),
	}));
}

const capi = (version: string) => ({
	"cluster-api": version,
	"bootstrap-kubeadm": version,
	"control-plane-kubeadm": version,
});

describe("the nearest that is healthy stays silent", () => {
	test.each<readonly [string, FactSheet]>([
		["an older patch of the listed minor", withVersions(capi("v1.12.8"))],
		[
			"a webhook of v1alpha1 where v1alpha1 is stored",
			change(sheetOf("healthy.newest"), "management.webhooks", ({ webhooks }) => ({
				webhooks: webhooks.map((each) => ({
					...each,
					service: each.service && { ...each.service, path: "/validate-ipam-cluster-x-k8s-io-v1beta2-ipaddressclaim" },
				})),
			})),
		],
		[
			"a webhook that calls a URL needs no bundle of ours",
			change(sheetOf("healthy.newest"), "management.webhooks", ({ webhooks }) => ({
				webhooks: webhooks.map((each) => ({ ...each, service: undefined, caBundle: false })),
			})),
		],
		[
			"a stored version that is still defined, with clusterctl, which migrates",
			change(sheetOf("healthy.newest"), "management.definitions", ({ definitions }) => ({
				definitions: definitions.map((each) => ({
					...each,
					versions: [{ name: "v1alpha4", served: false, storage: false, deprecated: true }, ...each.versions],
					stored: ["v1alpha4", ...each.stored],
				})),
			})),
		],
		[
			"a MachineDeployment without strategy on a core that does without",
			change(sheetOf("healthy.newest"), "management.machineDeployments", (list) => ({
				...list,
				items: list.items.map((each) => ({ ...each, strategy: undefined })),
			})),
		],
		[
			"no IPAM provider where there is no ProxmoxCluster yet",
			change(
				change(sheetOf("healthy.newest"), "management.controllers", ({ controllers }) => ({
					controllers: controllers.filter(({ provider }) => provider !== "ipam-in-cluster"),
				})),
				"management.proxmoxClusters",
				(list) => ({ ...list, items: [] }),
			),
		],
		[
			"an earlier installation that was scaled to nothing",
			change(sheetOf("healthy.newest"), "management.controllers", ({ controllers }) => ({
				controllers: [
					...controllers.map((each) => ({
						...each,
						namespace: "earlier",
						replicas: 0,
						ready: 0,
						image: parseImage(`${each.image.repository}:v0.1.0`),
					})),
					...controllers,
				],
			})),
		],
		[
			"Kubernetes of a distribution",
			change(sheetOf("healthy.newest"), "management.server", (server) => ({ ...server, version: "v1.33.2+k3s1" })),
		],
		[
			"the inventory without a v",
			change(sheetOf("healthy.newest"), "management.inventory", (inventory) => ({
				...inventory,
				providers: inventory.providers.map((each) => ({ ...each, version: each.version.replace("v", "") })),
			})),
		],
		[
			"Kubernetes of a patch before the fateful one",
			change(sheetOf("healthy.newest"), "management.controlPlanes", (list) => ({
				...list,
				items: list.items.map((each) => ({ ...each, version: "v1.34.7", running: "v1.34.7" })),
			})),
		],
		[
			"a table 180 days old",
			change(sheetOf("healthy.newest"), "knowledge.compatibility", (knowledge) => ({
				...knowledge,
				today: "2027-02-17T08:00:00.000Z",
			})),
		],
		[
			"no clusterctl on this host",
			change(sheetOf("healthy.newest"), "host.tools", (tools) => ({ ...tools, clusterctl: { state: "absent" } })),
		],
	])("%s", (_, sheet) => {
		expect(codesOf(sheet)).toEqual(["pass"]);
	});
});

test("without CAPMOX's core nothing fits, whatever the definitions say", () => {
	const sheet = change(sheetOf("healthy.newest"), "management.controllers", ({ controllers }) => ({
		controllers: controllers.filter(({ provider }) => provider !== "cluster-api"),
	}));
	expect(codesOf(sheet)).toContain("controller-missing");
});

test("the check itself takes every set that an upgrade ends in", () => {
	const release = (major: number, least: number, most: number) =>
		fc
			.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: 0, max: 9 }))
			.map(([minor, patch]) => `v${major}.${minor}.${patch}`);
	const base = sheetOf("healthy.newest");
	const { today } = known(base, "knowledge.compatibility");
	const kubernetes = known(base, "management.server").version;
	const workloads = known(base, "management.controlPlanes").items.map(({ version }) => version);
	fc.assert(
		fc.property(
			release(1, 4, 14),
			release(0, 1, 9),
			fc.constantFrom("v0.1.0", "v1.0.3", "v1.1.0"),
			(core, capmox, ipam) => {
				const goal = planUpgrade(table, { core, capmox, ipam, kubernetes, workloads }, today).at(-1);
				if (goal === undefined) {
					return;
				}

				const after = change(
					withVersions({ ...capi(goal.core), "infrastructure-proxmox": goal.capmox, "ipam-in-cluster": goal.ipam }),
					"host.tools",
					(tools) => ({ ...tools, clusterctl: { state: "found", version: goal.core.slice(1) } }),
				);
				expect(codesOf(after).filter((code) => code !== "end-of-life")).toEqual(
					codesOf(after).includes("end-of-life") ? [] : ["pass"],
				);
			},
		),
		{ numRuns: 200 },
	);
});

test("no remedy goes back behind what runs, and v1.6.1 is given to nobody", () => {
	for (const situation of situations) {
		const { sheet, asked } = readSituation(situation);
		const [judgement] = diagnose([check], sheet, { asked: new Set(asked ? ["capi-compat"] : []) });
		const { verdict } = judgement!;
		const lines =
			verdict.kind === "problem"
				? verdict.findings.flatMap(({ remedy }) => remedy.map(({ command }) => command?.join(" ") ?? ""))
				: [];
		expect(lines.join("\n")).not.toContain("v1.6.1");
		const core = /cluster-api-controller:(v[\d.]+)/.exec(JSON.stringify(sheet["management.controllers"]))?.[1];
		for (const line of lines.filter((each) => each.includes("upgrade apply") && core !== undefined)) {
			const to = /cluster-api:(v[\d.]+)/.exec(line)?.[1] ?? "";
			expect(Number(minorOf(to).split(".")[1])).toBeGreaterThanOrEqual(Number(minorOf(core ?? "").split(".")[1]));
		}
	}
});

test.each([
	[
		"registry.k8s.io/cluster-api/cluster-api-controller:v1.12.11",
		"v1.12.11",
		"registry.k8s.io/cluster-api/cluster-api-controller",
	],
	["harbor.corp:5000/ghcr/capmox:v0.9.0@sha256:4f0c", "v0.9.0", "harbor.corp:5000/ghcr/capmox"],
	["harbor.corp:5000/ghcr/capmox@sha256:4f0c", undefined, "harbor.corp:5000/ghcr/capmox"],
	["harbor.corp:5000/ghcr/capmox", undefined, "harbor.corp:5000/ghcr/capmox"],
	["capmox:v0.9.0-eks-1", undefined, "capmox"],
	["capmox:v1.12.0-rc.1", "v1.12.0-rc.1", "capmox"],
	["capmox:main", undefined, "capmox"],
	["", undefined, ""],
])("the version of image %j is %s", (image, version, repository) => {
	expect(parseImage(image)).toMatchObject({ version, repository });
});
