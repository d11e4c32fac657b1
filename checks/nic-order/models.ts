import type { Evidence } from "../../src/check.ts";
import { driverOf, isModel, type Loading, orderOf, systems } from "../../src/knowledge/nic-drivers.ts";
import type { NicFinding, Plan } from "./findings.ts";
import { pinEverywhere, replaceTemplate } from "./steps.ts";

export const nameOf = ({ kind, namespace, name }: Plan): string =>
	`${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;

/** With the line where it stands, in a manifest. */
export const placeOf = (plan: Plan, source: string): string =>
	plan.line === undefined ? nameOf(plan) : `${nameOf(plan)} (${source}, line ${plan.line})`;

const driverFor = (model: string): string => (isModel(model) ? driverOf[model] : model);

/** Interface names that Proxmox VE's slots lead to on its default machine type. */
export const guestName = (device: string): string => {
	const index = Number(/\d+$/.exec(device)?.[0] ?? 0);
	return index < 6 ? `ens${18 + index}` : `the interface of ${device}`;
};

export function judgeModels(plan: Plan, source: string): readonly NicFinding[] {
	const models = [...new Set(plan.devices.map(({ model }) => model))];
	// Whoever is told an address does not look at any order.
	if (models.length < 2 || plan.kubelet.nodeIp !== undefined) {
		return [];
	}

	const shown = plan.devices.map(({ name, model }) => `${name} ${model}`).join(", ");
	const first = plan.devices[0]?.name ?? "net0";
	return [
		{
			code: "mixed-models",
			summary: `${nameOf(plan)} mixes interface models: ${shown}. In which order the guest's kernel makes the interfaces depends on how it loads its drivers, not only on the slots.`,
			evidence: [
				{ from: `${placeOf(plan, source)}, network`, saw: shown, expected: "one model for all devices, virtio" },
				...foretold(models.includes("virtio"), (loading) => predicted(plan, loading)),
				{
					from: "kubelet",
					saw: `takes the interface of the first default route, whatever the order: ${routesOf(plan)}`,
				},
			],
			remedy: [
				...asNonEmpty(replaceTemplate(plan, "and model: virtio for every device")),
				pinEverywhere(guestName(first)),
			],
		},
	];
}

/** Without virtio it is the same everywhere: all other drivers are modules. */
export const foretold = (hasVirtio: boolean, order: (loading: Loading) => string): readonly Evidence[] =>
	hasVirtio
		? (["virtio-built-in", "all-modules"] as const).map((loading) => ({ from: systems[loading], saw: order(loading) }))
		: [{ from: "foretold", saw: order("all-modules") }];

const asNonEmpty = <T>([first, ...rest]: readonly T[]): readonly [T, ...T[]] => {
	if (first === undefined) {
		throw new Error("a template is replaced in no step");
	}

	return [first, ...rest];
};

function predicted({ devices }: Plan, loading: Loading): string {
	const placed = devices.map(({ name, model }) => ({ name, driver: driverFor(model) }));
	const { devices: order, certain } = orderOf(placed, loading);
	return `${order.map(({ name }) => name).join(", ")}${certain ? "" : " as a rule; modules are loaded side by side, so that it may differ from boot to boot"}`;
}

function routesOf({ devices }: Plan): string {
	const leading = devices.filter(
		({ routes, vrf }) => vrf === undefined && routes.some(({ unreachable }) => !unreachable),
	);
	return leading.length === 0
		? "none is known here"
		: leading.length === 1
			? `only ${leading[0]?.name ?? ""} has one`
			: `${leading.map(({ name }) => name).join(", ")} have one`;
}
