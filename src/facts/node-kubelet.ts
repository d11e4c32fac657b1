import { parse } from "yaml";
import * as z from "zod";
import type { World } from "../access/world.ts";
import { parseAddress, renderAddress } from "../addresses.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";

const flags = z.object({
	/** `--node-ip`, as written: one address, or one of each family. */
	nodeIp: z.string().optional(),
	hostnameOverride: z.string().optional(),
	cloudProvider: z.string().optional(),
	providerId: z.string().optional(),
});
type Flags = z.infer<typeof flags>;

/** Fact `node.kubelet`: how the kubelet of this host comes to its node's address. Nothing of its credentials. */
export const nodeKubelet = z.object({
	/** What it runs with, or would be started with. */
	flags,
	/** Where that stands: "the running kubelet's command line", or a file. */
	from: z.string(),
	/** Flags in files that the running kubelet does not have yet. */
	pending: z.array(z.object({ file: z.string(), flags })),
	/** The file that holds KUBELET_EXTRA_ARGS here. */
	extraArgsFile: z.string(),
	running: z.boolean(),
	/** Under which it registers. */
	nodeName: z.string(),
	/** What the node's name stands for in /etc/hosts and DNS, in that order. */
	named: z.array(z.object({ address: z.string(), from: z.string() })),
	/** DNS gave an answer, if only that there is no such name. */
	dnsAsked: z.boolean(),
	/** Host of the API server's URL in /etc/kubernetes/kubelet.conf. */
	endpoint: z.string().optional(),
});
export type NodeKubelet = z.infer<typeof nodeKubelet>;

const argumentFiles = ["/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet"] as const;

export async function readNodeKubelet(world: World, _know: unknown, signal: AbortSignal): Promise<NodeKubelet> {
	const { files, host } = world;
	if (host.platform !== "linux") {
		throw notANode();
	}

	const [running, config, kubeconfig, argumentTexts, hostname, hosts] = await Promise.all([
		readCommandLine(world),
		attempt(files.stat("/var/lib/kubelet/config.yaml")),
		attempt(files.readText("/etc/kubernetes/kubelet.conf")),
		Promise.all(argumentFiles.map((path) => attempt(files.readText(path)))),
		ifAnswered(files.readText("/proc/sys/kernel/hostname").then((text) => text ?? files.readText("/etc/hostname"))),
		ifAnswered(files.readText("/etc/hosts")),
	]);
	const joined = [config, kubeconfig, argumentTexts[0]];
	if (running === undefined && joined.every((found) => found === undefined)) {
		throw notANode();
	}

	const hidden = [...joined, ...argumentTexts].find((found) => found instanceof ProbeError);
	if (running === undefined && hidden !== undefined) {
		throw hidden;
	}

	const written = argumentFiles.flatMap((file, index) => {
		const text = argumentTexts[index];
		return typeof text === "string" ? [{ file, flags: parseArguments(wordsIn(text)) }] : [];
	});
	const merged = written.reduce<Flags>((all, one) => ({ ...all, ...one.flags }), {});
	const inUse = running ?? merged;
	const nodeName = (inUse.hostnameOverride ?? hostname ?? "").trim().toLowerCase();
	if (nodeName === "") {
		throw new ProbeError("not-found", "neither /proc/sys/kernel/hostname nor /etc/hostname tells the node's name");
	}

	const dns = await readDns(world, nodeName, signal);
	return {
		flags: inUse,
		from:
			running === undefined
				? (written.findLast((one) => Object.keys(one.flags).length > 0)?.file ?? argumentFiles[0])
				: "the running kubelet's command line",
		pending:
			running === undefined
				? []
				: written.filter((one) => one.flags.nodeIp !== undefined && one.flags.nodeIp !== running.nodeIp),
		extraArgsFile: written.some(({ file }) => file === argumentFiles[2]) ? argumentFiles[2] : argumentFiles[1],
		running: running !== undefined,
		nodeName,
		named: [...parseHosts(hosts ?? "", nodeName), ...(dns ?? [])],
		dnsAsked: dns !== undefined,
		endpoint: typeof kubeconfig === "string" ? endpointIn(kubeconfig) : undefined,
	};
}

const notANode = () =>
	new ProbeError("not-set-up", "this host is no node of a cluster: no kubelet runs here, and none is set up");

/** Of the kubelet that systemd started on this host; those of kind's nodes show in /proc, too, and run in containers. */
async function readCommandLine({ files, host }: World): Promise<Flags | undefined> {
	const names = (await ifAnswered(files.list("/proc"))) ?? [];
	const found = await Promise.all(
		names
			.filter((name) => /^\d+$/.test(name))
			.map(async (pid) => {
				const comm = await ifAnswered(files.readText(`/proc/${pid}/comm`));
				if (comm?.trim() !== "kubelet") {
					return undefined;
				}

				const [words, cgroup] = await Promise.all([
					ifAnswered(files.readText(`/proc/${pid}/cmdline`)),
					ifAnswered(files.readText(`/proc/${pid}/cgroup`)),
				]);
				return words === undefined || words === "" || !isOwnService(cgroup, host.recorded)
					? undefined
					: parseArguments(words.split("\0").filter((word) => word !== ""));
			}),
	);
	return found.find((one) => one !== undefined);
}

const isOwnService = (cgroup: string | undefined, recorded: boolean): boolean =>
	cgroup === undefined ? recorded : /^\d+:(?:name=systemd)?:(?:\/[^/\n]+\.slice)*\/kubelet\.service$/m.test(cgroup);

/** The words of `NAME="--flag=value …"` lines; a later line goes before an earlier one. */
export const wordsIn = (text: string): readonly string[] =>
	text.split("\n").flatMap((line) => {
		const [, value = ""] = /^\s*(?:export\s+)?KUBELET_(?:KUBEADM|EXTRA)_ARGS=(.*)$/.exec(line) ?? [];
		return value
			.trim()
			.replace(/^(["'])(.*)\1$/, "$2")
			.split(/\s+/)
			.filter((word) => word !== "");
	});

const known: Readonly<Record<string, keyof Flags>> = {
	"node-ip": "nodeIp",
	"hostname-override": "hostnameOverride",
	"cloud-provider": "cloudProvider",
	"provider-id": "providerId",
};

/** `--flag=value` and `--flag value`; the last one counts, and an empty one is none. */
export function parseArguments(words: readonly string[]): Flags {
	const found: Flags = {};
	for (const [index, word] of words.entries()) {
		const [, name = "", value = words[index + 1] ?? ""] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
		const field = known[name];
		if (field !== undefined) {
			found[field] = value.replace(/^(["'])(.*)\1$/, "$2");
		}
	}

	return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== ""));
}

/** Go looks into /etc/hosts first, whatever the case of the name. */
export const parseHosts = (text: string, name: string): NodeKubelet["named"] =>
	text.split("\n").flatMap((line) => {
		const [address = "", ...names] = line.replace(/#.*$/, "").trim().split(/\s+/);
		const parsed = parseAddress(address);
		return parsed !== undefined && names.some((one) => one.toLowerCase() === name)
			? [{ address: renderAddress(parsed), from: "/etc/hosts" }]
			: [];
	});

/** Only of DNS: kubelet is built without the C library, and so without nss-myhostname, which knows every address. */
async function readDns(
	{ commands }: World,
	name: string,
	signal: AbortSignal,
): Promise<NodeKubelet["named"] | undefined> {
	const answer = await ifAnswered(commands.run(["getent", "-s", "dns", "ahosts", name], { signal }));
	// 2: there is no such name.
	if (answer === undefined || (answer.exitCode !== 0 && answer.exitCode !== 2)) {
		return undefined;
	}

	const addresses = answer.stdout.split("\n").flatMap((line) => {
		const parsed = parseAddress(line.trim().split(/\s+/)[0] ?? "");
		return parsed === undefined ? [] : [renderAddress(parsed)];
	});
	return [...new Set(addresses)].map((address) => ({ address, from: "DNS" }));
}

const kubeconfigShape = z.object({ clusters: z.array(z.object({ cluster: z.object({ server: z.string() }) })) });

/** Only the host of the first server: the file also holds keys. */
function endpointIn(text: string): string | undefined {
	const server = kubeconfigShape.safeParse(yamlIn(text)).data?.clusters[0]?.cluster.server ?? "";
	return URL.canParse(server) ? new URL(server).hostname.replace(/^\[(.*)\]$/, "$1") : undefined;
}

function yamlIn(text: string): unknown {
	try {
		return parse(text) as unknown;
	} catch {
		return undefined;
	}
}
