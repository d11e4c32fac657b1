import { readScalar } from "../../src/go-yaml.ts";
import { placeOf } from "../../src/knowledge/places.ts";
import { about } from "./about.ts";
import type { EnvfileCode, EnvfileFinding } from "./findings.ts";
import { example, type Given, type Read, rewrite } from "./reading.ts";

interface NumberRule {
	readonly name: string;
	readonly min: number;
	/** Default: the largest int32, as the CRDs have all these numbers. */
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
	{ name: "MEMORY_MIB", min: 0, unit: "MiB", example: "16384" },
	{ name: "MEMORY_MIB_LB", min: 0, unit: "MiB", example: "2048" },
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

const int32 = 2_147_483_647;

export const judgeNumbers = (read: Read): EnvfileFinding[] => [
	...rules.flatMap((rule) => judgeNumber(rule, read(rule.name))),
	...judgeControlPlane(read("CONTROL_PLANE_MACHINE_COUNT")),
];

function judgeNumber(rule: NumberRule, given: Given | undefined): EnvfileFinding[] {
	const { min, max = int32, unit, example: sample } = rule;
	// That nothing at all is set, is told with the names.
	if (given === undefined || given.value === "") {
		return [];
	}

	const bounds = max === int32 ? `${min} or more` : `${min} to ${max}`;
	const expected = `a whole number${unit === undefined ? "" : ` of ${unit}`}, ${bounds}`;
	const number = numberOf(given);
	if (number === undefined) {
		return [
			about("not-a-number", given, notANumber(given), example("Write the bare number.", given, sample), expected),
		];
	}

	if (number < min || number > max) {
		return [outOfRange(rule, given, number > max ? `${min} to ${max}` : bounds, number, expected)];
	}

	return readOtherwise(given, number);
}

/** As clusterctl reads the counts, and Go's YAML reader all others; `undefined` for what is no whole number. */
export function numberOf({ name, value }: Given): number | undefined {
	if (placeOf(name) === "count") {
		return /^[-+]?\d+$/.test(value) ? Number(value) : undefined;
	}

	const read = readScalar(value);
	return read.kind === "number" && Number.isInteger(read.value) ? read.value : undefined;
}

const notANumber = ({ name }: Given): string =>
	placeOf(name) === "count"
		? `${name} is not a whole number in digits only. clusterctl stops with "invalid value for ${name} set".`
		: `${name} is not a whole number. Kubernetes rejects the manifest: it wants digits only, without unit or quotes.`;

function outOfRange(rule: NumberRule, given: Given, bounds: string, number: number, expected: string): EnvfileFinding {
	const { name, min, example: sample, code = "out-of-range", why } = rule;
	const step = example("Write a number that is allowed.", given, sample);
	return number < min
		? about(code, given, why ?? `${name} must be ${bounds}.`, step, expected)
		: about("out-of-range", given, `${name} must be ${bounds}.`, step, expected);
}

/** `010` and the like: valid, and hardly meant. A leading zero does nothing to the counts, which clusterctl reads by itself. */
export const readOtherwise = (given: Given, number: number): EnvfileFinding[] =>
	placeOf(given.name) === "count" || /^(?:0|[1-9]\d*)$/.test(given.value)
		? []
		: [
				{
					...about(
						"not-a-number",
						given,
						`YAML reads ${given.value} as ${number}. Whoever looks at ${given.name} later may read it otherwise.`,
						rewrite("Write what YAML makes of it, or what you meant.", given, String(number)),
						"a whole number in digits, without zeros in front",
					),
					severity: "warning",
				},
			];

/** KubeadmControlPlane's webhook: "cannot be an even number when etcd is stacked". */
function judgeControlPlane(given: Given | undefined): EnvfileFinding[] {
	const number = given === undefined ? undefined : numberOf(given);
	return given !== undefined && number !== undefined && number > 0 && number <= int32 && number % 2 === 0
		? [
				about(
					"even-control-plane",
					given,
					"Each control plane machine is a member of etcd, and Cluster API refuses an even number of those.",
					rewrite("Take the next odd number.", given, String(number + 1)),
					"1, 3 or 5",
				),
			]
		: [];
}
