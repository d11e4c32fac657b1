import * as z from "zod";

const poolReference = z.object({ kind: z.string(), name: z.string() });

const device = z.object({
	/** `net0` */
	name: z.string(),
	model: z.string(),
	/** Gets an address of the cluster's own range of this family. */
	default4: z.boolean(),
	default6: z.boolean(),
	pools: z.array(poolReference),
	/** Default routes that the user wrote down, of the main table. */
	routes: z.array(z.object({ family: z.union([z.literal(4), z.literal(6)]), metric: z.number().optional() })),
	vrf: z.string().optional(),
});

/** Network of a ProxmoxMachine or its template, both generations in one shape. */
export const machineNetwork = z.object({ devices: z.array(device), zone: z.string().optional() });
export type MachineNetwork = z.infer<typeof machineNetwork>;
export type MachineDevice = z.infer<typeof device>;

const rawPool = z.object({ kind: z.string().default("InClusterIPPool"), name: z.string() }).nullish();
const rawRoute = z.object({
	to: z.string().nullish(),
	via: z.string().nullish(),
	is6: z.boolean().nullish(),
	metric: z.number().nullish(),
	table: z.number().nullish(),
});
const rawDevice = z.object({
	name: z.string().nullish(),
	model: z.string().nullish(),
	/** v1alpha1 */
	ipv4PoolRef: rawPool,
	ipv6PoolRef: rawPool,
	/** v1alpha2 */
	defaultIPv4: z.boolean().nullish(),
	defaultIPv6: z.boolean().nullish(),
	ipPoolRef: z.array(rawPool).nullish(),
	routes: z.array(rawRoute).nullish(),
});

export const rawNetwork = z
	.object({
		/** v1alpha1 */
		default: rawDevice.nullish(),
		additionalDevices: z.array(rawDevice).nullish(),
		/** v1alpha2 */
		networkDevices: z.array(rawDevice).nullish(),
		zone: z.string().nullish(),
		vrfs: z.array(z.object({ name: z.string(), interfaces: z.array(z.string()).nullish() })).nullish(),
	})
	.nullish();
type RawNetwork = NonNullable<z.infer<typeof rawNetwork>>;
type RawDevice = z.infer<typeof rawDevice>;

/** Absent where the object says nothing of its network: then it has the devices of the VM that it is cloned from. */
export function readNetwork(raw: z.infer<typeof rawNetwork>): MachineNetwork | undefined {
	if (!raw) {
		return undefined;
	}

	const devices = raw.networkDevices ? newer(raw.networkDevices) : older(raw);
	return {
		devices: devices.map((each, index) => ({
			...each,
			vrf: raw.vrfs?.find(({ interfaces }) => interfaces?.some((name) => name === each.name || name === `eth${index}`))
				?.name,
		})),
		...(raw.zone ? { zone: raw.zone } : {}),
	};
}

/** CAPMOX's webhook makes net0 the default where no device is (internal/webhook/proxmoxmachine_webhook.go). */
function newer(raw: readonly RawDevice[]): MachineDevice[] {
	const [any4, any6] = [raw.some(({ defaultIPv4 }) => defaultIPv4), raw.some(({ defaultIPv6 }) => defaultIPv6)];
	return raw.map((each, index) => {
		const name = each.name ?? "net0";
		const isFirst = name === "net0" || (index === 0 && !raw.some((other) => other.name === "net0"));
		return {
			...common(each, name),
			default4: any4 ? each.defaultIPv4 === true : isFirst,
			default6: any6 ? each.defaultIPv6 === true : isFirst,
			pools: (each.ipPoolRef ?? []).flatMap((pool) => pool ?? []),
		};
	});
}

/** net0 has an address of the cluster's range, unless a pool is named in its place. */
function older({ default: first, additionalDevices }: RawNetwork): MachineDevice[] {
	const poolsOf = ({ ipv4PoolRef, ipv6PoolRef }: RawDevice) => [ipv4PoolRef ?? [], ipv6PoolRef ?? []].flat();
	const main = first ?? {};
	return [
		{
			...common(main, "net0"),
			default4: !main.ipv4PoolRef,
			default6: !main.ipv6PoolRef,
			pools: poolsOf(main),
		},
		...(additionalDevices ?? []).map((each) => ({
			...common(each, each.name ?? ""),
			default4: false,
			default6: false,
			pools: poolsOf(each),
		})),
	];
}

const common = (raw: RawDevice, name: string) => ({
	name,
	model: raw.model ?? "virtio",
	routes: (raw.routes ?? []).filter(isDefault).map(({ to, via, is6, metric }) => ({
		family: is6 === true || (to ?? "").includes(":") || (via ?? "").includes(":") ? (6 as const) : (4 as const),
		...(typeof metric === "number" ? { metric } : {}),
	})),
});

const isDefault = ({ to, table }: z.infer<typeof rawRoute>): boolean =>
	["default", "0.0.0.0/0", "::/0"].includes(to ?? "") && (!table || table === 254);
