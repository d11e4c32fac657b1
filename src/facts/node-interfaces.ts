import * as z from "zod";
import type { World } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import { attempt, ifAnswered } from "./attempt.ts";
import { parseJsonIn } from "./engines/answers.ts";
import type { Know } from "./probe.ts";

const networkInterface = z.object({
	name: z.string(),
	/** In the order in which drivers made them. */
	index: z.number().int(),
	/** As the kernel names it: `virtio_net`, `e1000`, `8139cp`, `vmxnet3`. */
	driver: z.string().optional(),
	/** Of the PCI device, which on Proxmox VE follows from N of `netN`. */
	bus: z.number().int().optional(),
	slot: z.number().int().optional(),
	/** Made by software: bridges, VRFs, what a CNI plugin adds. */
	virtual: z.boolean(),
	up: z.boolean(),
	/** The VRF or bridge that it belongs to. */
	master: z.string().optional(),
});
export type NetworkInterface = z.infer<typeof networkInterface>;

/** Fact `node.interfaces`: the network interfaces of this host, by index, and which driver took them when. */
export const nodeInterfaces = z.object({
	interfaces: z.array(networkInterface),
	/** What the kernel's log says of each, in its order; absent where it could not be read. */
	log: z.array(z.object({ driver: z.string(), name: z.string(), was: z.string() })).optional(),
	/** Of the drivers in use, those that are part of the kernel's image; absent where /proc/modules was not seen. */
	builtIn: z.array(z.string()).optional(),
});
export type NodeInterfaces = z.infer<typeof nodeInterfaces>;

export async function readNodeInterfaces(world: World, know: Know, signal: AbortSignal): Promise<NodeInterfaces> {
	const [fromFiles, fromIp, log, modules] = await Promise.all([
		ifAnswered(readSysfs(world)),
		ifAnswered(readIp(world, signal)),
		readLog(world, signal),
		ifAnswered(world.files.readText("/proc/modules")),
	]);
	const found = fromFiles ?? fromIp;
	if (found === undefined) {
		// Where there is no kubelet either, this is just another machine.
		await know("node.kubelet");
		throw new ProbeError("unreadable", "neither /sys/class/net nor ip tells this host's network interfaces");
	}

	const interfaces = found
		.map((one) => ({ ...one, driver: one.driver ?? log?.find(({ name }) => name === one.name)?.driver }))
		.sort((one, other) => one.index - other.index);
	const drivers = [...new Set(interfaces.flatMap(({ driver }) => driver ?? []))];
	return {
		interfaces,
		log,
		builtIn: modules === undefined ? undefined : drivers.filter((driver) => !isModule(modules, driver)),
	};
}

const isModule = (modules: string, driver: string): boolean => new RegExp(`^${driver}\\s`, "m").test(modules);

async function readSysfs({ files }: World): Promise<NetworkInterface[] | undefined> {
	const names = await files.list("/sys/class/net");
	const read = await Promise.all((names ?? []).map((name) => readOne(files, name)));
	const found = read.flatMap((one) => one ?? []);
	return found.length === 0 ? undefined : found;
}

/** No directory of an interface, such as `bonding_masters`, gives none. */
async function readOne(files: World["files"], name: string): Promise<NetworkInterface | undefined> {
	const folder = `/sys/class/net/${name}`;
	const [index, flags, link, driver, master, uevent] = await Promise.all([
		files.readText(`${folder}/ifindex`),
		files.readText(`${folder}/flags`),
		ifAnswered(files.readLink(folder)),
		ifAnswered(files.readLink(`${folder}/device/driver`)),
		ifAnswered(files.readLink(`${folder}/master`)),
		ifAnswered(files.readText(`${folder}/device/uevent`)),
	]);
	if (index === undefined || !/^\d+\s*$/.test(index)) {
		return undefined;
	}

	// A copy that followed the links still has the device's own words.
	const said = /^DRIVER=(.+)$/m.exec(uevent ?? "")?.[1];
	return {
		name,
		index: Number(index),
		driver: lastPart(driver) ?? said,
		...placeIn(link ?? /^PCI_SLOT_NAME=(.+)$/m.exec(uevent ?? "")?.[1] ?? "", name),
		virtual: link === undefined ? uevent === undefined : link.includes("/virtual/"),
		up: (Number(flags ?? 0) & 1) === 1,
		master: lastPart(master),
	};
}

const lastPart = (path: string | undefined): string | undefined => path?.split("/").at(-1);

/** The last PCI address on the way to the interface, or what udev made of it in the name: `ens18`, `enp6s18`. */
export function placeIn(path: string, ...names: readonly string[]): { bus?: number; slot?: number } {
	const address = [...path.matchAll(/[\da-f]{4}:([\da-f]{2}):([\da-f]{2})\.[\da-f]/g)].at(-1);
	if (address !== undefined) {
		const [, bus = "", slot = ""] = address;
		return { bus: Number.parseInt(bus, 16), slot: Number.parseInt(slot, 16) };
	}

	const named = names.flatMap((name) => {
		const [, bus = "0", slot] = /^en(?:p(\d+))?s(\d+)$/.exec(name) ?? [];
		return slot === undefined ? [] : [{ bus: Number(bus), slot: Number(slot), certain: name.startsWith("enp") }];
	});
	const best = named.find(({ certain }) => certain) ?? named[0];
	return best === undefined ? {} : { bus: best.bus, slot: best.slot };
}

const ipLinks = z.array(
	z.object({
		ifindex: z.number(),
		ifname: z.string(),
		flags: z.array(z.string()),
		link_type: z.string().optional(),
		master: z.string().optional(),
		parentdev: z.string().optional(),
		altnames: z.array(z.string()).default([]),
		linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
	}),
);

async function readIp({ commands }: World, signal: AbortSignal): Promise<NetworkInterface[] | undefined> {
	const { stdout } = await commands.run(["ip", "-j", "-d", "link"], { signal });
	return parseLinks(stdout);
}

/** What `ip -j -d link` prints. */
export const parseLinks = (text: string): NetworkInterface[] | undefined =>
	ipLinks
		.safeParse(parseJsonIn(text))
		.data?.map(({ ifindex, ifname, flags, link_type, master, parentdev, altnames, linkinfo }) => ({
			name: ifname,
			index: ifindex,
			...placeIn(parentdev ?? "", ifname, ...altnames),
			virtual: link_type === "loopback" || linkinfo?.info_kind !== undefined,
			up: flags.includes("UP"),
			master,
		}));

/** The kernel's ring buffer where this user may read it, or what syslog wrote down of it. */
async function readLog({ files, commands }: World, signal: AbortSignal): Promise<NodeInterfaces["log"]> {
	const printed = await attempt(commands.run(["dmesg"], { signal }));
	const texts = [
		printed instanceof ProbeError || printed.exitCode !== 0 ? "" : printed.stdout,
		...(await Promise.all(
			["/var/log/dmesg", "/var/log/kern.log", "/var/log/syslog", "/var/log/messages"].map((path) =>
				ifAnswered(files.readText(path, { maxBytes: 16 * 1_048_576 })),
			),
		)),
	];
	return texts.map((text) => parseLog(text ?? "")).find((entries) => entries.length > 0);
}

/** `virtio_net virtio3 ens19: renamed from eth0`; of several boots the last one's. */
export function parseLog(text: string): NonNullable<NodeInterfaces["log"]> {
	const lastBoot = text.slice(Math.max(0, text.lastIndexOf("Linux version ")));
	return [...lastBoot.matchAll(/(\S+) \S+ (\S+): renamed from (eth\d+)\b/g)].map(
		([, driver = "", name = "", was = ""]) => ({ driver, name, was }),
	);
}
