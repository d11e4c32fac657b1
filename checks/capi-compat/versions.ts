import { found, type NonEmpty } from "../../src/check.ts";
import { compareVersions, contractOf, listingOf, minorOf, takesContract } from "../../src/knowledge/compatibility.ts";
import { advise } from "../steps.ts";
import type { CompatFinding } from "./findings.ts";
import { type Installed, labels, nameOf, type Part } from "./installed.ts";
import { addIpam, moveTo } from "./remedy.ts";

/** How CAPMOX, the core and the IPAM provider go together. */
export function judgeVersions(installed: Installed): CompatFinding[] {
	const contracts = judgeContracts(installed);
	return [
		...contracts,
		...(contracts.length > 0 ? [] : judgeListing(installed)),
		...judgeParts(installed),
		...judgeIpam(installed),
		...judgeBroken(installed),
	];
}

function judgeListing(installed: Installed): CompatFinding[] {
	const { table, core, capmox } = installed;
	if (core?.version === undefined || capmox?.version === undefined) {
		return [];
	}

	const pair = `CAPMOX ${capmox.version} with Cluster API ${core.version}`;
	const row = table.capmox.find((each) => each.minor === minorOf(capmox.version ?? ""));
	const approved = row === undefined ? "a CAPMOX that the table knows" : `Cluster API ${row.capi.join(" or ")}`;
	const evidence = [
		capmox.evidence,
		{ ...core.evidence, expected: `${approved} (${row?.source ?? "the README of CAPMOX"})` },
	] as const;
	switch (listingOf(table, capmox.version, core.version)) {
		case "approved":
			return [];
		case "refused":
			return [
				{
					code: "listed-incompatible",
					summary: `CAPMOX's own list says that ${pair} does not work.`,
					evidence,
					remedy: moveTo(installed),
				},
			];
		case "untested":
			return [
				{
					code: "untested",
					summary: `Nobody vouches for ${pair}: this core is newer than any that CAPMOX's list names. It may well work; clusterctl init installs the newest core where none is named.`,
					evidence,
					remedy: moveTo(installed),
				},
			];
		case "unlisted":
			return [
				{
					code: "not-listed",
					summary:
						row === undefined
							? `The table knows no CAPMOX ${minorOf(capmox.version)}, so nobody here vouches for ${pair}.`
							: `CAPMOX's list says nothing of ${pair}.`,
					evidence,
					remedy: row === undefined ? newerTable : moveTo(installed),
				},
			];
	}
}

export const newerTable = [
	advise(
		"Look for a newer capmox-doctor. Or take a copy of its table (dist/knowledge/compatibility.yaml in the package), add the row from CAPMOX's README, and name that file with --knowledge.",
	),
] as const;

function judgeContracts(installed: Installed): CompatFinding[] {
	const { table, core, capmox, ipam } = installed;
	const coreVersion = core?.version;
	if (core === undefined || coreVersion === undefined) {
		return [];
	}

	const own = contractOf(table.capi, coreVersion);
	const [first, ...others] = [[capmox, table.capmox] as const, [ipam, table.ipam] as const].flatMap(([part, rows]) => {
		const contract = contractOf(rows, part?.version ?? "");
		return part?.version === undefined || takesContract(table, coreVersion, contract) ? [] : [{ part, contract }];
	});
	if (first === undefined) {
		return [];
	}

	const { part, contract } = first;
	const name = nameOf(part.controller.provider).replace(/^the /, "The ");
	return [
		{
			code: "contract-mismatch",
			summary: `${name} ${part.version ?? ""} speaks contract ${contract}, which Cluster API ${coreVersion} does not take: its own is ${own}. ${consequence(own, part)}`,
			evidence: [
				part.evidence,
				...others.map((other) => other.part.evidence),
				{ ...core.evidence, expected: `a core that takes ${contract}` },
			],
			remedy: moveTo(installed),
		},
	];
}

const consequence = (own: string, { controller }: Part): string =>
	own === "v1beta1" && controller.provider === labels.capmox
		? "It looks for status.ready on every ProxmoxMachine, and there is no such field any more: Machines stay in Provisioning without an error."
		: "Its objects are not understood, and the newest clusterctl refuses the pair.";

function judgeParts(installed: Installed): CompatFinding[] {
	const { core, kubeadm } = installed;
	const all = [core, ...kubeadm].filter((part) => part?.version !== undefined).filter((part) => part !== undefined);
	const [first, ...others] = all;
	if (first === undefined || others.every(({ version }) => version === first.version)) {
		return [];
	}

	const shown = all.map(({ controller, version }) => `${nameOf(controller.provider)} ${version ?? ""}`).join(", ");
	const evidence: NonEmpty<Part["evidence"]> = [
		first.evidence,
		...others.map(({ evidence: each }) => ({ ...each, expected: first.version ?? "" })),
	];
	return [
		{
			code: "core-parts-differ",
			summary: `The parts of Cluster API are of different versions: ${shown}. They are released together and work only together.`,
			evidence,
			remedy: moveTo(installed),
		},
	];
}

function judgeIpam(installed: Installed): CompatFinding[] {
	const { seen, table, capmox, ipam, start } = installed;
	const clusters = seen["management.proxmoxClusters"]?.items ?? [];
	const [first] = clusters;
	const least = table.capmox.find((row) => row.minor === minorOf(capmox?.version ?? ""))?.leastIpam;
	if (ipam === undefined) {
		const pin = table.ipam.find(
			(row) => row.contract === contractOf(table.capmox, capmox?.version ?? newestCapmox(table)),
		);
		return first === undefined || pin === undefined
			? []
			: [
					found(
						"ipam-missing",
						"No IPAM provider runs here, so no machine gets an address: CAPMOX waits for one for each IPAddressClaim.",
						{
							from: "Deployments with the label cluster.x-k8s.io/provider",
							saw: `none for ${labels.ipam}, and ${clusters.length} ProxmoxCluster${clusters.length === 1 ? "" : "s"}`,
							expected: labels.ipam,
						},
						addIpam({ core: start.core ?? "", capmox: start.capmox ?? "", ipam: pin.latest }),
					),
				];
	}

	const isOld = least !== undefined && ipam.version !== undefined && compareVersions(ipam.version, least) < 0;
	return isOld
		? [
				found(
					"ipam-too-old",
					`CAPMOX ${capmox?.version ?? ""} asks for the in-cluster IPAM provider ${least} or newer; ${ipam.version} runs.`,
					{ ...ipam.evidence, expected: `${least} or newer` },
					...moveTo(installed),
				),
			]
		: [];
}

function judgeBroken(installed: Installed): CompatFinding[] {
	const { table, core } = installed;
	const row = table.capi.find((each) => each.minor === minorOf(core?.version ?? ""));
	const fault = row?.broken?.[core?.version ?? ""];
	return core === undefined || fault === undefined
		? []
		: [
				found(
					"broken-release",
					`Cluster API ${core.version ?? ""} is broken: ${fault}. Whatever wants to write one is told "failed to call webhook: the server could not find the requested resource".`,
					{ ...core.evidence, expected: `any later patch (${row?.source ?? ""})` },
					...moveTo(installed),
				),
			];
}

const newestCapmox = ({ capmox: [newest] }: Installed["table"]): string => newest?.latest ?? "";
