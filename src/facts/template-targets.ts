import type { Release } from "../knowledge/privileges.ts";
import type { MachinePlan } from "./machines.ts";
import { gap, isUnseen, nodesOf, type Seen, templatesOf, type Unseen } from "./seen.ts";
import { bridgeTarget, diskTarget, type Part, type Target } from "./target.ts";
import { devicesIn, drivesIn, hasPhysicalDrive, mappingsIn, storagesIn } from "./template-config.ts";

/** What a clone of a template touches: itself, the storages of its disks, its own bridges, its devices. */
export function resolveTemplate(plan: MachinePlan, vmid: number, seen: Seen, release: Release): Part {
	const name = seen.guests?.find((guest) => guest.vmid === vmid)?.name;
	const what = `template ${vmid}${name === undefined ? "" : ` (${name})`}`;
	const own: Target = { kind: "template", path: `/vms/${vmid}`, what };
	const config = seen.configs?.get(vmid) ?? gap(what, "not-found", "its disks and bridges were not looked at");
	if (isUnseen(config)) {
		return { targets: [own], unseen: [config] };
	}

	const storages = storagesIn(config);
	const devices = devicesIn(config).flatMap(({ bridge, tag, trunks }) => {
		const tags = tag === undefined ? trunks : [tag, ...trunks];
		return tags.length === 0 || tags.length > mostTags
			? [bridgeTarget(bridge, undefined, seen, tags.length === 0 ? {} : { below: true }, vmid)]
			: tags.map((each) => bridgeTarget(bridge, each, seen, {}, vmid));
	});
	return {
		targets: [
			own,
			...(plan.storage === undefined ? storages.map(diskTarget) : []),
			...(hasPhysicalDrive(config)
				? [{ kind: "physical-drive", path: "/", what: `the physical CD-ROM drive of template ${vmid}` } as const]
				: []),
			...(release >= 8 ? [...devices.flatMap((part) => part.targets), ...mappingTargets(config, vmid)] : []),
		],
		unseen: [
			...hiddenDrives(plan, vmid, config, seen),
			...(release >= 8 ? devices.flatMap((part) => part.unseen) : []),
		],
	};
}

/**
 * A clone to another node needs every drive on a shared storage, also those that need no privilege. Which of the hidden ones
 * are shared nobody can tell; `local` never is. What needs AllocateSpace is said where that is missing.
 */
function hiddenDrives(plan: MachinePlan, vmid: number, config: Readonly<Record<string, string>>, seen: Seen): Unseen[] {
	const { storages } = seen;
	const own = templatesOf(plan, seen).find((each) => each.vmid === vmid)?.node ?? plan.sourceNode;
	if (storages === undefined || nodesOf(plan, seen).every((node) => node === own)) {
		return [];
	}

	const judged = ["local", ...(plan.storage === undefined ? storagesIn(config) : [])];
	return drivesIn(config)
		.filter((name) => !judged.includes(name) && !storages.some(({ storage }) => storage === name))
		.map((name) =>
			gap(
				`storage ${name}`,
				"forbidden",
				`a drive of template ${vmid} is on it, and the token does not see whether all nodes share it; otherwise clones to another node fail. If it is a CD-ROM drive, take it out of the template`,
			),
		);
}

/** Of more VLANs not each is asked for, but the bridge, whose privileges must then reach below. */
const mostTags = 8;

const mappingTargets = (config: Readonly<Record<string, string>>, vmid: number): Target[] =>
	mappingsIn(config).map(({ name, type }) => ({
		kind: "mapping",
		path: `/mapping/${type}/${name}`,
		what: `mapped device ${name} of template ${vmid}`,
	}));
