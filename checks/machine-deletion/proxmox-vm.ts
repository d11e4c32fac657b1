import type { Step } from "../../src/check.ts";
import { capmoxLog } from "./common.ts";
import { isBelow, minorOf } from "./controllers.ts";
import { type Estate, nameOf, type ProxmoxMachine, type Thing } from "./estate.ts";
import type { Fault } from "./fault.ts";
import { advise, change, changeOnNode, type DeletionFinding, lookOnNode } from "./findings.ts";
import { withLastResort } from "./last-resort.ts";
import { takeOff } from "./patch.ts";
import { inNamespace, resources } from "./resources.ts";
import { describeVm, lookAt, nodeOf, residenceOf, type Vm } from "./vm.ts";

/**
 * CAPMOX finds the VM that it destroys by VMID alone (delete.go, api_client.go DeleteVM): it does not compare the name.
 * `thing` is what is in deletion, the machine or its Machine.
 */
export function reusedVmid(estate: Estate, machine: ProxmoxMachine, thing: Thing): Fault | undefined {
	const seen = lookAt(estate, machine);
	if (seen.kind !== "other") {
		return undefined;
	}

	const proxmoxMachine = { kind: "ProxmoxMachine", object: machine } as const;
	const { vm, certain } = seen;
	const stranger = `${vm.config?.name ?? vm.name ?? "a VM without a name"} on ${vm.node}`;
	return {
		code: "reused-vmid",
		group: String(vm.vmid),
		thing,
		danger: true,
		likely: !certain,
		from: `Proxmox VE, VMID ${vm.vmid}`,
		saw: describeVm(vm),
		expected: `${machine.name}${machine.providerId === undefined ? "" : `, UUID ${machine.providerId.replace(/^proxmox:\/\//, "")}`}`,
		summary: (who) =>
			`DANGER: VMID ${vm.vmid} of ${who} now belongs to another VM: ${stranger}. CAPMOX goes by the VMID alone: it would stop and destroy that VM as soon as nothing holds it back.`,
		steps: () => [
			...protect(machine),
			lookOnNode(`Make sure whose VM ${vm.vmid} is: name and smbios1 tell.`, "qm", "config", String(vm.vmid)),
			...(machine.deleting === undefined
				? [
						advise(
							`The machine's own VM is gone. Delete ProxmoxMachine ${machine.name} while it is paused, and run this check again: it gives the command that takes the finalizer off, so that CAPMOX never acts on the VMID.`,
						),
					]
				: [
						takeOff(
							proxmoxMachine,
							`Its own VM is gone, so nothing is left behind, and CAPMOX never acts on the VMID.${machine.paused ? "" : " Pausing changes the object, so that this very command is refused afterwards: run this check again for a fresh one."}`,
						),
					]),
			advise("Do not stop, destroy or rename that VM, whatever a list of steps says."),
		],
	};
}

/** Keeps CAPMOX away from the VMID. */
function protect(machine: ProxmoxMachine): readonly [Step] {
	if (machine.paused) {
		return [advise("The ProxmoxMachine is paused, so that CAPMOX leaves that VM alone. Keep it so.")];
	}

	const pause = [
		"annotate",
		resources.ProxmoxMachine,
		machine.name,
		...inNamespace({ kind: "ProxmoxMachine", object: machine }),
	];
	return [
		change(
			["kubectl", ...pause, "cluster.x-k8s.io/paused-"],
			"At once: pause the ProxmoxMachine, so that CAPMOX leaves that VM alone.",
			"kubectl",
			...pause,
			"cluster.x-k8s.io/paused=",
		),
	];
}

/** The same of machines that nobody deleted yet: a MachineHealthCheck may do it at any time. Only where both were compared. */
export function reusedByLiving(estate: Estate): readonly DeletionFinding[] {
	const found = estate.facts["management.proxmoxMachines"].items.flatMap((machine) => {
		const { deleting, namespace, owners } = machine;
		const owner = owners.find(({ kind }) => kind === "Machine");
		const isGoing =
			deleting !== undefined || estate.find("Machine", namespace, owner?.name)?.object.deleting !== undefined;
		const seen = isGoing ? undefined : lookAt(estate, machine);
		return seen?.kind === "other" && seen.certain ? [{ machine, vm: seen.vm }] : [];
	});
	return found.map(({ machine, vm }) => ({
		code: "reused-vmid",
		severity: "warning",
		summary: `The VMID ${vm.vmid} of ${nameOf({ kind: "ProxmoxMachine", object: machine })} belongs to another VM by now. Whoever deletes this machine has CAPMOX destroy that VM, because it goes by the VMID alone.`,
		evidence: [
			{
				from: `Proxmox VE, VMID ${vm.vmid}`,
				saw: describeVm(vm),
				expected: `${machine.name}, UUID ${machine.providerId?.replace(/^proxmox:\/\//, "") ?? "not known"}`,
			},
		],
		remedy: [
			advise("Do not delete the Machine before its ProxmoxMachine is paused; a MachineHealthCheck may delete it, too."),
			...protect(machine),
			advise(
				"Then delete the Machine, and run this check again: it gives the command that takes the finalizer off, so that CAPMOX never acts on the VMID.",
			),
		],
	}));
}

/** What Proxmox VE itself shows in the way; the first that holds. */
export function judgeVm(estate: Estate, machine: ProxmoxMachine): Fault | undefined {
	if (estate.facts["proxmox.machines"] === undefined || residenceOf(estate, machine) === "elsewhere") {
		return undefined;
	}

	const node = judgeNode(estate, machine);
	if (node !== undefined) {
		return node;
	}

	const seen = lookAt(estate, machine);
	if (seen.kind === "gone") {
		return alreadyGone(estate, machine);
	}

	return seen.kind === "same" ? inTheWay(estate, machine, seen.vm) : undefined;
}

/** CAPMOX asks for the node before it looks at the VMID. */
function judgeNode(estate: Estate, machine: ProxmoxMachine): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const name = nodeOf(estate, machine);
	const nodes = estate.facts["proxmox.machines"]?.nodes ?? [];
	const node = nodes.find((each) => each.node === name);
	if (name === undefined || nodes.length === 0 || node?.online === true) {
		return undefined;
	}

	const likely = residenceOf(estate, machine) !== "here";
	if (node !== undefined) {
		return {
			code: "node-offline",
			group: name,
			thing,
			likely,
			from: "GET /nodes",
			saw: `${name}: offline`,
			expected: "online",
			summary: (who) =>
				`${who} waits for its VM to be deleted, and Proxmox VE's node ${name} is offline, where CAPMOX believes it to be.`,
			steps: () =>
				withLastResort(
					estate,
					thing,
					lookOnNode("See, on a node that is online, how the cluster stands.", "pvecm", "status"),
					advise(
						`Bring ${name} back: CAPMOX then goes on by itself. While it is off, its disks and locks stay there, so nothing of its VMs can be removed.`,
					),
				),
		};
	}

	return {
		code: "node-gone",
		group: name,
		thing,
		likely,
		from: "GET /nodes",
		saw: nodes.map((each) => each.node).join(", "),
		expected: name,
		summary: (who) =>
			`${who} waits for its VM to be deleted on the node ${name}, which Proxmox VE does not have. CAPMOX asks for the node before it looks for the VM ("cannot find node with name ${name}").`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				lookOnNode("See where the VM is now, if it is.", "qm", "list"),
				advise(
					"Where the node was renamed or removed, CAPMOX cannot delete what was on it: remove the VM yourself where it is now, and take the finalizer off.",
				),
			),
	};
}

function alreadyGone(estate: Estate, machine: ProxmoxMachine): Fault {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const version = minorOf(estate, "capmox");
	const isOld = isBelow(version, [0, 6]);
	return {
		code: "vm-already-gone",
		thing,
		likely: residenceOf(estate, machine) !== "here",
		from: `GET /cluster/nextid?vmid=${machine.vmid ?? ""}`,
		saw: "the VMID is free",
		summary: (who) =>
			`${who} has no VM any more, and stays nevertheless.${isOld ? ` CAPMOX ${version?.join(".") ?? ""} fails on a VM that is gone; 0.6 mended that.` : " CAPMOX should have let it go within seconds."}`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				capmoxLog(estate, `Read what CAPMOX says of ${machine.name}.`),
				advise(
					isOld
						? "Upgrade CAPMOX to 0.6 or newer; see the check capi-compat for what fits."
						: "Where it says nothing of this machine at all, restart the controller: kubectl rollout restart of its Deployment.",
				),
			),
	};
}

function inTheWay(estate: Estate, machine: ProxmoxMachine, vm: Vm): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const id = String(vm.vmid);
	const common = { thing, likely: residenceOf(estate, machine) !== "here", from: `Proxmox VE, ${describeVm(vm)}` };
	if (vm.lock !== undefined) {
		const { lock } = vm;
		return {
			...common,
			code: "vm-locked",
			saw: `lock: ${lock}`,
			expected: "no lock",
			summary: (who) =>
				`${who} waits for its VM to be deleted, and Proxmox VE holds that VM locked (${lock}). Stopping and destroying it fail until the lock is gone.`,
			steps: () =>
				withLastResort(
					estate,
					thing,
					lookOnNode(
						`See whether the task behind it (${lock}) still runs; while it does, wait.`,
						"pvenode",
						"task",
						"list",
						"--vmid",
						id,
						"--source",
						"all",
					),
					changeOnNode(
						`qm set ${id} --lock ${lock}`,
						"Where none runs, the lock was left behind. Take it off; CAPMOX goes on by itself.",
						"qm",
						"unlock",
						id,
					),
				),
		};
	}

	if (vm.config?.protection === true) {
		return {
			...common,
			code: "vm-protected",
			saw: "protection: 1",
			expected: "protection off",
			summary: (who) =>
				`${who} waits for its VM to be deleted, and somebody protected that VM from removal in Proxmox VE.`,
			steps: () =>
				withLastResort(
					estate,
					thing,
					changeOnNode(
						`qm set ${id} --protection 1`,
						"Ask who protected it, and why. Where it may go, take the protection off; CAPMOX goes on by itself.",
						"qm",
						"set",
						id,
						"--protection",
						"0",
					),
				),
		};
	}

	if (vm.ha !== undefined) {
		return {
			...common,
			code: "vm-ha-managed",
			saw: `HA state: ${vm.ha}`,
			expected: "no HA resource",
			summary: (who) =>
				`${who} waits for its VM to be deleted, and that VM is a resource of high availability: Proxmox VE refuses to remove it as long as it is one.`,
			steps: () =>
				withLastResort(
					estate,
					thing,
					changeOnNode(
						`ha-manager add vm:${id}`,
						"Take it out of high availability; CAPMOX goes on by itself.",
						"ha-manager",
						"remove",
						`vm:${id}`,
					),
				),
		};
	}

	return onOtherNode(estate, machine, vm);
}

/** "does not exist" on the node that was asked makes CAPMOX believe that the VM is gone. */
function onOtherNode(estate: Estate, machine: ProxmoxMachine, vm: Vm): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const believed = nodeOf(estate, machine);
	if (believed === undefined || believed === vm.node) {
		return undefined;
	}

	return {
		code: "vm-on-other-node",
		group: `${believed} ${vm.node}`,
		thing,
		likely: true,
		from: `Proxmox VE, ${describeVm(vm)}`,
		saw: vm.node,
		expected: `${believed}, by CAPMOX's account`,
		summary: (who) =>
			`${who} waits for its VM to be deleted. The VM is on ${vm.node}, and CAPMOX looks on ${believed}: it may take the VM for gone, and leave it behind.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				changeOnNode(
					`qm migrate ${vm.vmid} ${vm.node} --online`,
					`Move the VM back to ${believed}, run this on ${vm.node}; CAPMOX then finds it.`,
					"qm",
					"migrate",
					String(vm.vmid),
					believed,
					"--online",
				),
			),
	};
}
