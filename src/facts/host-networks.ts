import * as z from "zod";
import type { Output } from "../access/commands.ts";
import type { World } from "../access/world.ts";
import { parseAddress, parseCidr } from "../addresses.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import { parseJsonIn } from "./engines/answers.ts";
import { knowEngine } from "./host-engine.ts";
import type { Know } from "./probe.ts";

/** Fact `host.networks`: which IPv4 networks are taken on the machine that containers run on. */
export const hostNetworks = z.object({
	/** Networks that the engine answers for: its default one and kind's. Absent where it does not answer. */
	engine: z.array(z.object({ name: z.string(), subnet: z.string() })).optional(),
	/** This host's routes but for the default one, where containers run here. */
	routes: z.array(z.object({ interface: z.string(), subnet: z.string() })).optional(),
	/** Name servers that the engine asks for its containers, where they run here; this host's own addresses are none. */
	resolvers: z.array(z.string()).optional(),
	/** Networks that the engine cuts new ones from, in its order; `size` is the prefix of a new one. */
	pools: z.array(z.object({ base: z.string(), size: z.number().int() })),
});
export type HostNetworks = z.infer<typeof hostNetworks>;

/** Fact `host.proxmoxAddresses`: the addresses that the host of PROXMOX_URL has for programs on this host. */
export const hostProxmoxAddresses = z.object({
	host: z.string(),
	port: z.number().int().optional(),
	addresses: z.array(z.string()),
});
export type HostProxmoxAddresses = z.infer<typeof hostProxmoxAddresses>;

/** Moby's ipamutils, and netavark's default_subnet_pools behind the first network. */
const builtInPools = {
	docker: [
		{ base: "172.17.0.0/16", size: 16 },
		{ base: "172.18.0.0/16", size: 16 },
		{ base: "172.19.0.0/16", size: 16 },
		{ base: "172.20.0.0/14", size: 16 },
		{ base: "172.24.0.0/14", size: 16 },
		{ base: "172.28.0.0/14", size: 16 },
		{ base: "192.168.0.0/16", size: 20 },
	],
	podman: [{ base: "10.89.0.0/16", size: 24 }],
	nerdctl: [{ base: "10.4.0.0/16", size: 24 }],
	none: [],
} as const;

export async function readHostNetworks(world: World, know: Know, signal: AbortSignal): Promise<HostNetworks> {
	const [provider, { docker }] = await Promise.all([knowEngine(know), know("host.engines")]);
	const told = docker.state === "answering" && provider.engine === "docker" ? docker.server?.addressPools : undefined;
	const [engine, routes, resolvers] = await Promise.all([
		provider.answers ? readEngineNetworks(world, provider.engine, signal) : undefined,
		provider.place === "here" ? readRoutes(world) : undefined,
		provider.place === "here" ? readResolvers(world) : undefined,
	]);
	if (engine === undefined && routes === undefined) {
		// Said already by what the engine says instead.
		throw new ProbeError("not-set-up", `${provider.placeBecause}, and it does not answer`);
	}

	const subnets = [...(engine ?? []), ...(routes ?? [])].map(({ subnet }) => subnet);
	const others = resolvers?.filter((address) => !subnets.some((subnet) => isGateway(subnet, address)));
	return { engine, routes, resolvers: others, pools: told ?? [...builtInPools[provider.engine]] };
}

/** The first address of a container network is this host itself, which may well answer for names there. */
function isGateway(subnet: string, address: string): boolean {
	const [network, one] = [parseCidr(subnet), parseAddress(address)];
	return network !== undefined && network.family === one?.family && one.value === network.first + 1n;
}

/** Behind systemd-resolved's own address stand those that it asks, and Docker takes them: moby, libnetwork/internal/resolvconf. */
async function readResolvers({ files }: World): Promise<HostNetworks["resolvers"]> {
	const texts = await Promise.all(
		["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"].map((path) => ifAnswered(files.readText(path))),
	);
	return texts.map((text) => parseResolvers(text ?? "")).find((found) => found.length > 0);
}

/** `nameserver` of resolv.conf(5), but for this host itself. */
export const parseResolvers = (text: string): string[] =>
	[...text.matchAll(/^\s*nameserver\s+([\da-fA-F.:]+)/gm)].flatMap(([, address = ""]) =>
		/^(?:127\.|::1$)/.test(address) ? [] : [address],
	);

async function readRoutes({ files }: World): Promise<HostNetworks["routes"]> {
	const text = await files.readText("/proc/net/route");
	if (text === undefined) {
		throw new ProbeError("not-found", "there is no /proc/net/route, so this host's networks cannot be seen");
	}

	return parseRoutes(text);
}

async function readEngineNetworks(
	{ commands }: World,
	engine: string,
	signal: AbortSignal,
): Promise<HostNetworks["engine"]> {
	const names = [engine === "podman" ? "podman" : "bridge", "kind"];
	const answers = await Promise.all(
		names.map((name) => attempt(commands.run([engine, "network", "inspect", name], { signal }))),
	);
	return answers.flatMap((answer) => networksIn(answer, engine));
}

/** None, where there is no network of that name: then the command ends with 1. */
function networksIn(answer: Output | ProbeError, engine: string): { name: string; subnet: string }[] {
	if (answer instanceof ProbeError) {
		throw answer;
	}

	if (answer.exitCode !== 0 && /network .*not found|no such network/i.test(answer.stderr)) {
		return [];
	}

	const networks = answer.exitCode === 0 ? parseNetworks(answer.stdout) : undefined;
	if (networks === undefined) {
		const said = answer.stderr.trim().slice(0, 200);
		throw new ProbeError("unreadable", `${engine} network inspect: ${said === "" ? "no list of networks" : said}`);
	}

	return networks;
}

const networkAnswer = z.array(
	z.union([
		z
			.object({ Name: z.string(), IPAM: z.object({ Config: z.array(z.object({ Subnet: z.string() })).nullish() }) })
			.transform(({ Name, IPAM }) => ({ name: Name, subnets: (IPAM.Config ?? []).map(({ Subnet }) => Subnet) })),
		z
			.object({ name: z.string(), subnets: z.array(z.object({ subnet: z.string() })).nullish() })
			.transform(({ name, subnets }) => ({ name, subnets: (subnets ?? []).map(({ subnet }) => subnet) })),
	]),
);

/** What `docker network inspect` or `podman network inspect` prints. */
export const parseNetworks = (text: string): { name: string; subnet: string }[] | undefined =>
	networkAnswer
		.safeParse(parseJsonIn(text))
		.data?.flatMap(({ name, subnets }) => subnets.map((subnet) => ({ name, subnet })));

/** /proc/net/route: numbers as hexadecimal, in the byte order of the machine, which is little-endian wherever kind runs. */
export function parseRoutes(text: string): { interface: string; subnet: string }[] {
	return text.split("\n").flatMap((line) => {
		const [name = "", destination = "", , , , , , mask = ""] = line.trim().split(/\s+/);
		if (!/^[\dA-F]{8}$/.test(destination) || !/^[\dA-F]{8}$/.test(mask) || mask === "00000000") {
			return [];
		}

		return [{ interface: name, subnet: `${bytesOf(destination).join(".")}/${prefixOf(mask)}` }];
	});
}

const bytesOf = (hexadecimal: string): readonly number[] => [...Buffer.from(hexadecimal, "hex")].reverse();
const prefixOf = (mask: string): number =>
	bytesOf(mask).reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);

const isAddress = (host: string): boolean => /^\d+(?:\.\d+){3}$/.test(host) || host.includes(":");

export async function readHostProxmoxAddresses(
	{ commands, host: { platform } }: World,
	know: Know,
	signal: AbortSignal,
): Promise<HostProxmoxAddresses> {
	const [{ url }] = await Promise.all([know("environment.proxmox"), knowEngine(know)]);
	const host = url.host?.replace(/^\[(.*)\]$/, "$1");
	if (host === undefined || host === "") {
		throw new ProbeError("not-set-up", "no PROXMOX_URL with a host is set");
	}

	const { port } = url;
	if (isAddress(host)) {
		return { host, port, addresses: [host] };
	}

	// No other way asks what programs on this host ask: /etc/hosts, DNS and the rest of nsswitch.conf.
	const argv =
		platform === "darwin"
			? (["dscacheutil", "-q", "host", "-a", "name", host] as const)
			: (["getent", "ahostsv4", host] as const);
	const answer = await attempt(commands.run([...argv], { signal }));
	const addresses = answer instanceof ProbeError ? [] : [...new Set(answer.stdout.match(/\b\d+(?:\.\d+){3}\b/g))];
	if (addresses.length === 0) {
		throw new ProbeError(
			"unreachable",
			`the name ${host} has no IPv4 address here, so it was compared with no network`,
		);
	}

	return { host, port, addresses };
}
