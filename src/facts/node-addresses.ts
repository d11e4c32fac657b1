import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { ifAnswered } from "./attempt.ts";
import { parseJsonIn } from "./engines/answers.ts";
import {
	type AddressOn,
	parseAddresses4,
	parseAddresses6,
	parseDefaultRoutes4,
	parseDefaultRoutes6,
} from "./node-routes.ts";
import type { Know } from "./probe.ts";

/** Fact `node.routes`: what kubelet looks at where nothing tells it an address. */
export const nodeRoutes = z.object({
	/** As the kernel lists them: IPv4, then IPv6. */
	defaults: z.array(
		z.object({
			family: z.union([z.literal(4), z.literal(6)]),
			interface: z.string(),
			gateway: z.string().optional(),
			metric: z.number().int(),
		}),
	),
	addresses: z.array(z.object({ interface: z.string(), address: z.string(), prefix: z.number().int() })),
	/** The addresses of an interface stand in the kernel's own order, and not in that of a table under /proc. */
	inOrder: z.boolean(),
});
export type NodeRoutes = z.infer<typeof nodeRoutes>;

export async function readNodeRoutes(world: World, know: Know, signal: AbortSignal): Promise<NodeRoutes> {
	await know("node.kubelet");
	const read = (name: string) => world.files.readText(`/proc/net/${name}`);
	const [route, route6, trie, inet6, fromIp] = await Promise.all([
		read("route"),
		read("ipv6_route"),
		ifAnswered(read("fib_trie")),
		ifAnswered(read("if_inet6")),
		ifAnswered(readIp(world, signal)),
	]);
	if (route === undefined) {
		throw new ProbeError("not-found", "there is no /proc/net/route, so kubelet's choice cannot be foretold");
	}

	if (fromIp === undefined && trie === undefined) {
		throw new ProbeError("not-found", "neither ip nor /proc/net/fib_trie tells this host's addresses");
	}

	return {
		defaults: [...parseDefaultRoutes4(route), ...parseDefaultRoutes6(route6 ?? "")],
		addresses: fromIp ?? [...parseAddresses4(trie ?? "", route), ...parseAddresses6(inet6 ?? "")],
		inOrder: fromIp !== undefined,
	};
}

const ipAddresses = z.array(
	z.object({
		ifname: z.string(),
		addr_info: z.array(z.object({ local: z.string().optional(), prefixlen: z.number().optional() })).default([]),
	}),
);

async function readIp({ commands }: World, signal: AbortSignal): Promise<AddressOn[] | undefined> {
	const { stdout } = await commands.run(["ip", "-j", "address"], { signal });
	return parseIpAddresses(stdout);
}

/** What `ip -j address` prints: the order of a netlink dump, which is also Go's. */
export const parseIpAddresses = (text: string): AddressOn[] | undefined =>
	ipAddresses
		.safeParse(parseJsonIn(text))
		.data?.flatMap(({ ifname, addr_info }) =>
			addr_info.flatMap(({ local, prefixlen }) =>
				local === undefined || prefixlen === undefined
					? []
					: [{ interface: ifname, address: local, prefix: prefixlen }],
			),
		);
