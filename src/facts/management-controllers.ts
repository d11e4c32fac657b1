import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { groupOf, rawMetadata } from "./management-object.ts";
import type { Know } from "./probe.ts";

const image = z.object({
	/** As the Deployment has it. */
	text: z.string(),
	repository: z.string(),
	tag: z.string().optional(),
	digest: z.string().optional(),
	/** The tag where it is a version that a provider releases: `v0.9.0`, `v1.12.0-rc.1`. */
	version: z.string().optional(),
});
export type Image = z.infer<typeof image>;

const controller = z.object({
	/** `cluster.x-k8s.io/provider`: `cluster-api`, `infrastructure-proxmox`. */
	provider: z.string(),
	namespace: z.string(),
	name: z.string(),
	image,
	/** As they are wanted. */
	replicas: z.number(),
	ready: z.number(),
	/** Since when it is available, by the API server's clock; absent where it is not. */
	availableSince: z.string().optional(),
	/** clusterctl applied it, by its label. */
	byClusterctl: z.boolean().optional(),
	/** Its image is the one that it was created with, whatever else of it was changed. */
	firstImage: z.boolean().optional(),
	/** The object of the Cluster API operator that installed it. */
	operator: z.object({ kind: z.string(), name: z.string() }).optional(),
});
export type Controller = z.infer<typeof controller>;

/** Fact `management.controllers`: Deployments with a provider's label, in any namespace. */
export const managementControllers = z.object({ controllers: z.array(controller) });

/** Fact `management.inventory`: what clusterctl says it installed. The operator leaves none, so an empty list is no evidence. */
export const managementInventory = z.object({
	installed: z.boolean(),
	/** `false`: the Deployments tell as much, and `installed` nothing. Absent where it was asked. */
	asked: z.literal(false).optional(),
	providers: z.array(
		z.object({
			namespace: z.string(),
			/** `infrastructure-proxmox` */
			name: z.string(),
			version: z.string(),
		}),
	),
});

/** Fact `management.operator`: what the Cluster API operator installed, for controllers whose image does not tell a version. */
export const managementOperator = z.object({
	providers: z.array(
		z.object({
			kind: z.string(),
			namespace: z.string(),
			name: z.string(),
			wanted: z.string().optional(),
			installed: z.string().optional(),
		}),
	),
});

/** `[registry[:port]/]path[:tag][@digest]`: a colon before a slash belongs to the registry. */
export function parseImage(text: string): Image {
	const [reference = "", digest] = text.split("@");
	const colon = reference.lastIndexOf(":");
	const hasTag = colon > reference.lastIndexOf("/");
	const tag = hasTag ? reference.slice(colon + 1) : undefined;
	return {
		text,
		repository: hasTag ? reference.slice(0, colon) : reference,
		tag,
		digest,
		version: tag !== undefined && /^v?\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?$/.test(tag) ? tag : undefined,
	};
}

const rawDeployment = z.object({
	metadata: rawMetadata.extend({
		managedFields: z.array(z.object({ manager: z.string().default(""), fieldsV1: z.unknown() })).nullish(),
	}),
	spec: z.object({
		replicas: z.number().nullish(),
		template: z.object({
			spec: z.object({ containers: z.array(z.object({ name: z.string(), image: z.string().default("") })).min(1) }),
		}),
	}),
	status: z
		.object({
			readyReplicas: z.number().nullish(),
			conditions: z
				.array(z.object({ type: z.string(), status: z.string(), lastTransitionTime: z.string().optional() }))
				.nullish(),
		})
		.nullish(),
});

const deploymentsPath = "/apis/apps/v1/deployments?labelSelector=cluster.x-k8s.io%2Fprovider";
const operatorGroup = "operator.cluster.x-k8s.io";
// On all that it applies: cmd/clusterctl/api/v1alpha3/labels.go of Cluster API.
const clusterctlLabel = "clusterctl.cluster.x-k8s.io";

/** Of the server's record of who set which field: structured-merge-diff's form `FieldsV1`. */
const holds = (fields: unknown, [key, ...rest]: readonly string[]): boolean =>
	key === undefined ||
	(fields instanceof Object && Object.hasOwn(fields, key) && holds(Reflect.get(fields, key), rest));

type Metadata = z.infer<typeof rawDeployment>["metadata"];

/** Nothing was changed since it was created, or nobody set the image but who set clusterctl's label. */
function hasFirstImage({ generation, managedFields }: Metadata, container: string): boolean {
	const managersOf = (...path: readonly string[]) =>
		(managedFields ?? []).filter(({ fieldsV1 }) => holds(fieldsV1, path)).map(({ manager }) => manager);
	const appliers = managersOf("f:metadata", "f:labels", `f:${clusterctlLabel}`);
	const imagePath = ["f:spec", "f:template", "f:spec", "f:containers", `k:{"name":"${container}"}`, "f:image"];
	const setters = managersOf(...imagePath);
	return generation === 1 || (setters.length > 0 && setters.every((manager) => appliers.includes(manager)));
}

function parseController(item: unknown): Controller {
	const parsed = rawDeployment.safeParse(item);
	if (!parsed.success) {
		throw new ProbeError("unreadable", `GET ${deploymentsPath}: an item is no Deployment`);
	}

	const { metadata, spec, status } = parsed.data;
	const { containers } = spec.template.spec;
	const manager = containers.find(({ name }) => name === "manager") ?? containers[0];
	const available = status?.conditions?.find(({ type }) => type === "Available");
	const operator = metadata.ownerReferences?.find(({ apiVersion }) => groupOf(apiVersion) === operatorGroup);
	return {
		provider: metadata.labels?.["cluster.x-k8s.io/provider"] ?? "",
		namespace: metadata.namespace ?? "",
		name: metadata.name,
		image: parseImage(manager?.image ?? ""),
		replicas: spec.replicas ?? 1,
		ready: status?.readyReplicas ?? 0,
		availableSince: available?.status === "True" ? available.lastTransitionTime : undefined,
		byClusterctl: metadata.labels?.[clusterctlLabel] !== undefined,
		firstImage: hasFirstImage(metadata, manager?.name ?? ""),
		operator: operator === undefined ? undefined : { kind: operator.kind, name: operator.name },
	};
}

export async function readManagementControllers(
	{ kubectl }: World,
	_: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementControllers>> {
	return { controllers: [...(await kubectl.listKept(deploymentsPath, parseController, { signal }))] };
}

const inventoryPath = "/apis/clusterctl.cluster.x-k8s.io/v1alpha3/providers";
const rawProvider = z.object({ metadata: rawMetadata, version: z.string().default("") });

/** Where the providers' releases have their images; an image from elsewhere may also have another tag. */
const ownRegistries = /^(?:registry\.k8s\.io\/(?:cluster-api|capi-ipam-ic)|ghcr\.io\/ionos-cloud)\//;

/** Each is as clusterctl applied it, and names its version, so that the inventory would say the same. */
function tellAll(controllers: readonly Controller[]): boolean {
	const providers = new Set(controllers.map(({ provider }) => provider));
	const isAsApplied = ({ image: { repository, version }, byClusterctl, firstImage, operator }: Controller) =>
		byClusterctl === true &&
		firstImage === true &&
		operator === undefined &&
		version !== undefined &&
		ownRegistries.test(repository);
	const areOperated = controllers.every(({ operator }) => operator !== undefined);
	return (
		controllers.length > 0 && providers.size === controllers.length && (areOperated || controllers.every(isAsApplied))
	);
}

/** Of all requests the one that tells least: it is spared where the Deployments leave no doubt. */
export async function readManagementInventory(
	{ kubectl }: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementInventory>> {
	const running = await attempt(know("management.controllers"));
	if (!(running instanceof ProbeError) && tellAll(running.controllers)) {
		return { installed: true, asked: false, providers: [] };
	}

	const found = await attempt(
		kubectl.listKept(
			inventoryPath,
			(item) => {
				const parsed = rawProvider.safeParse(item);
				if (!parsed.success) {
					throw new ProbeError("unreadable", `GET ${inventoryPath}: an item is no Provider of clusterctl`);
				}

				const { metadata, version } = parsed.data;
				return { namespace: metadata.namespace ?? "", name: metadata.name, version };
			},
			{ signal },
		),
	);
	if (!(found instanceof ProbeError)) {
		return { installed: true, providers: [...found] };
	}

	if (found.reason === "not-found") {
		return { installed: false, providers: [] };
	}

	throw found;
}

const rawOperatorProvider = z.object({
	spec: z.object({ version: z.string().optional() }).nullish(),
	status: z.object({ installedVersion: z.string().nullish() }).nullish(),
});

/** One request for each controller whose image names no version, which is rare: the operator pins tags. */
export async function readManagementOperator(
	{ kubectl }: World,
	know: Know,
	signal: AbortSignal,
): Promise<z.infer<typeof managementOperator>> {
	const { controllers } = await know("management.controllers");
	const unclear = controllers.flatMap(({ namespace, operator, image: { version } }) =>
		operator === undefined || version !== undefined ? [] : [{ namespace, ...operator }],
	);
	const providers = unclear.map(async ({ kind, namespace, name }) => {
		const path = `/apis/${operatorGroup}/v1alpha2/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
		const parsed = rawOperatorProvider.safeParse(await kubectl.get(path, { signal }));
		if (!parsed.success) {
			throw new ProbeError("unreadable", `GET ${path}: the answer is no ${kind} of the Cluster API operator`);
		}

		const { spec, status } = parsed.data;
		return { kind, namespace, name, wanted: spec?.version, installed: status?.installedVersion ?? undefined };
	});
	return { providers: await Promise.all(providers) };
}
