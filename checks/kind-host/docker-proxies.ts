import { isAtLeast, kindVersion } from "../cgroups/host.ts";
import { advise, asRoot, change } from "../cgroups/steps.ts";
import { writeExample } from "../steps.ts";
import { dockerServer, type Host, type KindHostFinding } from "./findings.ts";
import { bypasses, endpointPort } from "./proxies.ts";

/** The proxies that Docker itself has, and those that its command hands to containers. */
export const judgeDockerProxies = (host: Host): readonly KindHostFinding[] => [
	...beforeNode(host),
	...onlyOneSide(host),
];

/** What kubeadm and the kubelet in a node ask. A cluster of another name has one of that name. */
const apiServer = "kind-control-plane";

/**
 * docker run hands config.json's proxies to each container. kind hands over the shell's, to which it adds its own names
 * and networks, and these win; since 0.33 it does the same to those of config.json (docker/proxyconfig.go).
 */
function beforeNode(host: Host): readonly KindHostFinding[] {
	const { proxies, tools, provider } = host;
	const { https, noProxy, ofContainers } = proxies ?? {};
	const isKinds = https !== undefined || noProxy !== undefined || isAtLeast(kindVersion(tools), "0.33.0") === true;
	if (
		ofContainers?.https !== true ||
		provider.engine !== "docker" ||
		tools.kind.state === "absent" ||
		isKinds ||
		bypasses(ofContainers.entries, apiServer, endpointPort)
	) {
		return [];
	}

	return [
		{
			code: "proxy-before-node",
			confidence: "likely",
			summary: `The docker command hands a proxy to every container, and noProxy there does not name ${apiServer}. kubeadm in a node then asks the proxy for the node's own API server, and kind create cluster waits in vain.`,
			evidence: [
				{
					from: ofContainers.from,
					saw: `httpsProxy is set, noProxy is ${ofContainers.entries.join(",") || "not"}`,
					expected: `${apiServer} among noProxy`,
				},
			],
			remedy: [
				change(
					"Have kind say itself what goes without: it adds its own names and networks to NO_PROXY of the shell, if there is one.",
					"kind delete cluster",
					...(["env", `NO_PROXY=${[...new Set(["localhost", ...ofContainers.entries])].join(",")}`] as const),
					...["kind", "create", "cluster"],
				),
				advise("Or upgrade kind to 0.33, which does so with the proxies of that file."),
			],
		},
	];
}

/** The engine pulls kind's node image, containerd in a node all others, with the proxy that kind hands over. */
function onlyOneSide(host: Host): readonly KindHostFinding[] {
	const { proxies, provider, tools, system } = host;
	const server = dockerServer(host);
	// Docker Desktop always names a proxy of its own.
	if (
		proxies === undefined ||
		server?.isPodman !== false ||
		provider.place !== "here" ||
		tools.kind.state === "absent"
	) {
		return [];
	}

	const { https, ofContainers } = proxies;
	if (server.proxy.https && https === undefined && ofContainers?.https !== true) {
		return [
			{
				code: "proxy-only-for-docker",
				confidence: "likely",
				summary:
					"Docker pulls through a proxy, and this shell has none. kind hands the shell's to its nodes, so these pull the images of CAPMOX without, and clusterctl asks GitHub without. Where nothing else leads outside, both time out.",
				evidence: [
					{ from: "docker info, HttpsProxy", saw: "set" },
					{ from: "HTTPS_PROXY", saw: "not set", expected: "the proxy that Docker has" },
				],
				remedy: [
					advise("See which one Docker has, and what goes without it.", "docker", "info", "--format", proxyFormat),
					writeExample(
						"Set the same in the shell that runs kind and clusterctl.",
						"export HTTPS_PROXY='http://HOST:PORT'",
						"~/.profile",
					),
				],
			},
		];
	}

	return https !== undefined && !server.proxy.https
		? [
				{
					code: "proxy-not-for-docker",
					confidence: "likely",
					summary: `${https.name} is set in this shell, and Docker has no proxy. It pulls kind's node image itself, and not this shell. Where nothing else leads outside, that times out.`,
					evidence: [
						{ from: `${https.name} (${https.origin})`, saw: "set" },
						{ from: "docker info, HttpsProxy", saw: "not set", expected: "the proxy of this shell" },
					],
					remedy: [
						writeExample(
							"Only if docker pull times out: give Docker the proxy, too.",
							'"proxies": {"https-proxy": "http://HOST:PORT", "no-proxy": "localhost,127.0.0.0/8"}',
							provider.rootless === true ? "~/.config/docker/daemon.json" : "/etc/docker/daemon.json",
						),
						system.init === "systemd"
							? change(
									"Restart Docker. Containers that run are stopped.",
									"take the line out and restart Docker",
									...(provider.rootless === true
										? (["systemctl", "--user", "restart", "docker"] as const)
										: asRoot(system, "systemctl", "restart", "docker")),
								)
							: advise("Restart Docker. Containers that run are stopped."),
					],
				},
			]
		: [];
}

const proxyFormat = "{{.HTTPSProxy}} {{.NoProxy}}";
