import * as z from "zod";

/** What decides about a node's address, of the kubelet's arguments in a KubeadmConfig. */
export const kubeletArguments = z.object({
	/** `argument`: among kubeletExtraArgs; `command`: a file or a command that is run before kubeadm writes it. */
	nodeIp: z.enum(["argument", "command"]).optional(),
	cloudProvider: z.string().optional(),
});
export type KubeletArguments = z.infer<typeof kubeletArguments>;

/** v1beta2 has a list of names and values, v1beta1 a map. */
const extraArgs = z.union([
	z.array(z.object({ name: z.string(), value: z.string().nullish() })),
	z.record(z.string(), z.string().nullish()),
]);
const configuration = z
	.object({ nodeRegistration: z.object({ kubeletExtraArgs: extraArgs.nullish() }).nullish() })
	.nullish();

export const rawKubeadmConfig = z
	.object({
		initConfiguration: configuration,
		joinConfiguration: configuration,
		files: z.array(z.object({ content: z.string().nullish() })).nullish(),
		preKubeadmCommands: z.array(z.string()).nullish(),
		postKubeadmCommands: z.array(z.string()).nullish(),
		bootCommands: z.array(z.unknown()).nullish(),
	})
	.nullish();

export function readKubeletArguments(config: z.infer<typeof rawKubeadmConfig>): KubeletArguments {
	const args = [config?.initConfiguration, config?.joinConfiguration].map((one) =>
		asMap(one?.nodeRegistration?.kubeletExtraArgs),
	);
	// The first control-plane machine joins nothing, the others initialise nothing.
	const all = (name: string) => args.flatMap((one) => one[name] ?? [])[0];
	const written = JSON.stringify([config?.files, config?.preKubeadmCommands, config?.bootCommands]);
	const nodeIp = all("node-ip") !== undefined ? "argument" : written.includes("node-ip") ? "command" : undefined;
	const cloudProvider = all("cloud-provider");
	return { ...(nodeIp === undefined ? {} : { nodeIp }), ...(cloudProvider === undefined ? {} : { cloudProvider }) };
}

const asMap = (args: z.infer<typeof extraArgs> | null | undefined): Readonly<Record<string, string>> =>
	Object.fromEntries(
		(Array.isArray(args) ? args.map(({ name, value }) => [name, value] as const) : Object.entries(args ?? {})).flatMap(
			([name, value]) => (typeof value === "string" ? [[name, value]] : []),
		),
	);
