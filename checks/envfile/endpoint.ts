import { type Address, contains, parseAddress, renderAddress, renderSpan } from "../../src/addresses.ts";
import { found } from "../../src/check.ts";
import { advise } from "../steps.ts";
import type { EnvfileFinding } from "./findings.ts";
import { formOf } from "./forms.ts";
import type { Pool } from "./plan.ts";
import { example, type Given, mend } from "./reading.ts";
import { isSame, leaveOut, reservedIn } from "./subnet.ts";

const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
/** CAPMOX takes a dotted name only where its last part begins like one (proxmoxcluster_webhook.go, isHostname). */
const isHostName = (text: string): boolean =>
	hostName.test(text) && (!text.includes(".") || /\.[a-z]{2,63}$/i.test(text));

export function judgeEndpoint(given: Given | undefined, pools: readonly Pool[]): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const address = parseAddress(given.value);
	if (address === undefined) {
		return isHostName(given.value)
			? []
			: [
					found(
						"endpoint-malformed",
						"CONTROL_PLANE_ENDPOINT_IP is neither an IP address nor a host name. The template adds the port 6443 itself; brackets, scheme and path do not belong there.",
						{ from: given.from, saw: given.value, expected: formOf(given.name) },
						mend("Write the bare address.", given, bareAddress(given.value)),
					),
				];
	}

	const saw = { from: given.from, saw: given.value };
	const free = freeAddress(pools, address);
	const better = freeStep(
		"Take an address of the nodes' subnet that is outside all ranges and that no host has.",
		given,
		free,
	);
	const results: EnvfileFinding[] = [];
	const primary = pools.filter(({ plan }) => plan.isPrimary);
	const own = primary.find(({ family }) => family === address.family);
	const subnets = primary.flatMap(({ subnet, prefix }) =>
		subnet === undefined ? [] : [`${renderSpan(subnet)} (/${prefix ?? ""})`],
	);
	if (own?.subnet === undefined ? own === undefined && subnets.length > 0 : !contains(own.subnet, address)) {
		results.push(
			found(
				"endpoint-outside-subnet",
				`${given.value} is not in the subnet of the nodes. kube-vip announces it there by ARP, so nothing outside would find it, and the first control plane machine never becomes ready.`,
				{ ...saw, expected: `an address in ${subnets.join(" or ")}` },
				better,
			),
		);
	}

	if (pools.some(({ gateway }) => gateway !== undefined && isSame(gateway.address, address))) {
		results.push(
			found(
				"endpoint-is-gateway",
				`${given.value} is the gateway, too. Two hosts would answer for one address.`,
				saw,
				better,
			),
		);
	}

	const reserved = primary.flatMap(reservedIn).find((each) => isSame(each.address, address));
	if (reserved !== undefined) {
		results.push(
			found("endpoint-reserved", `${given.value} is the ${reserved.what} address of the nodes' subnet.`, saw, better),
		);
	}

	const pool = pools.find(({ spans }) => spans.some((span) => contains(span, address)));
	if (pool !== undefined) {
		results.push(
			found(
				"endpoint-in-range",
				`${given.value} lies inside ${pool.given.name}.${pool.plan.isPrimary ? ' CAPMOX refuses the cluster: "addresses may not contain the endpoint IP".' : " Some machine would get the endpoint's address."}`,
				{ ...saw, expected: `an address outside ${pool.spans.map(renderSpan).join(", ")}` },
				leaveOut("Leave it out of the range.", pool, address),
				freeStep("Or take another address for the endpoint, outside all ranges, that no host has.", given, free),
			),
		);
	}

	return results;
}

const freeStep = (advice: string, given: Given, free: string | undefined) =>
	free === undefined
		? example(advice, given)
		: advise(`${advice} The first that the variables leave is ${free}; see that it does not answer a ping.`);

/** `https://[2001:db8::4]:6443/` → the address in it. */
function bareAddress(text: string): string | undefined {
	const host = text.replace(/^[a-z]+:\/\//i, "").replace(/\/.*$/, "");
	const bare = /^\[(.+)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "");
	return parseAddress(bare) === undefined && !isHostName(bare) ? undefined : bare;
}

/** The first address of the nodes' subnet that nothing in the variables claims. Whether another host has it, only the network knows. */
function freeAddress(pools: readonly Pool[], taken: Address): string | undefined {
	const primary = pools.filter(({ plan, subnet }) => plan.isPrimary && subnet !== undefined);
	const pool = primary.find(({ family }) => family === taken.family) ?? primary[0];
	const { subnet } = pool ?? {};
	if (pool === undefined || subnet === undefined) {
		return undefined;
	}

	for (let value = subnet.first + 1n; value < subnet.last && value < subnet.first + 4_096n; value++) {
		const address = { family: subnet.family, value };
		const isTaken =
			isSame(address, taken) ||
			pools.some(
				({ spans, gateway }) =>
					spans.some((span) => contains(span, address)) || (gateway !== undefined && isSame(gateway.address, address)),
			);
		if (!isTaken) {
			return renderAddress(address);
		}
	}

	return undefined;
}
