import fc from "fast-check";
import { expect, test } from "vitest";
import envfile from "../../checks/envfile.ts";
import { judgeSituation } from "../support/situations.ts";
import { renderEnvfile, variableFacts, variablesOf } from "../support/variables.ts";

const size = 16;
const addressOf = (number: number): string => `10.10.10.${number}`;
const numberOf = (address: string): number => Number(address.split(".")[3]);

/** A plan on two neighbouring networks of 16 addresses each, as plain numbers. */
const plans = fc.record({
	spans: fc.uniqueArray(
		fc.tuple(fc.nat(2 * size - 1), fc.nat(2 * size - 1)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
		{ minLength: 1, maxLength: 3, selector: ([a, b]) => `${a}-${b}` },
	),
	gateway: fc.nat(2 * size - 1),
	endpoint: fc.nat(2 * size - 1),
	server: fc.nat(2 * size - 1),
	workers: fc.nat(6),
});
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never;

const membersOf = (spans: Plan["spans"]): Set<number> =>
	new Set(spans.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index)));

/** What is wrong with the plan, found by looking at every single address. */
function model({ spans, gateway, endpoint, server, workers }: Plan): Set<string> {
	const members = membersOf(spans);
	const network = Math.floor(Math.min(...members) / size) * size;
	const broadcast = network + size - 1;
	const isInside = (address: number): boolean => network <= address && address <= broadcast;
	const isReserved = (address: number): boolean => address === network || address === broadcast;
	const isWhole = [...members].every(isInside);
	const usable = [...members].filter((address) => !isReserved(address) && address !== gateway).length;
	const machines = 1 + workers;
	const surge = workers > 0 ? 2 : 1;
	return new Set(
		Object.entries({
			"range-outside-prefix": !isWhole,
			"gateway-outside-prefix": isWhole && !isInside(gateway),
			"gateway-reserved": isWhole && isReserved(gateway),
			"gateway-in-range": members.has(gateway),
			"endpoint-outside-subnet": isWhole && !isInside(endpoint),
			"endpoint-is-gateway": endpoint === gateway,
			"endpoint-reserved": isWhole && isReserved(endpoint),
			"endpoint-in-range": members.has(endpoint),
			"unusable-address": server !== gateway && (server === endpoint || (isWhole && isReserved(server))),
			"address-in-range": members.has(server) && server !== gateway,
			"too-few-addresses": isWhole && usable < machines,
			"no-address-for-upgrade": isWhole && machines <= usable && usable < machines + surge,
		}).flatMap(([code, applies]) => (applies ? [`envfile/${code}`] : [])),
	);
}

async function findingsOf({ spans, gateway, endpoint, server, workers }: Plan) {
	const edits = {
		NODE_IP_RANGES: `[${spans.map(([first, last]) => (first === last ? addressOf(first) : `${addressOf(first)}-${addressOf(last)}`)).join(",")}]`,
		IP_PREFIX: "28",
		GATEWAY: addressOf(gateway),
		CONTROL_PLANE_ENDPOINT_IP: addressOf(endpoint),
		DNS_SERVERS: `[${addressOf(server)}]`,
		CONTROL_PLANE_MACHINE_COUNT: "1",
		WORKER_MACHINE_COUNT: String(workers),
	};
	const facts = await variableFacts({ envfile: renderEnvfile(variablesOf("default", edits)) });
	const { verdict } = judgeSituation(envfile, facts, false).judgement;
	return verdict.kind === "problem" ? verdict.findings : [];
}

test("a plan is judged as by one who looks at every single address", async () => {
	await fc.assert(
		fc.asyncProperty(plans, async (plan) => {
			const codes = (await findingsOf(plan)).map(({ code }) => code);
			expect(new Set(codes)).toEqual(model(plan));
		}),
		{ numRuns: 400 },
	);
});

test("the ranges that a remedy writes are the given ones but for that address", async () => {
	await fc.assert(
		fc.asyncProperty(plans, async (plan) => {
			for (const { code, remedy } of await findingsOf(plan)) {
				const line = remedy.flatMap(({ put }) => put?.line ?? []).find((text) => text.includes("NODE_IP_RANGES"));
				if (line === undefined) {
					continue;
				}

				const written = (/\[(.*)\]/.exec(line)?.[1] ?? "").split(", ").map((item) => {
					const [first = "", last = first] = item.split("-");
					return [numberOf(first), numberOf(last)] as const;
				});
				const expected = membersOf(plan.spans);
				const { gateway, server, endpoint } = plan;
				expected.delete({ "envfile/gateway-in-range": gateway, "envfile/address-in-range": server }[code] ?? endpoint);
				expect(membersOf(written)).toEqual(expected);
			}
		}),
		{ numRuns: 200 },
	);
});
