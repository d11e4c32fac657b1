import { parseAllDocuments } from "yaml";
import * as z from "zod";
import type { Environment } from "../access/environment.ts";
import type { Manifest } from "../access/manifest.ts";
import type { World } from "../access/world.ts";
import { UsageError } from "../errors.ts";
import { skippable } from "../knowledge/privileges.ts";
import { type Flavor, templateVariables } from "../knowledge/templates.ts";
import { unquote } from "./environment.ts";

/** One kind of machine that CAPMOX is to make, in the names that stand in variables or manifests. */
export const machinePlan = z.object({
	/** "the variables", "ProxmoxMachineTemplate demo-worker". */
	from: z.string(),
	templateId: z.number().int().optional(),
	templateTags: z.array(z.string()),
	sourceNode: z.string().optional(),
	/** Empty: CAPMOX makes the machine where the template is, without choosing by memory. */
	allowedNodes: z.array(z.string()),
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
});
export type MachinePlan = z.infer<typeof machinePlan>;

/** Fact `environment.machines`: the machines that the variables, or `--manifest` in their place, describe. */
export const environmentMachines = z.object({
	/** "the variables", or the name of the manifest. */
	source: z.string(),
	machines: z.array(machinePlan),
	/** ProxmoxClusters that log in with a Secret of their own: their machines are none of this token's business. */
	otherCredentials: z.array(z.string()),
});
export type EnvironmentMachines = z.infer<typeof environmentMachines>;

const bridgeNames = ["BRIDGE", "SECONDARY_BRIDGE", "EXT_SERVICE_BRIDGE"] as const;
type MachineVariable =
	| (typeof bridgeNames)[number]
	| "PROXMOX_SOURCENODE"
	| "TEMPLATE_VMID"
	| "TEMPLATE_TAGS"
	| "ALLOWED_NODES";

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
	};
	const isNamed =
		hasId || machine.templateTags.length > 0 || sourceNode !== undefined || machine.allowedNodes.length > 0;
	return { source: "the variables", machines: isNamed ? [machine] : [], otherCredentials: [] };
}

/** `[pve1,pve2]`, as the templates want it, or without the brackets. */
function parseList(text: string | undefined): string[] {
	const items = (text ?? "").replace(/^\[(.*)\]$/s, "$1").split(",");
	return items.map(unquote).filter((item) => item !== "");
}

/** @throws UsageError where it is no YAML, is not rendered yet, or describes no machine. */
export function parseManifest({ name, text }: Manifest): EnvironmentMachines {
	const objects = parseAllDocuments(text).flatMap((document) => {
		const [broken] = document.errors;
		if (broken !== undefined) {
			const hint = text.includes("${") ? notRendered : "";
			throw new UsageError(`--manifest: ${name} is not valid YAML: ${broken.message.split("\n")[0] ?? ""}${hint}`);
		}

		return unfold(document.toJS());
	});
	const placeholder = /\$\{[^}]*\}/.exec(JSON.stringify(objects.filter(isOurs)))?.[0];
	if (placeholder !== undefined) {
		throw new UsageError(`--manifest: ${name} still holds ${placeholder}${notRendered}`);
	}

	const { unreadable, ...found } = parseMachineObjects(objects);
	if (unreadable.length > 0) {
		throw new UsageError(`--manifest: ${name}: ${unreadable.join(", ")} is not in the form of CAPMOX's API`);
	}

	if (found.machines.length === 0 && found.otherCredentials.length === 0) {
		throw new UsageError(`--manifest: ${name} holds no ProxmoxMachineTemplate`);
	}

	return { source: name, ...found };
}

const notRendered = "; give what clusterctl generate cluster makes of it";
const isOurs = (object: unknown): boolean =>
	z.object({ kind: z.enum(["ProxmoxCluster", "ProxmoxMachineTemplate"]) }).safeParse(object).success;

function unfold(value: unknown): unknown[] {
	const list = z.object({ kind: z.string().endsWith("List"), items: z.array(z.unknown()) }).safeParse(value);
	return list.success ? list.data.items : [value];
}

const names = z.array(z.string()).nullish();
const metadata = z.object({
	name: z.string().default("(no name)"),
	namespace: z.string().optional(),
	labels: z.record(z.string(), z.string()).nullish(),
});
const clusterObject = z.object({
	kind: z.literal("ProxmoxCluster"),
	metadata,
	spec: z.object({ allowedNodes: names, credentialsRef: z.object({ name: z.string() }).nullish() }),
});
const device = z.object({ bridge: z.string().nullish(), vlan: z.coerce.number().int().nullish() });
const templateObject = z.object({
	kind: z.literal("ProxmoxMachineTemplate"),
	metadata,
	spec: z.object({
		template: z.object({
			spec: z.object({
				sourceNode: z.string().nullish(),
				templateID: z.coerce.number().int().nullish(),
				templateSelector: z.object({ matchTags: names }).nullish(),
				allowedNodes: names,
				pool: z.string().nullish(),
				storage: z.string().nullish(),
				tags: names,
				checks: z
					.object({ skipQemuGuestAgent: z.boolean().nullish(), skipCloudInitStatus: z.boolean().nullish() })
					.nullish(),
				// v1alpha1 has default and additionalDevices, v1alpha2 networkDevices.
				network: z
					.object({
						default: device.nullish(),
						additionalDevices: z.array(device).nullish(),
						networkDevices: z.array(device).nullish(),
					})
					.nullish(),
			}),
		}),
	}),
});
type ClusterObject = z.infer<typeof clusterObject>;
type TemplateObject = z.infer<typeof templateObject>;

export interface MachineObjects extends Omit<EnvironmentMachines, "source"> {
	/** Names of those that are not in a form known here. */
	readonly unreadable: readonly string[];
}

/** ProxmoxClusters and ProxmoxMachineTemplates, v1alpha1 or v1alpha2; whatever else stands among them is left alone. */
export function parseMachineObjects(objects: readonly unknown[]): MachineObjects {
	const clusters = objects.flatMap((object) => clusterObject.safeParse(object).data ?? []);
	const templates = objects.flatMap((object) => templateObject.safeParse(object).data ?? []);
	const known = z.union([clusterObject, templateObject]);
	return {
		machines: templates.flatMap((template) => {
			const own = clusters.filter((cluster) => belongs(template, cluster));
			const isForeign = own.length > 0 && own.every(({ spec }) => Boolean(spec.credentialsRef));
			return isForeign ? [] : [planOf(template, own)];
		}),
		otherCredentials: clusters
			.filter(({ spec }) => Boolean(spec.credentialsRef))
			.map(({ metadata: { name, namespace } }) => (namespace === undefined ? name : `${namespace}/${name}`)),
		unreadable: objects
			.filter((object) => isOurs(object) && !known.safeParse(object).success)
			.map((object) => {
				const { kind, metadata } = z
					.object({ kind: z.string(), metadata: z.object({ name: z.string() }).catch({ name: "(no name)" }) })
					.parse(object);
				return `${kind} ${metadata.name}`;
			}),
	};
}

const clusterLabel = "cluster.x-k8s.io/cluster-name";

/** By label where both have one; otherwise all that share a namespace may belong together. */
function belongs(template: TemplateObject, cluster: ClusterObject): boolean {
	const [one, other] = [template.metadata.labels?.[clusterLabel], cluster.metadata.labels?.[clusterLabel]];
	return (
		template.metadata.namespace === cluster.metadata.namespace &&
		(one === undefined || other === undefined || one === other)
	);
}

function planOf({ metadata: { name, namespace }, spec }: TemplateObject, own: readonly ClusterObject[]): MachinePlan {
	const { templateID, sourceNode, templateSelector, allowedNodes, pool, storage, tags, checks, network } =
		spec.template.spec;
	const fromClusters = own.flatMap((cluster) => cluster.spec.allowedNodes ?? []);
	const devices = [
		...(network?.default ? [network.default] : []),
		...(network?.additionalDevices ?? []),
		...(network?.networkDevices ?? []),
	];
	return {
		from: `ProxmoxMachineTemplate ${namespace === undefined ? name : `${namespace}/${name}`}`,
		...(templateID ? { templateId: templateID } : {}),
		templateTags: templateID ? [] : [...(templateSelector?.matchTags ?? [])],
		...(sourceNode ? { sourceNode } : {}),
		allowedNodes: [...new Set(allowedNodes && allowedNodes.length > 0 ? allowedNodes : fromClusters)],
		...(pool ? { pool } : {}),
		...(storage ? { storage } : {}),
		devices: devices.flatMap(({ bridge, vlan }) =>
			bridge ? [{ bridge, ...(vlan ? { vlan } : {}), onlySome: false }] : [],
		),
		tags: [...(tags ?? [])],
		skips: skippable.filter((skip) => checks?.[skip] === true),
	};
}

/** What `--manifest` names, or else what the variables make. */
export async function readMachines(world: World): Promise<EnvironmentMachines> {
	const manifest = await world.manifest();
	return manifest === undefined
		? parseMachineVariables(await world.environment(), world.options.flavor)
		: parseManifest(manifest);
}
