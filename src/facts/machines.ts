import * as z from "zod";
import type { Environment } from "../access/environment.ts";
import type { Manifest } from "../access/manifest.ts";
import type { World } from "../access/world.ts";
import { UsageError } from "../errors.ts";
import { skippable } from "../knowledge/privileges.ts";
import { type Flavor, templateVariables } from "../knowledge/templates.ts";
import { unquote } from "./environment.ts";
import { isOurs, parseMachineObjects } from "./machine-objects.ts";
import { lineOf, notRendered, type Placed, readPlaced } from "./manifest-objects.ts";

/** `matchPolicy` of a templateSelector, since CAPMOX v0.8; before, and by default, the tags must be the same. */
export const tagMatches = ["uniqueSubset", "bestSubset"] as const;

/** One kind of machine that CAPMOX is to make, in the names that stand in variables or manifests. */
export const machinePlan = z.object({
	/** "the variables", "ProxmoxMachineTemplate demo-worker", in a manifest with " (cluster.yaml, line 40)". */
	from: z.string(),
	templateId: z.number().int().optional(),
	templateTags: z.array(z.string()),
	/** The template may have more tags than these; absent: it may not. */
	tagMatch: z.enum(tagMatches).optional(),
	sourceNode: z.string().optional(),
	/** Empty: CAPMOX makes the machine where the template is, without choosing by memory. */
	allowedNodes: z.array(z.string()),
	/** The template says so itself, in place of its cluster. */
	ownNodes: z.literal(true).optional(),
	/** It is made on this node, whatever is allowed (v1alpha1). */
	target: z.string().optional(),
	/** `schedulerHints.memoryAdjustment` is 0, so that the guests of a node are not counted. */
	ignoresMemory: z.literal(true).optional(),
	pool: z.string().optional(),
	/** Where the disks go; absent: where the template's are. */
	storage: z.string().optional(),
	devices: z.array(
		z.object({
			bridge: z.string(),
			vlan: z.number().int().optional(),
			/** A variable that only some flavors read. */
			onlySome: z.boolean(),
		}),
	),
	tags: z.array(z.string()),
	skips: z.array(z.enum(skippable)),
	/** Where the variables stand: "envfile, line 3", by name. */
	origins: z.record(z.string(), z.string()).optional(),
});
export type MachinePlan = z.infer<typeof machinePlan>;

/** Fact `environment.machines`: the machines that the variables, or `--manifest` in their place, describe. */
export const environmentMachines = z.object({
	/** "the variables", or the name of the manifest. */
	source: z.string(),
	machines: z.array(machinePlan),
	/** ProxmoxClusters that log in with a Secret of their own: their machines are none of this token's business. */
	otherCredentials: z.array(z.string()),
	/** ProxmoxMachineTemplates that a ClusterClass fills in for each Cluster. */
	blanks: z.array(z.string()),
});
export type EnvironmentMachines = z.infer<typeof environmentMachines>;

const bridgeNames = ["BRIDGE", "SECONDARY_BRIDGE", "EXT_SERVICE_BRIDGE"] as const;
const variableNames = [
	...bridgeNames,
	"PROXMOX_SOURCENODE",
	"TEMPLATE_VMID",
	"TEMPLATE_TAGS",
	"ALLOWED_NODES",
] as const;
type MachineVariable = (typeof variableNames)[number];

const isReadBy = (flavor: Flavor, name: MachineVariable): boolean =>
	templateVariables.some((variable) => variable.name === name && variable.flavors.includes(flavor));

/** One machine, or none where no variable names anything of it. Without a flavor whatever is set may be meant. */
export function parseMachineVariables(environment: Environment, flavor?: Flavor): EnvironmentMachines {
	const text = (name: MachineVariable): string | undefined => {
		const value = unquote(environment.lookUp(name)[0]?.value ?? "");
		return value === "" || (flavor !== undefined && !isReadBy(flavor, name)) ? undefined : value;
	};
	const id = Number(text("TEMPLATE_VMID"));
	const hasId = Number.isInteger(id) && id >= 100;
	const sourceNode = text("PROXMOX_SOURCENODE");
	const machine: MachinePlan = {
		from: "the variables",
		...(hasId ? { templateId: id } : {}),
		// Only flavor auto-image reads the tags, and it does not read the ID.
		templateTags: hasId ? [] : parseList(text("TEMPLATE_TAGS")),
		...(sourceNode === undefined ? {} : { sourceNode }),
		allowedNodes: parseList(text("ALLOWED_NODES")),
		devices: bridgeNames.flatMap((name) => {
			const bridge = text(name);
			return bridge === undefined ? [] : [{ bridge, onlySome: flavor === undefined && name !== "BRIDGE" }];
		}),
		tags: [],
		// templates/cluster-template-flatcar.yaml, v0.7.7 to v0.9.0
		skips: flavor === "flatcar" ? ["skipCloudInitStatus"] : [],
		origins: Object.fromEntries(
			variableNames.flatMap((name) => {
				const [found] = environment.lookUp(name);
				return found === undefined ? [] : [[name, found.origin]];
			}),
		),
	};
	const isNamed =
		hasId || machine.templateTags.length > 0 || sourceNode !== undefined || machine.allowedNodes.length > 0;
	return { source: "the variables", machines: isNamed ? [machine] : [], otherCredentials: [], blanks: [] };
}

/** `[pve1,pve2]`, as the templates want it, or without the brackets. */
function parseList(text: string | undefined): string[] {
	const items = (text ?? "").replace(/^\[(.*)\]$/s, "$1").split(",");
	return items.map(unquote).filter((item) => item !== "");
}

/** @throws UsageError where it is no YAML, is not rendered yet, or describes no machine. */
export function parseManifest(manifest: Manifest): EnvironmentMachines {
	const { name } = manifest;
	const placed = readPlaced(manifest);
	const objects = placed.map(({ value }) => value);
	const placeholder = /\$\{[^}]*\}/.exec(JSON.stringify(objects.filter(isOurs)))?.[0];
	if (placeholder !== undefined) {
		throw new UsageError(
			`--manifest: ${name} still holds ${placeholder.replace(/^(\$\{\w*)\W.*\}$/, "$1}")}${notRendered}`,
		);
	}

	const { unreadable, ...found } = parseMachineObjects(objects);
	if (unreadable.length > 0) {
		throw new UsageError(`--manifest: ${name}: ${unreadable.join(", ")} is not in the form of CAPMOX's API`);
	}

	if (found.machines.length + found.otherCredentials.length + found.blanks.length === 0) {
		throw new UsageError(`--manifest: ${name} holds no ProxmoxMachineTemplate`);
	}

	const machines = found.machines.map((machine) => ({
		...machine,
		from: `${machine.from}${placeOf(machine, placed, name)}`,
	}));
	return { source: name, ...found, machines };
}

/** The name of an object may stand with its namespace. */
function placeOf({ from }: MachinePlan, placed: readonly Placed[], manifest: string): string {
	const [kind = "", fullName = ""] = from.split(" ");
	const [name = "", namespace] = fullName.split("/").reverse();
	const line = lineOf(placed, { kind, name, namespace });
	return line === undefined ? "" : ` (${manifest}, line ${line})`;
}

/** What `--manifest` names, or else what the variables make. */
export async function readMachines(world: World): Promise<EnvironmentMachines> {
	const manifest = await world.manifest();
	return manifest === undefined
		? parseMachineVariables(await world.environment(), world.options.flavor)
		: parseManifest(manifest);
}
