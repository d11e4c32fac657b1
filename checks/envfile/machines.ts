import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import { about } from "./about.ts";
import type { EnvfileFinding } from "./findings.ts";
import { numberOf } from "./numbers.ts";
import { type Given, type Read, rewrite } from "./reading.ts";

/** kubeadm's preflight checks for control plane machines: ControlPlaneNumCPU and ControlPlaneMem (constants.go, v1.34). */
const leastCpus = 2;
const leastMemory = 1_700;
/** What the kernel keeps for itself of some 1.7 GiB, so that kubeadm sees less than the VM has. */
const kernelShare = 52;

const numberIn = (given: Given | undefined): number | undefined => (given === undefined ? undefined : numberOf(given));

/** What kubeadm wants of a control plane machine. The templates let it skip no preflight check. */
export const judgeMachines = (read: Read): EnvfileFinding[] => [
	...judgeCores(read("NUM_SOCKETS"), read("NUM_CORES")),
	...judgeControlPlaneMemory(read("MEMORY_MIB")),
	...["MEMORY_MIB", "MEMORY_MIB_LB"].flatMap((name) => judgeMultiple(read(name))),
];

function judgeCores(sockets: Given | undefined, cores: Given | undefined): EnvfileFinding[] {
	const [perMachine, perSocket] = [numberIn(sockets), numberIn(cores)];
	if (sockets === undefined || cores === undefined || perMachine !== 1 || perSocket !== 1) {
		return [];
	}

	return [
		found(
			"too-few-cores",
			`One socket with one core is one CPU, and kubeadm wants ${leastCpus} for a control plane machine: "the number of available CPUs 1 is less than the required ${leastCpus}". The first one starts and never becomes ready.`,
			{
				from: `${sockets.from} and ${cores.from}`,
				saw: `${sockets.value} × ${cores.value}`,
				expected: `${leastCpus} or more`,
			},
			rewrite("Give each machine two cores.", cores, String(leastCpus)),
		),
	];
}

function judgeControlPlaneMemory(given: Given | undefined): EnvfileFinding[] {
	const memory = numberIn(given);
	if (given === undefined || memory === undefined || memory < 1 || memory >= leastMemory + kernelShare) {
		return [];
	}

	const isCertain = memory < leastMemory;
	return [
		{
			...found(
				"too-little-memory",
				`${memory} MiB ${isCertain ? "are too little" : "may be too little, since the kernel keeps a part for itself"}: kubeadm wants ${leastMemory} MB for a control plane machine, or says "the system RAM … is less than the minimum ${leastMemory} MB". The first one starts and never becomes ready.`,
				{ from: given.from, saw: given.value, expected: "2048 or more" },
				rewrite("Give each machine 4 GiB: etcd and the API server need that much anyway.", given, "4096"),
				advise("For small workers and larger control plane machines, change the machine templates in the manifest."),
			),
			...(isCertain ? {} : { severity: "warning" as const, confidence: "likely" as const }),
		},
	];
}

function judgeMultiple(given: Given | undefined): EnvfileFinding[] {
	const memory = numberIn(given);
	return given === undefined || memory === undefined || memory < 1 || memory % 8 === 0
		? []
		: [
				about(
					"memory-not-multiple-of-8",
					given,
					"CAPMOX takes only multiples of 8 MiB.",
					rewrite("Round it up.", given, String(Math.ceil(memory / 8) * 8)),
					"a multiple of 8",
				),
			];
}
