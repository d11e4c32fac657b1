import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Environment } from "../../src/access/environment.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import { ProbeError, UsageError } from "../../src/errors.ts";
import { type Probe, type Probes, probes, type Reading } from "../../src/facts/probe.ts";
import type { FactName, Facts } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { findSituations, readSituation } from "../support/situations.ts";

const healthy = findSituations().find(({ name }) => name === "healthy.verified");
const { sheet } = readSituation(healthy ?? { url: new URL("missing:") });
const valueOf = <Name extends FactName>(name: Name): Facts[Name] => {
	const state = sheet[name];
	if (state?.state !== "known") {
		throw new Error(`the situation lacks ${name}`);
	}

	return state.value;
};

const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const environment: Environment = {
	files: [],
	lookUp: (name) => (name === "PROXMOX_SECRET" ? [{ value: secret, origin: "the environment" }] : []),
};
const world: World = { ...openWorld({}), environment: () => Promise.resolve(environment) };
const never = new AbortController().signal;

interface Stub<Name extends FactName> {
	readonly deadline?: number;
	readonly read?: Reading<Facts[Name]>["read"];
}

/** A probe that answers what the situation holds, where nothing else is said. */
const stub = <Name extends FactName>(name: Name, { deadline = 1_000, read }: Stub<Name> = {}): Probe<Facts[Name]> => ({
	deadline,
	load: async () => ({ ...(await probes[name].load()), read: read ?? (() => Promise.resolve(valueOf(name))) }),
});

const probesWith = (access: Stub<"proxmox.access">, variables?: Stub<"environment.proxmox">): Probes => ({
	...probes,
	"environment.proxmox": stub("environment.proxmox", variables),
	"proxmox.access": stub("proxmox.access", access),
});

const gatherAccess = async (from: Probes, signal = never) => {
	const gathered = await gather(world, { wanted: ["proxmox.access"], signal, from });
	return gathered["proxmox.access"];
};

test("reads each fact once, however many ask for it", async () => {
	let reads = 0;
	const from = probesWith(
		{
			read: async (_, know) => {
				await Promise.all([know("environment.proxmox"), know("environment.proxmox")]);
				return valueOf("proxmox.access");
			},
		},
		{
			read: () => {
				reads++;
				return Promise.resolve(valueOf("environment.proxmox"));
			},
		},
	);
	const gathered = await gather(world, { wanted: ["environment.proxmox", "proxmox.access"], signal: never, from });
	expect([gathered["environment.proxmox"]?.state, gathered["proxmox.access"]?.state, reads]).toEqual([
		"known",
		"known",
		1,
	]);
});

test("reads nothing that nobody asked for", async () => {
	const gathered = await gather(world, {
		wanted: ["environment.proxmox"],
		signal: never,
		from: probesWith({ read: () => Promise.reject(new Error("must not be read")) }),
	});
	expect(Object.keys(gathered)).toEqual(["environment.proxmox"]);
});

test("a fact inherits why the one it builds on is missing", async () => {
	const from = probesWith(
		{ read: async (_, know) => (await know("environment.proxmox"), valueOf("proxmox.access")) },
		{ read: () => Promise.reject(new ProbeError("forbidden", "no way in")) },
	);
	expect(await gatherAccess(from)).toEqual({ state: "unavailable", cause: "forbidden", lastSeen: "no way in" });
});

describe("whatever a probe does, the fact is settled", () => {
	test("it never ends and ignores its signal: the deadline tells what was last seen", async () => {
		const started = performance.now();
		const from = probesWith({
			deadline: 100,
			read: (_world, _know, _signal, note) => {
				note("GET /version");
				return new Promise(() => undefined);
			},
		});
		expect(await gatherAccess(from)).toEqual({
			state: "unavailable",
			cause: "timeout",
			lastSeen: "no answer within 0.1 s; last seen: GET /version",
		});
		expect(performance.now() - started).toBeLessThan(600);
	});

	test("Node is busy for longer than its deadline while the answer comes: the answer counts", async () => {
		const from = probesWith(
			{
				deadline: 200,
				read: async () => {
					await readFile(new URL(import.meta.url));
					await readFile(new URL(import.meta.url));
					return valueOf("proxmox.access");
				},
			},
			{
				read: () => {
					Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
					return Promise.resolve(valueOf("environment.proxmox"));
				},
			},
		);
		const wanted = ["proxmox.access", "environment.proxmox"] as const;
		const gathered = await gather(world, { wanted, signal: never, from });
		expect(gathered["proxmox.access"]?.state).toBe("known");
	});

	test("deadlines run side by side, never one after the other", async () => {
		const started = performance.now();
		const hang = () => new Promise<never>(() => undefined);
		const from = probesWith({ deadline: 300, read: hang }, { deadline: 300, read: hang });
		await gather(world, { wanted: ["environment.proxmox", "proxmox.access"], signal: never, from });
		expect(performance.now() - started).toBeLessThan(550);
	});

	test("it throws something unexpected: a bug, with the secret masked", async () => {
		const from = probesWith({ read: () => Promise.reject(new TypeError(`cannot read ${secret}`)) });
		expect(await gatherAccess(from)).toEqual({
			state: "unavailable",
			cause: "bug",
			lastSeen: "TypeError: cannot read [secret]",
		});
	});

	test("it throws before it returns a promise", async () => {
		const from = probesWith({
			read: () => {
				throw new Error("at once");
			},
		});
		expect((await gatherAccess(from))?.state).toBe("unavailable");
	});

	test("it returns what its schema does not know: a bug", async () => {
		const from = probesWith({ read: () => Promise.resolve({ url: 5 } as unknown as Facts["proxmox.access"]) });
		expect(await gatherAccess(from)).toMatchObject({ state: "unavailable", cause: "bug" });
	});

	test("the run is over or interrupted", async () => {
		const from = probesWith({ read: () => new Promise(() => undefined) });
		const over = AbortSignal.abort(new ProbeError("cancelled", "interrupted"));
		expect(await gatherAccess(from, over)).toEqual({
			state: "unavailable",
			cause: "cancelled",
			lastSeen: "interrupted",
		});
	});
});

test("a secret that a forgotten quote put into another variable is masked", async () => {
	const swallowed = `[10.0.0.5-10.0.0.9]\nexport PROXMOX_TOKEN=capmox@pve!capi\nexport PROXMOX_SECRET='${secret}'\nexport GATEWAY=`;
	const shell: Environment = {
		files: [],
		lookUp: (name) => (name === "NODE_IP_RANGES" ? [{ value: swallowed, origin: "the environment" }] : []),
	};
	const gathered = await gather(
		{ ...world, environment: () => Promise.resolve(shell) },
		{ wanted: ["environment.cluster"], signal: never },
	);
	expect(JSON.stringify(gathered)).toContain("export PROXMOX_TOKEN=capmox@pve!capi");
	expect(JSON.stringify(gathered)).not.toContain(secret);
});

test("what a server echoed is masked, and what no schema knows is dropped", async () => {
	const access = valueOf("proxmox.access");
	const echoed = {
		...access,
		url: `https://pve/${secret}`,
		authenticated: { ...access.authenticated, reason: `no ${Buffer.from(secret).toString("base64")}` },
		password: secret,
	};
	const gathered = await gatherAccess(probesWith({ read: () => Promise.resolve(echoed) }));
	expect(JSON.stringify(gathered)).not.toMatch(/5f0c3b1e|NWYwYzNiMWU/i);
	expect(gathered).toMatchObject({ value: { url: "https://pve/[secret]" } });
	expect(JSON.stringify(gathered)).not.toContain("password");
});

test("wrong words of the user are not a missing fact", async () => {
	const from = probesWith({ read: () => Promise.reject(new UsageError("--env-file: there is no file x")) });
	await expect(gatherAccess(from)).rejects.toThrow(UsageError);
});

test("a text that was cut is masked before it is cut", async () => {
	const access = valueOf("proxmox.access");
	const text = `${"y".repeat(100)}${secret}`;
	const open = { kind: "answered", status: 403, reason: "", body: "text", text, milliseconds: 1 } as const;
	const gathered = await gatherAccess(probesWith({ read: () => Promise.resolve({ ...access, open }) }));
	expect(JSON.stringify(gathered)).toContain(`${"y".repeat(100)}[secret]`);
	expect(JSON.stringify(gathered)).not.toContain(secret.slice(0, 8));
});

test("what would drive a terminal is taken out", async () => {
	const access = valueOf("proxmox.access");
	const gathered = await gatherAccess(
		probesWith({ read: () => Promise.resolve({ ...access, url: "https://\u001B[2Jpve\u009B1m" }) }),
	);
	expect(JSON.stringify(gathered)).not.toMatch(/\\u001b|\u009B/i);
});

test.each(["json", "other", "set"])("a secret that is one of our own words, %s, spoils no fact", async (word) => {
	const worded: World = {
		...world,
		environment: () =>
			Promise.resolve({
				files: [],
				lookUp: (name: string) => (name === "PROXMOX_SECRET" ? [{ value: word, origin: "the environment" }] : []),
			}),
	};
	const gathered = await gather(worded, { wanted: ["proxmox.access"], signal: never, from: probesWith({}) });
	expect(gathered["proxmox.access"]?.state).toBe("known");
});
