import type { PermissionFinding } from "../findings.ts";
import type { Permissions } from "../grants.ts";
import { onNode } from "../steps.ts";
import { listed } from "../words.ts";
import { type Machine, namedIn, templateOf } from "./naming.ts";
import { notShared } from "./shared.ts";

type Storage = NonNullable<Permissions["listed"]["storages"]>[number];

/** What keeps the disks of a clone from where they are to go. */
export function storageFaults(permissions: Permissions): PermissionFinding[] {
	const { storages } = permissions.listed;
	return storages === undefined
		? []
		: unique(
				permissions.machines.flatMap((machine) => [
					...unusable(machine, storages, permissions),
					...notShared(machine, storages),
				]),
			);
}

/** The disks go to the named storage, otherwise to where the template has them. */
function unusable(machine: Machine, storages: readonly Storage[], permissions: Permissions): PermissionFinding[] {
	const wanted = machine.storage === undefined ? (templateOf(machine)?.storages ?? []) : [machine.storage];
	return wanted.flatMap((name) => {
		const fault = faultOf(name, machine, storages, permissions);
		if (fault === undefined) {
			return [];
		}

		const why =
			machine.storage === undefined
				? `template ${templateOf(machine)?.vmid ?? ""} is on it`
				: `${machine.from} names it`;
		return [
			{
				code: "unusable-storage" as const,
				...(fault.confidence === undefined ? {} : { confidence: fault.confidence }),
				summary: `Storage ${name} ${fault.is}, and ${why}. Proxmox VE refuses the clone, and CAPMOX says "unable to create new vm: 500 storage '${name}' ${fault.says}".`,
				evidence: [
					{ from: "GET /storage", saw: fault.saw, expected: fault.expected },
					...(machine.storage === undefined ? [] : namedIn(machine.from, "storage", name)),
				],
				remedy: [
					onNode("See the storages and where they are enabled.", "pvesh", "get", "/storage"),
					...fault.mend(name),
				],
			},
		];
	});
}

interface Fault {
	readonly is: string;
	readonly says: string;
	readonly saw: string;
	readonly expected: string;
	readonly confidence?: "likely";
	readonly mend: (name: string) => PermissionFinding["remedy"];
}

const change =
	(advice: string, ...options: readonly string[]) =>
	(name: string): PermissionFinding["remedy"] => [
		{ advice, command: ["pvesm", "set", name, ...options], where: "proxmox-node", risk: "changes" },
	];

function faultOf(
	name: string,
	machine: Machine,
	storages: readonly Storage[],
	{ paths }: Permissions,
): Fault | undefined {
	const { nodes, storage: named } = machine;
	const template = templateOf(machine);
	const found = storages.find(({ storage }) => storage === name);
	if (found === undefined) {
		const held = paths[`/storage/${name}`] ?? {};
		// A storage that exists is shown to who has one of these.
		return "Datastore.Audit" in held || "Datastore.AllocateSpace" in held
			? {
					is: "does not exist",
					says: "does not exist",
					saw: listed(storages.map(({ storage }) => storage)),
					expected: name,
					mend: () => [
						{
							advice: "Name a storage that exists, or add this one: Datacenter, Storage, Add.",
							where: "here",
							risk: "changes",
						},
					],
				}
			: undefined;
	}

	if (!found.enabled) {
		return {
			is: "is disabled",
			says: "is disabled",
			saw: `${name} with disable=1`,
			expected: `${name}, enabled`,
			mend: change("Enable it.", "--disable", "0"),
		};
	}

	// The clone begins on the template's node.
	const needed = [...new Set([...nodes, ...(template === undefined ? [] : [template.node])])];
	const without = needed.filter((node) => found.nodes?.includes(node) === false);
	const [node] = without;
	if (node !== undefined) {
		const all = [...new Set([...(found.nodes ?? []), ...needed])];
		return {
			is: `is not enabled on node ${listed(without)}`,
			says: `is not available on node '${node}'`,
			saw: `${name} only on ${listed(found.nodes ?? [])}`,
			expected: `${name} on ${listed(needed)}`,
			mend: change("If these nodes reach it, enable it there.", "--nodes", all.join(",")),
		};
	}

	return named === undefined || found.content.includes("images")
		? undefined
		: {
				is: "takes no disk images",
				says: "does not support content-type 'images'",
				saw: `${name} with content ${found.content.join(",")}`,
				expected: "content with images",
				confidence: "likely",
				mend: change("Let it take disk images.", "--content", [...found.content, "images"].join(",")),
			};
}

function unique(findings: readonly PermissionFinding[]): PermissionFinding[] {
	const summaries = new Set<string>();
	return findings.filter(({ summary }) => (summaries.has(summary) ? false : summaries.add(summary)));
}
