import { type Address, bitsOf, type Family, parseAddress, renderAddress } from "../../src/addresses.ts";
import type { Interface, Kubelet, Routes } from "./findings.ts";

/** An address that kubelet takes. */
export interface Taken {
	readonly kind: "pinned" | "named" | "route";
	readonly address: string;
	readonly interface: string;
	readonly because: string;
}

/** How kubelet comes to its node's address (pkg/kubelet/nodestatus/setters.go, apimachinery's util/net/interface.go). */
export type Choice =
	| Taken
	/** Told by --node-ip, and not there. */
	| { readonly kind: "absent"; readonly address: string }
	/** A cloud controller has to tell it. */
	| { readonly kind: "cloud" }
	| { readonly kind: "none"; readonly because: string };

export interface Host {
	readonly kubelet: Kubelet;
	readonly routes: Routes;
	/** Absent where they were not seen: then all count as up. */
	readonly interfaces?: readonly Interface[] | undefined;
}

export const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);
export const normal = (text: string): string => {
	const parsed = parseAddress(text);
	return parsed === undefined ? text : renderAddress(parsed);
};
export const isSame = (one: string, other: string): boolean => normal(one) === normal(other);

export function chooseAddress(host: Host): Choice {
	const { flags } = host.kubelet;
	const told = (flags.nodeIp ?? "").split(",").filter((word) => word !== "");
	const [first] = told.map((word) => normal(word.trim()));
	if (first !== undefined && !isUnspecified(first)) {
		return pinned(host, first, "--node-ip says so");
	}

	// Without --node-ip kubelet leaves it to the cloud controller since Kubernetes 1.29 (kubernetes#121028).
	if (flags.cloudProvider === "external" && first === undefined) {
		return { kind: "cloud" };
	}

	if (parseAddress(flags.hostnameOverride ?? "") !== undefined) {
		return pinned(host, normal(flags.hostnameOverride ?? ""), "--hostname-override is an address");
	}

	const families: readonly Family[] = first !== undefined && familyOf(first) === 6 ? [6, 4] : [4, 6];
	return byName(host, families) ?? byRoute(host, families);
}

const isUnspecified = (address: string): boolean => ["0.0.0.0", "::"].includes(address);

function pinned({ routes }: Host, address: string, because: string): Choice {
	const own = routes.addresses.find((one) => isSame(one.address, address));
	return own === undefined
		? { kind: "absent", address }
		: { kind: "pinned", address, interface: own.interface, because };
}

function byName({ kubelet, routes }: Host, families: readonly Family[]): Choice | undefined {
	const local = kubelet.named.flatMap(({ address, from }) => {
		const own = routes.addresses.find((one) => isSame(one.address, address));
		return own === undefined || !isGlobal(address)
			? []
			: [{ address: normal(address), from, interface: own.interface }];
	});
	const chosen = families
		.map((family) => local.find(({ address }) => familyOf(address) === family))
		.find((one) => one !== undefined);
	return (
		chosen && {
			kind: "named",
			address: chosen.address,
			interface: chosen.interface,
			because: `${chosen.from} gives it for the node's name, ${kubelet.nodeName}`,
		}
	);
}

function byRoute({ routes, interfaces }: Host, families: readonly Family[]): Choice {
	for (const family of families) {
		for (const route of routes.defaults.filter((one) => one.family === family)) {
			const link = interfaces?.find(({ name }) => name === route.interface);
			if (interfaces !== undefined && link === undefined) {
				return { kind: "none", because: `a default route leads over ${route.interface}, which is no interface` };
			}

			// Routes without an address of their own network take that of the loopback interface (RFC 5549).
			const address =
				(link?.up === false ? undefined : globalOn(routes, route.interface, family)) ?? globalOn(routes, "lo", family);
			if (address !== undefined) {
				return {
					kind: "route",
					address: normal(address),
					interface: route.interface,
					because: `its default route comes first (IPv${family}, metric ${route.metric})`,
				};
			}
		}
	}

	return {
		kind: "none",
		because:
			routes.defaults.length === 0
				? "there is no default route"
				: "no interface with a default route is up and has an address",
	};
}

/** The first one in the kernel's order; where that was not seen, one that has a network around it. */
export function globalOn({ addresses, inOrder }: Routes, name: string, family: Family): string | undefined {
	const own = addresses.filter(
		(one) => one.interface === name && familyOf(one.address) === family && isGlobal(one.address),
	);
	return ((inOrder ? undefined : own.find((one) => !isLone(one))) ?? own[0])?.address;
}

/** An address with no network around it, as kube-vip and load balancers add them. */
export const isLone = ({ address, prefix }: Routes["addresses"][number]): boolean =>
	prefix === bitsOf(familyOf(address));

/** As Go's IsGlobalUnicast: private addresses count. */
function isGlobal(text: string): boolean {
	const address = parseAddress(text);
	return address !== undefined && !(address.family === 4 ? isSpecial4(address) : isSpecial6(address));
}

const isSpecial4 = ({ value }: Address): boolean =>
	value === 0n || value === 0xffffffffn || value >> 24n === 127n || value >> 16n === 0xa9fen || value >> 28n === 0xen;

const isSpecial6 = ({ value }: Address): boolean => value <= 1n || value >> 118n === 0x3fan || value >> 120n === 0xffn;
