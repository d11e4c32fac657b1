import * as z from "zod";
import { skippable } from "../knowledge/privileges.ts";
import { type EnvironmentMachines, type MachinePlan, tagMatches } from "./machines.ts";

export const isOurs = (object: unknown): boolean =>
	z.object({ kind: z.enum(["ProxmoxCluster", "ProxmoxMachineTemplate"]) }).safeParse(object).success;

const names = z.array(z.string()).nullish();
const metadata = z.object({
	name: z.string().default("(no name)"),
	namespace: z.string().optional(),
	labels: z.record(z.string(), z.string()).nullish(),
	ownerReferences: z.array(z.object({ kind: z.string() })).nullish(),
});
const clusterObject = z.object({
	kind: z.literal("ProxmoxCluster"),
	metadata,
	spec: z.object({
		allowedNodes: names,
		credentialsRef: z.object({ name: z.string() }).nullish(),
		schedulerHints: z.object({ memoryAdjustment: z.coerce.number().nullish() }).nullish(),
	}),
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
				templateSelector: z.object({ matchTags: names, matchPolicy: z.string().nullish() }).nullish(),
				allowedNodes: names,
				target: z.string().nullish(),
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

/** What a ClusterClass refers to, at whatever place: `{kind, name}`. */
const classObject = z.object({ kind: z.literal("ClusterClass"), spec: z.unknown() });
const reference = z.object({ kind: z.literal("ProxmoxMachineTemplate"), name: z.string() });

function referencesIn(value: unknown): string[] {
	const name = reference.safeParse(value).data?.name;
	const inside = typeof value === "object" && value !== null ? Object.values(value).flatMap(referencesIn) : [];
	return name === undefined ? inside : [name, ...inside];
}

export interface MachineObjects extends Omit<EnvironmentMachines, "source"> {
	/** Names of those that are not in a form known here. */
	readonly unreadable: readonly string[];
}

/** ProxmoxClusters and ProxmoxMachineTemplates, v1alpha1 or v1alpha2; whatever else stands among them is left alone. */
export function parseMachineObjects(objects: readonly unknown[]): MachineObjects {
	const clusters = objects.flatMap((object) => clusterObject.safeParse(object).data ?? []);
	const all = objects.flatMap((object) => templateObject.safeParse(object).data ?? []);
	const classes = objects.flatMap((object) => classObject.safeParse(object).data ?? []);
	const filledIn = new Set(classes.flatMap(({ spec }) => referencesIn(spec)));
	// In a cluster the ClusterClass owns it; in a manifest only the reference tells.
	const blanks = all.filter(
		({ metadata: { name, ownerReferences } }) =>
			filledIn.has(name) || ownerReferences?.some(({ kind }) => kind === "ClusterClass") === true,
	);
	const templates = all.filter((template) => !blanks.includes(template));
	const known = z.union([clusterObject, templateObject]);
	return {
		machines: templates.flatMap((template) => {
			const own = clusters.filter((cluster) => belongs(template, cluster));
			const isForeign = own.length > 0 && own.every(({ spec }) => Boolean(spec.credentialsRef));
			return isForeign ? [] : [planOf(template, own)];
		}),
		otherCredentials: clusters.filter(({ spec }) => Boolean(spec.credentialsRef)).map(fullName),
		blanks: blanks.map(fullName),
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

const fullName = ({ metadata: { name, namespace } }: ClusterObject | TemplateObject): string =>
	namespace === undefined ? name : `${namespace}/${name}`;

const clusterLabel = "cluster.x-k8s.io/cluster-name";

/** By label where both have one; otherwise all that share a namespace may belong together. */
function belongs(template: TemplateObject, cluster: ClusterObject): boolean {
	const [one, other] = [template.metadata.labels?.[clusterLabel], cluster.metadata.labels?.[clusterLabel]];
	return (
		template.metadata.namespace === cluster.metadata.namespace &&
		(one === undefined || other === undefined || one === other)
	);
}

function planOf(template: TemplateObject, own: readonly ClusterObject[]): MachinePlan {
	const { templateID, sourceNode, templateSelector, allowedNodes, target, pool, storage, tags, checks, network } =
		template.spec.template.spec;
	const ignoresMemory = own.length > 0 && own.every(({ spec }) => spec.schedulerHints?.memoryAdjustment === 0);
	const tagMatch = tagMatches.find((known) => known === templateSelector?.matchPolicy);
	const hasOwnNodes = allowedNodes !== undefined && allowedNodes !== null && allowedNodes.length > 0;
	const fromClusters = own.flatMap((cluster) => cluster.spec.allowedNodes ?? []);
	const devices = [
		...(network?.default ? [network.default] : []),
		...(network?.additionalDevices ?? []),
		...(network?.networkDevices ?? []),
	];
	return {
		from: `ProxmoxMachineTemplate ${fullName(template)}`,
		...(templateID ? { templateId: templateID } : {}),
		templateTags: templateID ? [] : [...(templateSelector?.matchTags ?? [])],
		...(tagMatch === undefined ? {} : { tagMatch }),
		...(sourceNode ? { sourceNode } : {}),
		allowedNodes: [...new Set(hasOwnNodes ? allowedNodes : fromClusters)],
		...(hasOwnNodes ? { ownNodes: true } : {}),
		...(target ? { target } : {}),
		...(ignoresMemory ? { ignoresMemory } : {}),
		...(pool ? { pool } : {}),
		...(storage ? { storage } : {}),
		devices: devices.flatMap(({ bridge, vlan }) =>
			bridge ? [{ bridge, ...(vlan ? { vlan } : {}), onlySome: false }] : [],
		),
		tags: [...(tags ?? [])],
		skips: skippable.filter((skip) => checks?.[skip] === true),
	};
}
