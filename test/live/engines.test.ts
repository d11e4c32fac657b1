import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorld } from "../../src/access/world.ts";
import type { FactName } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { doctor } from "../support/doctor.ts";
import { parseReport } from "../support/report-schema.ts";

const isThere = (...names: string[]): boolean =>
	names.every((name) => execaSync("which", [name], { reject: false }).exitCode === 0);
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skipped = (reason: string | undefined): string => (reason === undefined ? "" : ` (SKIPPED: ${reason})`);

let folder = "";
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "engines-"));
});
afterAll(() => {
	rmSync(folder, { recursive: true, force: true });
});

/** What Podman itself takes for the limit; it tells in the help. */
async function limitOf(env: Readonly<Record<string, string>>): Promise<number | undefined> {
	const { stdout } = await execa("podman", ["create", "--help"], { env, reject: false });
	const limit = /--pids-limit .*\(default (-?\d+)\)/.exec(stdout)?.[1];
	return limit === undefined ? undefined : Number(limit);
}

const noPodman = !isRoot
	? "it takes root on Linux"
	: !isThere("podman")
		? "podman is not installed"
		: (await limitOf({})) === undefined
			? "this Podman does not tell the limit in its help"
			: undefined;

describe.skipIf(noPodman !== undefined)(
	`the limit of processes is the one that Podman takes${skipped(noPodman)}`,
	() => {
		const wanted: readonly FactName[] = ["host.podman-limits"];
		test.each<[string, readonly string[]]>([
			["nothing is set", []],
			["CONTAINERS_CONF", ["CONTAINERS_CONF"]],
			["CONTAINERS_CONF_OVERRIDE", ["CONTAINERS_CONF_OVERRIDE"]],
			["both", ["CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE"]],
			["a home of its own", ["HOME"]],
			["XDG_CONFIG_HOME", ["XDG_CONFIG_HOME"]],
		])("%s", async (_, names) => {
			const env = Object.fromEntries(
				names.map((name, index) => {
					const isFolder = !name.startsWith("CONTAINERS");
					const base = join(folder, name);
					const path = isFolder
						? join(base, name === "HOME" ? ".config" : "", "containers/containers.conf")
						: `${base}.conf`;
					execaSync("mkdir", ["-p", join(path, "..")]);
					writeFileSync(path, `[containers]\npids_limit = ${1_000 + index}\n`);
					return [name, isFolder ? base : path];
				}),
			);
			const world = openWorld({});
			const environment = () =>
				Promise.resolve({
					files: [],
					lookUp: (name: string) => {
						const value = env[name] ?? (name === "HOME" ? process.env["HOME"] : undefined);
						return value === undefined ? [] : [{ value, origin: "the environment" }];
					},
				});
			const sheet = await gather({ ...world, environment }, { wanted, signal: new AbortController().signal });
			const state = sheet["host.podman-limits"];
			expect(state).toMatchObject({ state: "known" });
			expect(state?.state === "known" ? state.value.pids?.limit : undefined).toBe(await limitOf(env));
		});
	},
);

const noDocker = !isRoot
	? "it takes root on Linux"
	: isThere("docker", "dockerd", "containerd", "setpriv")
		? undefined
		: "docker, dockerd, containerd or setpriv is not installed";

const start = (socket: string, port: number) =>
	execa(
		"dockerd",
		[
			...["--data-root", join(folder, "root"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")],
			...["-H", socket, "-H", `tcp://127.0.0.1:${port}`, "--iptables=false", "--ip6tables=false", "--bridge=none"],
		],
		{ reject: false, stdin: "ignore" },
	);

describe.skipIf(noDocker !== undefined)(`a real Docker, asked in every way${skipped(noDocker)}`, () => {
	let daemon: ReturnType<typeof start> | undefined;
	const socket = () => `unix://${folder}/sock`;
	const port = 20_000 + (process.pid % 20_000);
	const judge = async (env: Readonly<Record<string, string>>) => {
		const { stdout } = await doctor(["check", "kind-host", "--format", "json"], { env });
		const { checks } = await parseReport(stdout);
		return { codes: checks.flatMap(({ findings }) => findings.map(({ code }) => code)), missing: checks[0]?.missing };
	};

	beforeAll(async () => {
		daemon = start(socket(), port);
		const answers = () => execa("docker", ["version"], { env: { DOCKER_HOST: socket() }, reject: false });
		for (let round = 0; round < 100 && (await answers()).exitCode !== 0; round++) {
			await sleep(250);
		}
	}, 40_000);

	afterAll(async () => {
		daemon?.kill("SIGTERM");
		await daemon;
	}, 30_000);

	test("it answers by its socket and by its port: this host's own files count", async () => {
		for (const DOCKER_HOST of [socket(), `tcp://127.0.0.1:${port}`]) {
			const { codes, missing } = await judge({ DOCKER_HOST });
			expect(codes).not.toContain("kind-host/engine-silent");
			expect(codes).not.toContain("kind-host/engine-on-another-host");
			expect(missing?.map(({ fact }) => fact)).not.toContain("host.inotify");
			expect(missing?.map(({ fact }) => fact)).not.toContain("host.storage");
		}
	}, 20_000);

	test.each<[string, () => Readonly<Record<string, string>>, string, RegExp]>([
		["no socket", () => ({ DOCKER_HOST: `unix://${folder}/none` }), "engine-silent", /is not running/],
		["no port", () => ({ DOCKER_HOST: "tcp://127.0.0.1:1" }), "engine-silent", /is not running/],
		["a context that is gone", () => ({ DOCKER_CONTEXT: "nope" }), "engine-silent", /context that does not exist/],
		["no address", () => ({ DOCKER_HOST: "foo://bar" }), "engine-silent", /address that it cannot read/],
		[
			"an old API",
			() => ({ DOCKER_HOST: socket(), DOCKER_API_VERSION: "1.10" }),
			"api-version-refused",
			/no version of the API in common/,
		],
	])(
		"%s",
		async (_, env, code, words) => {
			const { stdout } = await doctor(["check", "kind-host", "--format", "json"], { env: env() });
			const { checks } = await parseReport(stdout);
			const finding = checks[0]?.findings.find((found) => found.code === `kind-host/${code}`);
			expect(finding?.summary).toMatch(words);
		},
		20_000,
	);
});
