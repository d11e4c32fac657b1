import { gunzipSync } from "node:zlib";
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { ProbeError } from "../errors.ts";

const variables = z.object({
	/** Empty: kube-vip looks for the interface with the default route. */
	interface: z.string(),
	/** The control plane's address; absent where no variable names one. */
	address: z.string().optional(),
	/** `vip_address` is its older name. */
	addressBy: z.enum(["address", "vip_address"]).optional(),
	cidr: z.string().optional(),
	subnet: z.string().optional(),
	controlPlane: z.boolean(),
	services: z.boolean(),
	leaderElection: z.boolean(),
	lease: z.string(),
	/** Namespace of the lease, where it is not kube-system. */
	namespace: z.string().optional(),
	/** The API server that it asks, in place of the one in its kubeconfig. */
	server: z.string().optional(),
});

/** What kube-vip is told, of a container that runs it. */
export const kubeVipContainer = z.object({
	image: z.string(),
	/** The tag where it is a release: `v0.7.1`. */
	version: z.string().optional(),
	...variables.shape,
});
export type KubeVipContainer = z.infer<typeof kubeVipContainer>;

const place = {
	path: z.string(),
	/** Position in `files`, by which patches count. */
	index: z.number(),
};
const encoding = z.enum(["base64", "gzip", "gzip+base64"]);
export type Encoding = z.infer<typeof encoding>;

/** How a KubeadmConfig brings kube-vip to its machines. */
export const kubeVipManifest = z.discriminatedUnion("state", [
	z.object({ state: z.literal("none") }),
	/** A command writes it; `image` where the command names one. */
	z.object({ state: z.literal("by-command"), image: z.string().optional() }),
	z.object({
		state: z.literal("in-secret"),
		...place,
		secret: z.string(),
		key: z.string(),
		encoding: encoding.optional(),
	}),
	/** It cannot become a pod. */
	z.object({ state: z.literal("unreadable"), ...place, why: z.string() }),
	z.object({
		state: z.literal("found"),
		...place,
		...kubeVipContainer.shape,
		/** It is told the kubeconfig that `kubeadm init` needs from Kubernetes 1.29 on. */
		mountsSuperAdmin: z.boolean(),
		/** The file as it stands, where it holds nothing that could be a secret. */
		text: z.string().optional(),
	}),
]);
export type KubeVipManifest = z.infer<typeof kubeVipManifest>;

/** What a KubeadmConfig says of kube-vip. */
export const kubeVipPlan = z.object({
	manifest: kubeVipManifest,
	/** Some file or command gives it the kubeconfig super-admin.conf, which `kubeadm init` needs from Kubernetes 1.29 on. */
	superAdmin: z.boolean(),
	/** Ignition, as Flatcar has it, instead of cloud-init. */
	ignition: z.boolean(),
});
export type KubeVipPlan = z.infer<typeof kubeVipPlan>;

const rawFile = z.object({
	path: z.string().nullish(),
	content: z.string().nullish(),
	encoding: z.string().nullish(),
	contentFrom: z
		.object({ secret: z.object({ name: z.string().default(""), key: z.string().default("") }).nullish() })
		.nullish(),
});
type RawFile = z.infer<typeof rawFile>;

/** The part of a KubeadmConfigSpec that decides about kube-vip. */
export const rawKubeVip = z
	.object({
		format: z.string().nullish(),
		files: z.array(rawFile).nullish(),
		bootCommands: z.array(z.unknown()).nullish(),
		preKubeadmCommands: z.array(z.string()).nullish(),
		postKubeadmCommands: z.array(z.string()).nullish(),
	})
	.nullish();

const manifests = "/etc/kubernetes/manifests/";
/** Some hundred characters around the name; a long line of anything else would take for ever. */
function imageIn(text: string): string | undefined {
	const at = /kube-vip(?:-iptables)?:/.exec(text)?.index;
	return at === undefined
		? undefined
		: /[\w.:/-]*kube-vip(?:-iptables)?:[\w.-]+/.exec(text.slice(Math.max(0, at - 200), at + 200))?.[0];
}

export function readKubeVip(config: z.infer<typeof rawKubeVip>): KubeVipPlan {
	const files = config?.files ?? [];
	const texts = files.map((file) => decode(file.content ?? "", encodingOf(file)) ?? "");
	const commands = [config?.bootCommands, config?.preKubeadmCommands, config?.postKubeadmCommands].map((list) =>
		JSON.stringify(list ?? []),
	);
	const written = [...texts, ...commands].join("\n");
	const found = files.flatMap((file, index) => readFile(file, index) ?? [])[0];
	return {
		manifest: found ?? byCommand(written),
		superAdmin: written.includes("super-admin.conf"),
		ignition: config?.format === "ignition",
	};
}

/** Only what ends in the folder of static pods counts: scripts may well speak of kube-vip without bringing it. */
function byCommand(written: string): KubeVipManifest {
	const image = imageIn(written);
	return image === undefined && !/kube-vip\s+(?:\S+\s+)*manifest\s+pod|manifest pod[^\n]*kube-vip/.test(written)
		? { state: "none" }
		: { state: "by-command", ...(image === undefined ? {} : { image }) };
}

const encodingOf = ({ encoding: text }: RawFile): Encoding | undefined => encoding.safeParse(text).data;

function readFile(file: RawFile, index: number): KubeVipManifest | undefined {
	const { path = "", content, contentFrom } = file;
	if (path?.startsWith(manifests) !== true) {
		return undefined;
	}

	const at = { path, index };
	const secret = contentFrom?.secret;
	if (secret && !content) {
		return path.includes("kube-vip")
			? { state: "in-secret", ...at, secret: secret.name, key: secret.key, ...withEncoding(encodingOf(file)) }
			: undefined;
	}

	return readManifest(content ?? "", encodingOf(file), at);
}

const withEncoding = (found: Encoding | undefined) => (found === undefined ? {} : { encoding: found });

/** Absent where it is the manifest of another pod. */
export function readManifest(
	content: string,
	encoded: Encoding | undefined,
	at: { readonly path: string; readonly index: number },
): KubeVipManifest | undefined {
	const text = decode(content, encoded);
	if (text === undefined) {
		return isNamed(at.path) ? { state: "unreadable", ...at, why: `it is not ${encoded ?? "text"}` } : undefined;
	}

	const pods = parsePods(text);
	if (typeof pods === "string") {
		return isNamed(at.path) || text.includes("kube-vip") ? { state: "unreadable", ...at, why: pods } : undefined;
	}

	const container = pods.flatMap(({ spec }) => spec.containers).find(runsKubeVip);
	if (container === undefined) {
		return isNamed(at.path) ? { state: "unreadable", ...at, why: "it is no pod with kube-vip" } : undefined;
	}

	const isHarmless =
		encoded === undefined &&
		(container.env ?? []).every(({ name }) => isPublic(name)) &&
		!(container.args ?? []).some((word) => /peer|pass|token/i.test(word));
	const mountsSuperAdmin = text.includes("super-admin.conf");
	return { state: "found", ...at, ...readContainer(container), mountsSuperAdmin, ...(isHarmless ? { text } : {}) };
}

const isNamed = (path: string): boolean => path.includes("kube-vip");

/** Far above any manifest; what unpacks to more is no manifest. */
const largest = 1_048_576;

function decode(content: string, encoded: Encoding | undefined): string | undefined {
	switch (encoded) {
		case undefined:
			return content;
		case "base64":
			return isBase64(content) ? Buffer.from(content, "base64").toString("utf8") : undefined;
		case "gzip+base64":
			return isBase64(content) ? unpack(Buffer.from(content, "base64")) : undefined;
		case "gzip":
			return unpack(Buffer.from(content, "latin1"));
	}
}

const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text);

function unpack(packed: Buffer): string | undefined {
	try {
		return gunzipSync(packed, { maxOutputLength: largest }).toString("utf8");
	} catch {
		// Not packed, cut off or too large: in each case kubelet gets no manifest.
		return undefined;
	}
}

const rawVariable = z.object({ name: z.string(), value: z.union([z.string(), z.number(), z.boolean()]).nullish() });
/** A container of a pod, as a manifest or an API server has it. */
export const rawContainer = z.object({
	name: z.string().default(""),
	image: z.string().default(""),
	args: z.array(z.string()).nullish(),
	env: z.array(rawVariable).nullish(),
});
export type RawContainer = z.infer<typeof rawContainer>;
const rawPod = z.object({ kind: z.literal("Pod"), spec: z.object({ containers: z.array(rawContainer) }) });

/** The pods of a YAML or JSON text, or why there are none. */
function parsePods(text: string): readonly z.infer<typeof rawPod>[] | string {
	const documents = parseAllDocuments(text);
	const [broken] = documents.flatMap(({ errors }) => errors);
	if (broken !== undefined) {
		return `it is not valid YAML: ${(broken.message.split("\n")[0] ?? "").replace(/:$/, "")}`;
	}

	return documents.flatMap((document) => rawPod.safeParse(document.toJS()).data ?? []);
}

/** By the image's path, whatever registry it is mirrored to. */
export const runsKubeVip = ({ image, name }: { readonly image: string; readonly name: string }): boolean =>
	/(?:^|\/)kube-vip(?:-iptables)?(?:[:@]|$)/.test(image) || (name === "kube-vip" && image.includes("kube-vip"));

/** Flags of `kube-vip manager`, by the variable that says the same (cmd/kube-vip.go). */
const flags: Readonly<Record<string, string>> = {
	"--interface": "vip_interface",
	"--address": "address",
	"--vip": "vip_address",
	"--cidr": "vip_cidr",
	"--vipSubnet": "vip_subnet",
	"--controlplane": "cp_enable",
	"--services": "svc_enable",
	"--leaderElection": "vip_leaderelection",
	"--leaseName": "vip_leasename",
	"--namespace": "cp_namespace",
};

/** `--name value`, `--name=value`, or `--name` alone for what is on. */
const flagsOf = (words: readonly string[]): readonly (readonly [string, string])[] =>
	words.flatMap((word, index) => {
		const [name = "", given] = word.split(/=(.*)/s);
		const next = words[index + 1] ?? "-";
		const variable = flags[name];
		return variable === undefined ? [] : [[variable, given ?? (next.startsWith("-") ? "true" : next)] as const];
	});

/** As pkg/kubevip/config_environment.go of kube-vip reads them: an empty variable counts as unset, any other goes before a flag. */
export function readContainer({ image, args, env }: RawContainer): KubeVipContainer {
	const set = new Map([
		...flagsOf(args ?? []),
		...(env ?? []).flatMap(({ name, value }) => {
			const text = String(value ?? "");
			return text === "" ? [] : [[name, text] as const];
		}),
	]);
	const isOn = (name: string): boolean => /^(?:1|t|true)$/i.test(set.get(name) ?? "");
	const addressBy = set.has("vip_address") ? "vip_address" : set.has("address") ? "address" : undefined;
	return {
		image,
		version: /:(v?\d+\.\d+\.\d+(?:-[\w.]+)?)(?:@|$)/.exec(image)?.[1],
		interface: set.get("vip_interface") ?? "",
		address: addressBy && set.get(addressBy),
		addressBy,
		cidr: set.get("vip_cidr"),
		subnet: set.get("vip_subnet"),
		controlPlane: isOn("cp_enable"),
		services: isOn("svc_enable"),
		leaderElection: isOn("vip_leaderelection"),
		lease: set.get("vip_leasename") ?? "plndr-cp-lock",
		namespace: set.get("cp_namespace") === "kube-system" ? undefined : set.get("cp_namespace"),
		server: set.get("kubernetes_addr"),
	};
}

/** Variables of kube-vip whose value may be shown and recorded; BGP and others can hold passwords. */
const isPublic = (name: string): boolean =>
	/^(?:cp_enable|cp_namespace|cp_detect|address|port|vip_\w+|svc_enable|svc_election|svc_leasename|lb_\w+|dns_mode|prometheus_server|node_name|vip_nodename|kubernetes_addr|enable_node_labeling)$/.test(
		name,
	);

/** @throws ProbeError where it is not in the form of its API. */
export function parseOrThrow<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
	const parsed = schema.safeParse(value);
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw new ProbeError(
			"unreadable",
			`${what} is not in the form of its API: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
		);
	}

	return parsed.data;
}
