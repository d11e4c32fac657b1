import { capmoxLog } from "./common.ts";
import type { Estate, ProxmoxCluster, ProxmoxMachine } from "./estate.ts";
import type { Fault } from "./fault.ts";
import { advise, look } from "./findings.ts";
import { withLastResort } from "./last-resort.ts";
import { conditionOf } from "./proxmox-machine.ts";

const refused = /not authorized to access endpoint|authentication failed|\b401\b|\b403\b|permission check failed/i;

/** What the ProxmoxCluster says of its connection: `ProxmoxAvailable` since v0.8, `ClusterReady` before. */
const connectionOf = ({ conditions }: ProxmoxCluster) =>
	conditions.find(({ type, status }) => (type === "ProxmoxAvailable" || type === "ClusterReady") && status === "False");

/** Nothing to log in with: the Secret is gone, or there never was one. */
export function credentialsFault(estate: Estate, machine: ProxmoxMachine): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const cluster = estate.proxmoxClusterOf(estate.clusterOf(machine));
	if (cluster === undefined) {
		return undefined;
	}

	const { credentials, namespace = "", name } = cluster;
	const secret = estate.facts["management.credentials"]?.secrets.find(
		(each) => each.namespace === credentials?.namespace && each.name === credentials.name,
	);
	const isMissing = credentials !== undefined && secret !== undefined && secret.object === undefined;
	const condition = connectionOf(cluster);
	if (!isMissing && condition?.reason !== "CredentialsNotFound") {
		return undefined;
	}

	const which = credentials === undefined ? undefined : `${credentials.namespace}/${credentials.name}`;
	return {
		code: "credentials-gone",
		group: `${namespace}/${name}`,
		thing,
		never: isMissing,
		from: isMissing ? `Secret ${which ?? ""}` : `ProxmoxCluster ${namespace}/${name}, ${condition?.type ?? ""}`,
		saw: isMissing ? "does not exist" : `CredentialsNotFound: ${condition?.message ?? ""}`,
		expected: "credentials with which CAPMOX can delete the VM",
		summary: (who) =>
			which === undefined
				? `${who} waits for CAPMOX to delete its VM, and CAPMOX has no credentials: ProxmoxCluster ${name} names no Secret, and the controller has none of its own.`
				: `${who} waits for CAPMOX to delete its VM, and the Secret ${which} with the credentials is gone.`,
		steps: () =>
			withLastResort(
				estate,
				thing,
				which === undefined
					? advise(
							"Give the controller its credentials again, in the Secret capmox-manager-credentials, or give the ProxmoxCluster a credentialsRef.",
						)
					: advise(
							`Make the Secret ${which} again, with the keys url, token and secret. CAPMOX then goes on by itself. Write them into a file and use kubectl apply -f, so that the secret is in no shell history.`,
						),
			),
	};
}

/** Proxmox VE turns CAPMOX away, or cannot be reached, by what CAPMOX itself reports. */
export function refusal(estate: Estate, machine: ProxmoxMachine): Fault | undefined {
	const thing = { kind: "ProxmoxMachine", object: machine } as const;
	const cluster = estate.proxmoxClusterOf(estate.clusterOf(machine));
	const connection = cluster === undefined ? undefined : connectionOf(cluster);
	const own = conditionOf(machine)?.message ?? "";
	if (refused.test(own) || refused.test(connection?.message ?? "")) {
		const isOwn = refused.test(own);
		return {
			code: "credentials-rejected",
			group: `${machine.namespace ?? ""}/${cluster?.name ?? ""}`,
			thing,
			from: isOwn
				? `ProxmoxMachine ${machine.namespace ?? ""}/${machine.name}, ${conditionOf(machine)?.type ?? ""}`
				: `ProxmoxCluster ${cluster?.namespace ?? ""}/${cluster?.name ?? ""}, ${connection?.type ?? ""}`,
			saw: isOwn ? own : `${connection?.reason ?? ""}: ${connection?.message ?? ""}`,
			expected: "that Proxmox VE accepts CAPMOX's token",
			summary: (who) => `${who} waits for CAPMOX to delete its VM, and Proxmox VE refuses CAPMOX. ${tokenHere(estate)}`,
			steps: () =>
				withLastResort(
					estate,
					thing,
					look("See whether the token is good, and what it may do.", "capmox-doctor", "check", "token", "permissions"),
					advise(
						cluster?.credentials === undefined
							? "The token that CAPMOX uses is in the Secret capmox-manager-credentials of its namespace. Where it was revoked or made again, put the new one there and restart the controller."
							: `The token that CAPMOX uses is in the Secret ${cluster.credentials.namespace}/${cluster.credentials.name}. Where it was revoked or made again, put the new one there.`,
					),
				),
		};
	}

	if (connection?.reason !== "ProxmoxUnreachable") {
		return undefined;
	}

	return {
		code: "proxmox-unreachable",
		group: `${machine.namespace ?? ""}/${cluster?.name ?? ""}`,
		thing,
		from: `ProxmoxCluster ${cluster?.namespace ?? ""}/${cluster?.name ?? ""}, ${connection.type}`,
		saw: `ProxmoxUnreachable: ${connection.message ?? "no message"}`,
		expected: "that CAPMOX reaches Proxmox VE",
		summary: (who) =>
			`${who} waits for CAPMOX to delete its VM, and CAPMOX does not reach Proxmox VE. ${reachedFromHere(estate)}`,
		steps: () => [
			look("See whether it is reached from here, and how.", "capmox-doctor", "check", "token"),
			capmoxLog(
				estate,
				"And read what CAPMOX says of it; its Pod may lack the name server, the route or the certificate that this host has.",
			),
		],
	};
}

function reachedFromHere(estate: Estate): string {
	const access = estate.facts["proxmox.access"];
	if (access === undefined) {
		return "From here Proxmox VE was not asked.";
	}

	return access.open.kind === "answered"
		? `From here ${access.url} answers, so the way from its Pod is another one.`
		: `From here ${access.url} is not reached either.`;
}

/** What `token` saw, which is about the token of this host: CAPMOX may have another one. */
function tokenHere(estate: Estate): string {
	const access = estate.facts["proxmox.access"];
	if (access === undefined) {
		return "From here Proxmox VE was not asked.";
	}

	const { authenticated, url, version } = access;
	if (authenticated.kind === "answered" && authenticated.status === 200 && version !== undefined) {
		return `${url} accepts the token of this host, so CAPMOX has another one, lacks a privilege, or goes another way.`;
	}

	return authenticated.kind === "answered"
		? `${url} answers ${authenticated.status} to the token of this host, too.`
		: `From here the token was not tried at ${url} either.`;
}
