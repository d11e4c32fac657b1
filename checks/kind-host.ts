import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { judgeDaemon } from "./kind-host/daemon.ts";
import { judgeDemands } from "./kind-host/demands.ts";
import { judgeDockerProxies } from "./kind-host/docker-proxies.ts";
import { judgeEngine, noEngine } from "./kind-host/engine.ts";
import { findings, type Host, nameOf } from "./kind-host/findings.ts";
import { judgeKernel } from "./kind-host/kernel.ts";
import { judgeNetworks } from "./kind-host/networks.ts";
import { judgePlace } from "./kind-host/place.ts";
import { judgeProxies } from "./kind-host/proxies.ts";
import { inGib, judgeResources } from "./kind-host/resources.ts";

export default defineCheck({
	id: "kind-host",
	title: "The host has what kind needs",
	group: "host",
	documented: "https://kind.sigs.k8s.io/docs/user/known-issues/",
	needs: ["host.engine", "host.engines", "host.system", "host.tools"],
	uses: [
		"host.inotify",
		"host.memory",
		"host.storage",
		"host.kernel",
		"host.daemon",
		"host.clock",
		"host.networks",
		"host.proxmoxAddresses",
		"host.proxies",
		"environment.cluster",
	],
	findings,
	diagnose(facts) {
		const host: Host = {
			provider: facts["host.engine"],
			engines: facts["host.engines"],
			system: facts["host.system"],
			tools: facts["host.tools"],
			inotify: facts["host.inotify"],
			memory: facts["host.memory"],
			storage: facts["host.storage"],
			kernel: facts["host.kernel"],
			daemon: facts["host.daemon"],
			clock: facts["host.clock"],
			networks: facts["host.networks"],
			proxmox: facts["host.proxmoxAddresses"],
			proxies: facts["host.proxies"],
			cluster: facts["environment.cluster"],
		};
		if (host.provider.engine === "none") {
			return notApplicable(host.provider.chosenBecause, noEngine(host.provider.chosenBecause));
		}

		// kind can use it, but it is asked for nothing here.
		if (host.provider.engine === "nerdctl") {
			return notApplicable(`${host.provider.chosenBecause}, and this check knows only Docker and Podman`);
		}

		return problems(
			[
				...judgePlace(host),
				...judgeDemands(host),
				...judgeEngine(host),
				...judgeDaemon(host),
				...judgeKernel(host),
				...judgeNetworks(host),
				...judgeResources(host),
				...judgeProxies(host),
				...judgeDockerProxies(host),
			],
			() => healthy(seen(host)),
		);
	},
});

function seen({ provider, memory, storage, inotify, proxmox }: Host): string {
	const parts = [
		...(memory === undefined ? [] : [`${inGib(memory.totalBytes)} of memory`]),
		...(storage?.places ?? []).map(({ path, availableBytes }) => `${inGib(availableBytes)} free at ${path}`),
		...(inotify === undefined ? [] : [`${inotify.instances} inotify instances`]),
	];
	const networks =
		proxmox === undefined
			? "No PROXMOX_URL is set, so its address was compared with no network."
			: `No container network hides the Proxmox API (${proxmox.addresses.join(", ")}).`;
	return `${nameOf(provider)} answers. ${parts.join(", ")}. ${networks}`;
}
