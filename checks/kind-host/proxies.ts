import { contains, parseAddress, parseCidr } from "../../src/addresses.ts";
import { advise } from "../cgroups/steps.ts";
import { write } from "../steps.ts";
import type { Host, KindHostFinding } from "./findings.ts";

/** As Go's httpproxy reads NO_PROXY, which kubectl, clusterctl and kind share: names match with all below them, and an entry with a port for that port alone. */
export function bypasses(entries: readonly string[], host: string, port?: number): boolean {
	const address = parseAddress(host);
	if (host === "localhost" || host.startsWith("127.") || host === "::1") {
		return true;
	}

	return entries.some((entry) => {
		const [, bracketed, plain, only] = /^(?:\[(.*)\]|([^:]+))(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
		const bare = bracketed ?? plain ?? entry.toLowerCase();
		if (only !== undefined && port !== undefined && Number(only) !== port) {
			return false;
		}

		if (bare === "*") {
			return true;
		}

		if (address !== undefined) {
			const network = parseCidr(bare);
			const one = parseAddress(bare);
			return network === undefined
				? one?.family === address.family && one.value === address.value
				: contains(network, address);
		}

		const name = bare.replace(/^\*(?=\.)/, "");
		return name.startsWith(".") ? host.toLowerCase().endsWith(name) : isBelow(host.toLowerCase(), name);
	});
}

/** Kube-vip's, in every template of CAPMOX. */
export const endpointPort = 6_443;

const isBelow = (host: string, name: string): boolean => host === name || host.endsWith(`.${name}`);

/** Both the Proxmox API and a cluster's endpoint speak HTTPS; only HTTPS_PROXY counts for them. */
export function judgeProxies({ proxies, proxmox, cluster }: Host): readonly KindHostFinding[] {
	const { https, noProxy } = proxies ?? {};
	const entries = noProxy?.entries ?? [];
	if (https === undefined || entries.includes("*")) {
		return [];
	}

	const report = (
		code: "proxy-before-proxmox" | "proxy-before-endpoint",
		host: string,
		who: string,
	): KindHostFinding => ({
		code,
		summary: `${https.name} is set, and NO_PROXY does not name ${host}, so ${who} through the proxy. Few proxies let that pass.`,
		evidence: [
			{ from: `${https.name} (${https.origin})`, saw: "set" },
			{
				from: noProxy === undefined ? "NO_PROXY" : `${noProxy.name} (${noProxy.origin})`,
				saw: noProxy === undefined ? "not set" : noProxy.entries.join(","),
				expected: `${host} among them`,
			},
		],
		remedy: [
			write(
				"Name it. This holds in new shells, and in clusters that kind makes from then on.",
				`export NO_PROXY='${[...entries, host].join(",")}'`,
				noProxy?.origin === undefined || noProxy.origin === "the environment" ? "~/.profile" : noProxy.origin,
			),
			...(noProxy?.name === "no_proxy"
				? [advise("Write the same into no_proxy: some programs read only one of the two names.")]
				: []),
		],
	});
	const endpoint = cluster?.variables["CONTROL_PLANE_ENDPOINT_IP"]?.value?.trim();
	return [
		...(proxmox !== undefined && !bypasses(entries, proxmox.host, proxmox.port)
			? [report("proxy-before-proxmox", proxmox.host, "Image Builder, curl and other programs ask Proxmox")]
			: []),
		...(endpoint !== undefined && parseAddress(endpoint) !== undefined && !bypasses(entries, endpoint, endpointPort)
			? [report("proxy-before-endpoint", endpoint, "kubectl and clusterctl ask the workload cluster")]
			: []),
	];
}
