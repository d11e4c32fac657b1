import { about } from "./about.ts";
import type { EnvfileCode, EnvfileFinding } from "./findings.ts";
import { example, type Given, type Read, rewrite } from "./reading.ts";

interface NumberRule {
	readonly name: string;
	readonly min: number;
	readonly max?: number;
	readonly unit?: string;
	readonly example: string;
	/** Code of a number below `min`. */
	readonly code?: EnvfileCode;
	readonly why?: string;
}

const autonomousSystems = ["IPV4", "IPV6"].flatMap((family) =>
	["ASN", "BGP_PEER_ASN", "BGP_PEER2_ASN"].map((end) => `METALLB_${family}_${end}`),
);

/** CRDs of CAPMOX v0.9.0 (numSockets, numCores, memoryMiB, sizeGb, vmIDRange), clusterctl for the counts, RFC 6793 for ASNs. */
const rules: readonly NumberRule[] = [
	{ name: "CONTROL_PLANE_MACHINE_COUNT", min: 1, example: "3" },
	{ name: "WORKER_MACHINE_COUNT", min: 0, example: "2" },
	{ name: "LOAD_BALANCER_MACHINE_COUNT", min: 0, example: "2" },
	{ name: "NUM_SOCKETS", min: 1, example: "2" },
	{ name: "NUM_CORES", min: 1, example: "4" },
	{ name: "NUM_SOCKETS_LB", min: 1, example: "1" },
	{ name: "NUM_CORES_LB", min: 1, example: "4" },
	{ name: "MEMORY_MIB", min: 8, unit: "MiB", example: "16384" },
	{ name: "MEMORY_MIB_LB", min: 8, unit: "MiB", example: "2048" },
	{
		name: "BOOT_VOLUME_SIZE",
		min: 5,
		unit: "GiB",
		example: "100",
		code: "boot-volume-too-small",
		why: "CAPMOX refuses a boot volume below 5 GiB. It must also be no smaller than the template's disk, because a disk cannot shrink.",
	},
	{
		name: "TEMPLATE_VMID",
		min: 100,
		max: 999_999_999,
		example: "9000",
		code: "template-id-too-small",
		why: "Proxmox VE gives IDs from 100 on; CAPMOX takes a smaller one for no VM.",
	},
	...autonomousSystems.map((name) => ({ name, min: 1, max: 4_294_967_295, example: "64512" })),
];

const wholeNumber = /^(?:0|[1-9]\d{0,15})$/;

export const judgeNumbers = (read: Read): EnvfileFinding[] => [
	...rules.flatMap((rule) => judgeNumber(rule, read(rule.name))),
	...judgeControlPlane(read("CONTROL_PLANE_MACHINE_COUNT")),
	...["MEMORY_MIB", "MEMORY_MIB_LB"].flatMap((name) => judgeMemory(read(name))),
];

function judgeNumber(rule: NumberRule, given: Given | undefined): EnvfileFinding[] {
	const { name, min, max, unit, code = "out-of-range", why } = rule;
	// That nothing at all is set, is told with the names.
	if (given === undefined || given.value === "") {
		return [];
	}

	const bounds = max === undefined ? `${min} or more` : `${min} to ${max}`;
	const expected = `a whole number${unit === undefined ? "" : ` of ${unit}`}, ${bounds}`;
	if (!wholeNumber.test(given.value)) {
		const summary = `${name} is not a whole number. Kubernetes rejects the manifest: it wants digits only, without unit, quotes or sign.`;
		return [about("not-a-number", given, summary, example("Write the bare number.", given, rule.example), expected)];
	}

	const number = Number(given.value);
	if (number >= min && number <= (max ?? number)) {
		return [];
	}

	const step = example("Write a number that is allowed.", given, rule.example);
	return [about(number < min ? code : "out-of-range", given, why ?? `${name} must be ${bounds}.`, step, expected)];
}

/** KubeadmControlPlane's webhook: "cannot be an even number when etcd is stacked". */
const judgeControlPlane = (given: Given | undefined): EnvfileFinding[] =>
	given !== undefined && wholeNumber.test(given.value) && given.value !== "0" && Number(given.value) % 2 === 0
		? [
				about(
					"even-control-plane",
					given,
					"Each control plane machine is a member of etcd, and Cluster API refuses an even number of those.",
					rewrite("Take the next odd number.", given, String(Number(given.value) + 1)),
					"1, 3 or 5",
				),
			]
		: [];

const judgeMemory = (given: Given | undefined): EnvfileFinding[] =>
	given !== undefined && wholeNumber.test(given.value) && Number(given.value) >= 8 && Number(given.value) % 8 !== 0
		? [
				about(
					"memory-not-multiple-of-8",
					given,
					"CAPMOX takes only multiples of 8 MiB.",
					rewrite("Round it up.", given, String(Math.ceil(Number(given.value) / 8) * 8)),
					"a multiple of 8",
				),
			]
		: [];
