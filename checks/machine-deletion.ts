import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { judgeAddress, judgeClaim, judgePool } from "./machine-deletion/addresses.ts";
import { judgeCluster, judgeControlPlane, judgeProxmoxCluster, judgeSecret } from "./machine-deletion/clusters.ts";
import { ageOf, arrange, type Estate, spell, type Thing } from "./machine-deletion/estate.ts";
import { blocked, type State } from "./machine-deletion/fault.ts";
import { findings } from "./machine-deletion/findings.ts";
import { leftoverIsos, lingering, strangersOf } from "./machine-deletion/leftovers.ts";
import { judgeMachine } from "./machine-deletion/machine.ts";
import { judgeProxmoxMachine } from "./machine-deletion/proxmox-machine.ts";
import { reusedByLiving, reusedVmid } from "./machine-deletion/proxmox-vm.ts";
import { reportFaults } from "./machine-deletion/report.ts";
import { connect } from "./machine-deletion/tree.ts";

export default defineCheck({
	id: "machine-deletion",
	title: "No machine is stuck in deletion",
	group: "management",
	documented: "troubleshooting#machine-deletion-deadlock",
	needs: [
		"management.server",
		"management.machines",
		"management.proxmoxMachines",
		"management.clusters",
		"management.proxmoxClusters",
		"management.claims",
		"management.addresses",
		"management.pools",
	],
	uses: [
		"management.controllers",
		"management.controlPlanes",
		"management.credentials",
		"proxmox.access",
		"proxmox.machines",
		"proxmox.leftovers",
	],
	findings,
	diagnose(facts) {
		if (!facts["management.machines"].installed || !facts["management.proxmoxMachines"].installed) {
			return notApplicable("the cluster that kubectl asks has no Cluster API with CAPMOX in it");
		}

		const estate = arrange(facts);
		const states = estate.things
			.filter(({ object }) => object.deleting !== undefined)
			.map((thing) => [thing, stateOf(estate, thing)] as const);
		const faults = states.flatMap(([, state]) => (state.kind === "blocked" ? [state.fault] : []));
		return problems(
			[
				...reportFaults(estate, connect(states, estate), faults),
				...reusedByLiving(estate),
				...lingering(estate),
				...leftoverIsos(estate),
			],
			() => healthy(summaryOf(estate, states)),
		);
	},
});

function stateOf(estate: Estate, thing: Thing): State {
	switch (thing.kind) {
		case "Cluster":
			return judgeCluster(estate, thing.object);
		case "KubeadmControlPlane":
			return judgeControlPlane(estate, thing.object);
		case "ProxmoxCluster":
			return judgeProxmoxCluster(estate, thing.object);
		case "Machine":
			return stateOfMachine(estate, thing);
		case "ProxmoxMachine":
			return judgeProxmoxMachine(estate, thing.object);
		case "IPAddressClaim":
			return judgeClaim(estate, thing.object);
		case "IPAddress":
			return judgeAddress(estate, thing.object);
		case "InClusterIPPool":
		case "GlobalInClusterIPPool":
			return judgePool(estate, thing.object);
		case "Secret":
			return judgeSecret(estate, thing);
	}
}

/** What removes the block of its Machine would lead CAPMOX to a VM that is not the machine's. */
function stateOfMachine(estate: Estate, thing: Extract<Thing, { kind: "Machine" }>): State {
	const { namespace, infrastructure } = thing.object;
	const machine = estate.find("ProxmoxMachine", namespace, infrastructure?.name)?.object;
	const danger =
		machine === undefined || machine.deleting !== undefined ? undefined : reusedVmid(estate, machine, thing);
	return danger === undefined ? judgeMachine(estate, thing.object) : blocked(danger);
}

function summaryOf(estate: Estate, states: readonly (readonly [Thing, State])[]): string {
	const { facts, now } = estate;
	const machines = facts["management.machines"].items.length;
	const oldest = Math.max(0, ...states.map(([{ object }]) => ageOf(object, now)));
	const going =
		states.length === 0
			? "nothing is in deletion"
			: states.length === 1
				? `one object is in deletion for ${spell(oldest)}, and goes on`
				: `${states.length} objects are in deletion, the oldest for ${spell(oldest)}, and go on`;
	const reasons = [...new Set(states.flatMap(([, state]) => (state.kind === "goes-on" ? [state.because] : [])))];
	const strangers = strangersOf(estate);
	return [
		`${machines} Machine${machines === 1 ? "" : "s"}; ${going}${reasons.length === 0 ? "" : ` (${reasons.join("; ")})`}.`,
		...(facts["management.server"].date === undefined
			? ["The API server's clock could not be seen; this host's was taken."]
			: []),
		...(facts["proxmox.machines"] === undefined
			? ["Proxmox VE was not asked about left-overs."]
			: [
					`Of the VMs that the token sees, none is left over${facts["proxmox.machines"].complete ? "" : " as far as one namespace tells"}.${strangers === 0 ? "" : ` VMs with CAPMOX's tags that belong to no cluster here: ${strangers}; another management cluster may have made them.`}`,
				]),
	].join(" ");
}
