import type { Knocked } from "../access/knock.ts";
import type { Kubectl } from "../access/kubectl.ts";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { Know } from "./probe.ts";

/** Milliseconds for all doors, which are knocked at together. */
const patience = 3_000;

/**
 * The same kubectl; where the API server does not answer, the error also says whether the control plane's endpoint is
 * silent or the nodes behind it. `cluster` is `namespace/name`; without it, the only one that the management cluster has.
 */
export function tellingWhere(kubectl: Kubectl, world: World, know: Know, cluster: string | undefined): Kubectl {
	let where: Promise<string> | undefined;
	const telling = async (error: unknown): Promise<never> => {
		if (!(error instanceof ProbeError)) {
			throw error;
		}

		const isSilent = error.reason === "unreachable" || error.reason === "timeout";
		const found = certificateSays(error, cluster) ?? (isSilent ? await (where ??= findOut(world, know, cluster)) : "");
		throw found === "" ? error : new ProbeError(error.reason, `${error.message}; ${found}`, { cause: error });
	};
	return {
		...kubectl,
		get: (path, options) => kubectl.get(path, options).catch(telling),
		getDated: (path, options) => kubectl.getDated(path, options).catch(telling),
		getText: (path, options) => kubectl.getText(path, options).catch(telling),
		list: (path, options) => kubectl.list(path, options).catch(telling),
		listKept: (path, keep, options) => kubectl.listKept(path, keep, options).catch(telling),
		listOnce: (path, options) => kubectl.listOnce(path, options).catch(telling),
	};
}

/** What a fault of a certificate means: then somebody answers, and there is nothing to knock for. */
function certificateSays({ reason, message }: ProbeError, cluster: string | undefined): string | undefined {
	if (reason === "unauthorized" && cluster !== undefined) {
		return "the certificate in that kubeconfig may be over: it lasts a year, and Cluster API writes a new one unless the Cluster is paused";
	}

	if (reason !== "unreachable" || !/x509|certificate/.test(message)) {
		return undefined;
	}

	return /expired|not yet valid/.test(message)
		? "the certificate of the API server is over, or the clock of this host is wrong"
		: "somebody answers there whom this kubeconfig does not know: another machine that has the same address (two pools may overlap), a proxy on the way, or a cluster that was made anew";
}

interface Door {
	readonly name: string;
	readonly host: string;
	readonly port: number;
}

/** A sentence without its full stop; empty where the management cluster does not say where to knock. */
async function findOut(world: World, know: Know, cluster: string | undefined): Promise<string> {
	const doors = await doorsOf(know, cluster);
	if (doors === undefined) {
		return "";
	}

	const { endpoint, nodes } = doors;
	const [first, ...others] = await Promise.all(
		[endpoint, ...nodes].map(async (door) => ({ door, knocked: await world.knock(door.host, door.port, patience) })),
	);
	const seen = [first, ...others].flatMap((each) => (each === undefined ? [] : [tell(each.door, each.knocked)]));
	return `${seen.join(", ")}: ${conclude(
		first?.knocked,
		others.map(({ knocked }) => knocked),
	)}`;
}

function conclude(endpoint: Knocked | undefined, nodes: readonly Knocked[]): string {
	if (endpoint?.kind === "tls") {
		return "the endpoint works, so it is kubectl's way there (a proxy, another address in the kubeconfig) or the API server behind the handshake";
	}

	if (nodes.some(({ kind }) => kind === "tls")) {
		return "the API servers work, and the endpoint's address does not lead to them: that is kube-vip's part, and capmox-doctor check kube-vip judges it from the management cluster";
	}

	return nodes.length === 0
		? "no address of a control-plane node is known beside it"
		: "no API server answers: the nodes are down, their API servers are, or no way leads there from here";
}

const tell = ({ name, host, port }: Door, knocked: Knocked): string => {
	const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
	const answer =
		knocked.kind === "tls"
			? "answers over TLS"
			: knocked.kind === "tcp"
				? "takes the connection and says nothing over TLS"
				: `does not answer (${knocked.code})`;
	return `${name} ${address} ${answer}`;
};

async function doorsOf(
	know: Know,
	cluster: string | undefined,
): Promise<{ readonly endpoint: Door; readonly nodes: readonly Door[] } | undefined> {
	const [clusters, machines, proxmoxMachines] = await Promise.all([
		attempt(know("management.clusters")),
		attempt(know("management.machines")),
		attempt(know("management.proxmoxMachines")),
	]);
	const own =
		clusters instanceof ProbeError
			? []
			: clusters.items.filter(
					({ infrastructure, namespace = "", name }) =>
						infrastructure?.kind === "ProxmoxCluster" && (cluster === undefined || `${namespace}/${name}` === cluster),
				);
	const [found, ...others] = own;
	if (found?.endpoint === undefined || others.length > 0) {
		return undefined;
	}

	const { endpoint, namespace, name } = found;
	const controlPlane = (machines instanceof ProbeError ? [] : machines.items).filter(
		(each) => each.controlPlane && each.cluster === name && each.namespace === namespace,
	);
	const nodes = (proxmoxMachines instanceof ProbeError ? [] : proxmoxMachines.items).flatMap((each): Door[] => {
		const machine = controlPlane.find(
			({ infrastructure }) => infrastructure?.name === each.name && each.namespace === namespace,
		);
		const [host] = each.addresses;
		return machine === undefined || host === undefined ? [] : [{ name: machine.name, host, port: 6443 }];
	});
	return { endpoint: { name: "the endpoint", ...endpoint }, nodes };
}
