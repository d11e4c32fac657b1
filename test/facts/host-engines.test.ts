import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Output } from "../../src/access/commands.ts";
import { ProbeError } from "../../src/errors.ts";
import { parseJsonIn } from "../../src/facts/engines/answers.ts";
import type { Docker } from "../../src/facts/engines/docker.ts";
import { type DockerAnswers, parseDocker } from "../../src/facts/engines/docker-info.ts";
import { parsePodman } from "../../src/facts/engines/podman.ts";
import { chooseEngine } from "../../src/facts/host-provider.ts";
import { type HostSystem, initOf, parseCommandLine, parseOsRelease } from "../../src/facts/host-system.ts";
import { parseKindVersion } from "../../src/facts/host-tools.ts";
import { isThere, samples, unlessThere } from "../support/host.ts";

const linux: HostSystem = { platform: "linux", init: "systemd", kernel: "6.1.0-40-amd64", kernelArguments: [] };
const printed = (stdout: unknown, exitCode = 0, stderr = ""): Output => ({
	exitCode,
	stdout: typeof stdout === "string" ? stdout : JSON.stringify(stdout),
	stderr,
});
const running = {
	ServerVersion: "28.2.2",
	KernelVersion: "6.1.0-40-amd64",
	OperatingSystem: "Debian GNU/Linux 12 (bookworm)",
	Name: "workstation",
	CgroupVersion: "2",
	CgroupDriver: "systemd",
	SecurityOptions: ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
	DefaultRuntime: "runc",
	Warnings: null,
};
const contextTo = (Host: string, Name = "default") => printed([{ Name, Endpoints: { docker: { Host } } }]);
const local = contextTo("unix:///var/run/docker.sock");
const ask = (answers: Partial<DockerAnswers>, system = linux, hostname = "workstation"): Docker =>
	parseDocker(
		{ info: printed(running), version: printed({ Client: { Version: "28.2.2" } }), context: local, ...answers },
		system,
		hostname,
	);
const placed = (docker: Docker) => ("place" in docker ? docker.place : docker.state);

describe("docker: what it prints counts, never how it ends", () => {
	const noDaemon = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
	const zeros = { ServerVersion: "", NCPU: 0, MemTotal: 0, CgroupDriver: "" };

	test.each<[string, Output, string]>([
		["20.10, down: exit 0", printed({ ServerErrors: [noDaemon], ClientInfo: { Context: "default" } }), "not-running"],
		["26.1, down: exit 0 and zeros", printed(zeros, 0, noDaemon), "not-running"],
		["28.2, down: exit 1 and zeros", printed(zeros, 1, noDaemon), "not-running"],
		[
			"29, down",
			printed(zeros, 1, "failed to connect to the docker API at unix:///var/run/docker.sock; check"),
			"not-running",
		],
		[
			"26.1, not in the group: exit 0",
			printed(
				zeros,
				0,
				"permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
			),
			"permission",
		],
		[
			"20.10, not in the group",
			printed("", 1, "Got permission denied while trying to connect to the Docker daemon socket"),
			"permission",
		],
		[
			"too old a client",
			printed({
				ServerErrors: [
					"Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44",
				],
			}),
			"too-old",
		],
		[
			"a context that is gone",
			printed("", 1, 'Failed to initialize: unable to resolve docker endpoint: context "nope": context not found'),
			"bad-context",
		],
		[
			"too new a client",
			printed(
				"",
				1,
				"Error response from daemon: client version 1.51 is too new. Maximum supported API version is 1.41",
			),
			"too-old",
		],
		[
			"something else listens there: a proxy, for example",
			printed(
				{
					ServerErrors: [
						"request returned 404 Not Found for API route and version http://10.0.0.5:2375/v1.50/info, check if the server supports the requested API version",
					],
				},
				1,
			),
			"other",
		],
		[
			"an address that is none",
			printed("", 1, "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: foo://bar"),
			"bad-host",
		],
		[
			"Docker Desktop's stand-in",
			printed("\nThe command 'docker' could not be found in this WSL 2 distro.\nWe recommend to activate", 1),
			"no-wsl-integration",
		],
		["garbage", printed("<html>", 0), "other"],
	])("%s", (_, info, kind) => {
		const docker = ask({ info });
		expect(docker.state).toBe("silent");
		expect("silence" in docker && docker.silence?.kind).toBe(kind);
		expect("silence" in docker && docker.silence?.said).not.toBe("");
	});

	test("it hangs, is missing, may not be run, or is Podman's imitation", () => {
		const docker = ask({ info: new ProbeError("timeout", "docker info did not end within 2 s") });
		expect("silence" in docker && docker.silence?.kind).toBe("timeout");
		expect(ask({ info: new ProbeError("tool-missing", "docker is not installed") })).toEqual({ state: "absent" });
		expect(ask({ info: new ProbeError("forbidden", "docker may not be executed") }).state).toBe("unknown");
		expect(ask({ info: printed({ host: { cgroupVersion: "v2" } }) }).state).toBe("podman-shim");
	});

	test("before 20.10 it names no cgroup version", () => {
		const docker = ask({ info: printed({ ...running, CgroupVersion: undefined }) });
		expect("server" in docker && docker.server?.cgroupVersion).toBeUndefined();
	});

	test("answers with an exit code are answers", () => {
		expect(ask({ info: printed(running, 1, "WARNING: something") }).state).toBe("answering");
	});
});

describe("docker: where containers run", () => {
	test.each<[string, string, Partial<DockerAnswers>, Partial<HostSystem>?, string?]>([
		["here", "the same kernel", {}],
		["elsewhere", "another kernel", { info: printed({ ...running, KernelVersion: "6.8.0-lima" }) }],
		[
			"elsewhere",
			"Docker Desktop on the same WSL kernel",
			{ info: printed({ ...running, OperatingSystem: "Docker Desktop" }) },
		],
		["elsewhere", "macOS", {}, { platform: "darwin" }],
		["elsewhere", "over ssh", { context: contextTo("ssh://me@box") }],
		["elsewhere", "from within a container", {}, { container: "docker" }, "1f2e3d4c5b6a"],
		["here", "a daemon inside of this container", {}, { container: "docker" }],
		["here", "silent, at the usual socket", { info: printed("", 1) }],
		[
			"elsewhere",
			"silent, at Colima's socket",
			{ info: printed("", 1), context: contextTo("unix:///home/me/.colima/default/docker.sock") },
		],
		["elsewhere", "silent, over TCP", { info: printed("", 1), context: contextTo("tcp://10.0.0.5:2376") }],
		[
			"unknown",
			"silent, and the context cannot be read",
			{ info: printed("", 1), version: printed(""), context: printed("", 1) },
		],
	])("%s: %s", (place, _, answers, system = {}, hostname = "workstation") => {
		expect(placed(ask(answers, { ...linux, ...system }, hostname))).toBe(place);
	});

	test("an endpoint keeps no user", () => {
		const docker = ask({ context: contextTo("ssh://me:secret@box") });
		expect(JSON.stringify(docker)).not.toContain("secret");
	});

	test("a proxy keeps no password", () => {
		const docker = ask({
			info: printed({ ...running, HttpProxy: "http://me:hunter2@proxy:3128", NoProxy: "10.0.0.0/8" }),
		});
		expect(JSON.stringify(docker)).not.toContain("hunter2");
		expect("server" in docker && docker.server?.proxy).toEqual({ http: true, https: false, noProxy: "10.0.0.0/8" });
	});
});

describe("podman", () => {
	const info = {
		host: {
			cgroupVersion: "v2",
			kernel: linux.kernel,
			security: { rootless: true },
			ociRuntime: { name: "crun", version: "crun version 1.21\ncommit: x" },
		},
		version: { Version: "5.4.2" },
	};

	test("warnings may stand before the JSON", () => {
		const podman = parsePodman(
			printed(`time="…" level=warning msg="Using cgroups-v1"\n${JSON.stringify(info, null, 2)}\n`),
			linux,
		);
		expect(podman).toMatchObject({
			state: "answering",
			place: "here",
			server: { version: "5.4.2", rootless: true, runtime: { name: "crun", version: "1.21" } },
		});
	});

	test.each<[string, Output | ProbeError, string]>([
		["no machine", printed("", 125, "Cannot connect to Podman. Please verify your connection"), "silent"],
		["missing", new ProbeError("tool-missing", "podman is not installed"), "absent"],
		["hangs", new ProbeError("timeout", "podman info did not end within 2 s"), "silent"],
		["not recorded", new ProbeError("not-found", "the copied tree does not tell"), "unknown"],
	])("%s", (_, answer, state) => {
		expect(parsePodman(answer, linux).state).toBe(state);
	});
});

describe("which engine kind takes", () => {
	const tools = (kind: "absent" | "found") => ({
		kind: kind === "found" ? ({ state: kind, version: "0.32.0" } as const) : ({ state: kind } as const),
		kubectl: { state: "absent" } as const,
		clusterctl: { state: "absent" } as const,
	});
	const silent = ask({ info: printed("", 1) });
	const podman = { state: "silent", said: "" } as const;
	const absent = { state: "absent" } as const;
	const untold = { state: "unknown", because: "it may not be executed" } as const;

	test.each<[string, Parameters<typeof chooseEngine>, string]>([
		["docker before podman, even if it is down", [{ docker: silent, podman }, tools("found"), undefined], "docker"],
		["podman where docker is missing", [{ docker: absent, podman }, tools("found"), undefined], "podman"],
		[
			"podman behind docker's name",
			[{ docker: { state: "podman-shim" }, podman }, tools("found"), undefined],
			"podman",
		],
		["what the variable says", [{ docker: silent, podman }, tools("found"), "podman"], "podman"],
		["an unknown word is ignored", [{ docker: silent, podman }, tools("found"), "lxc"], "docker"],
		["nothing at all", [{ docker: absent, podman: absent }, tools("absent"), undefined], "none"],
		["only kind", [{ docker: absent, podman: absent }, tools("found"), undefined], "docker"],
	])("%s", (_, [engines, found, wanted], engine) => {
		expect(chooseEngine(engines, found, wanted).engine).toBe(engine);
	});

	test("what could not be told is not taken for missing", () => {
		expect(() => chooseEngine({ docker: untold, podman }, tools("found"), undefined)).toThrow(ProbeError);
		expect(() => chooseEngine({ docker: absent, podman: untold }, tools("absent"), undefined)).toThrow(ProbeError);
	});
});

test.each([
	["kind v0.32.0 go1.26.3 linux/amd64\n", "0.32.0"],
	["kind v0.33.0-alpha+2a4b6c go1.26.3 linux/arm64", "0.33.0-alpha+2a4b6c"],
	["0.32.0", "0.32.0"],
	["kind version 0.32.0", "0.32.0"],
	["zsh: command not found", undefined],
])("kind's version in %j", (text, version) => {
	expect(parseKindVersion(text)).toBe(version);
});

test.each<[string, Parameters<typeof initOf>[0], HostSystem["init"]]>([
	["systemd", { comm: "systemd", runsSystemd: false, runsOpenrc: false }, "systemd"],
	["Alpine", { comm: "init", runsSystemd: false, runsOpenrc: false, distribution: "alpine" }, "openrc"],
	["OpenRC on Devuan", { comm: "init", runsSystemd: false, runsOpenrc: true, distribution: "devuan" }, "openrc"],
	["Void", { comm: "runit", runsSystemd: false, runsOpenrc: false, distribution: "void" }, "runit"],
	["SysV", { comm: "init", runsSystemd: false, runsOpenrc: false, distribution: "devuan" }, "sysvinit"],
	["a container", { comm: "sleep", runsSystemd: false, runsOpenrc: false }, "other"],
	["no /proc", { runsSystemd: false, runsOpenrc: false }, "unknown"],
])("the init system: %s", (_, signs, init) => {
	expect(initOf(signs)).toBe(init);
});

test("os-release and the kernel's command line", () => {
	expect(parseOsRelease('NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n')).toEqual({
		id: "rocky",
		like: ["rhel", "centos", "fedora"],
		version: "9.4",
		name: "rocky",
	});
	expect(
		parseCommandLine("root=/dev/sda1 password=hunter2 systemd.unified_cgroup_hierarchy=0 cgroup_disable=memory quiet"),
	).toEqual(["systemd.unified_cgroup_hierarchy=0", "cgroup_disable=memory"]);
});

const read = (name: string): string => readFileSync(new URL(name, samples), "utf8");

describe(`samples of real engines${unlessThere(samples)}`, () => {
	test.skipIf(!isThere(samples)).each<[string, object]>([
		[
			"docker-info.rootful-v2.26.1.5.debian13.json",
			{ cgroupVersion: 2, rootless: false, privateCgroups: true, defaultRuntime: "runc" },
		],
		[
			"docker-info.rootful-v1-hybrid.26.1.5.debian13.json",
			{ cgroupVersion: 1, privateCgroups: false, cgroupDriver: "cgroupfs" },
		],
		["docker-info.rootless-v2.26.1.5.debian13.json", { cgroupVersion: 2, rootless: true }],
		["docker-info.on-rootless-podman-socket.5.4.2.json", { defaultRuntime: "crun", rootless: true }],
		["docker-info.desktop-macos-v2.24.0.6.json", { cgroupVersion: 2, operatingSystem: "Docker Desktop" }],
		["docker-info.desktop-wsl2-v2.28.2.2.api-response.json", { cgroupVersion: 2, containerdStore: true }],
		["docker-info.rootful-v1.18.09.0.debian9.json", { cgroupVersion: undefined }],
	])("%s", (name, expected) => {
		expect(existsSync(new URL(name, samples))).toBe(true);
		expect(ask({ info: printed(read(name)) })).toMatchObject({ state: "answering", server: expected });
	});

	test.skipIf(!isThere(samples)).each<[string, object]>([
		["podman-info.rootful-v2.5.4.2.debian13.json", { cgroupVersion: 2, rootless: false, runtime: { name: "crun" } }],
		["podman-info.rootful-v1.5.4.2.debian13.json", { cgroupVersion: 1 }],
		[
			"podman-info.rootless-v2.5.4.2.debian13.json",
			{ cgroupVersion: 2, rootless: true, cgroupControllers: ["memory", "pids"] },
		],
	])("%s", (name, expected) => {
		expect(parsePodman(printed(read(name)), linux)).toMatchObject({ state: "answering", server: expected });
	});
});

test("JSON is found among other lines, and nothing else is taken for it", () => {
	expect(parseJsonIn('warning: x\n{"a":[1]}\nDEPRECATED')).toEqual({ a: [1] });
	expect(parseJsonIn("")).toBeUndefined();
	expect(parseJsonIn('{"a":')).toBeUndefined();
});

describe("who stands behind the docker command", () => {
	const server = (info: object, version: unknown = { Client: { Version: "28.2.2" } }) => {
		const docker = ask({ info: printed({ ...running, ...info }), version: printed(version) });
		return docker.state === "answering" ? docker.server : undefined;
	};
	const runtimes = { oci: { path: "/usr/bin/crun" }, wrapped: { path: "/usr/bin/nvidia-container-runtime" } };

	test.each([
		["a free name for crun", "oci", "crun"],
		["crun by its own name", "crun", "crun"],
		["a wrapper of runc", "wrapped", "wrapped"],
		["no path at all", "runc", "runc"],
	])("the runtime is known by its program: %s", (_, DefaultRuntime, expected) => {
		expect(server({ DefaultRuntime, Runtimes: runtimes })?.defaultRuntime).toBe(expected);
	});

	test("Podman's service is known even where docker version did not answer", () => {
		const podman = { ServerVersion: "5.4.2", DefaultRuntime: "crun", ContainerdCommit: { ID: "" } };
		expect(server(podman)?.isPodman).toBe(true);
		expect(server({ ...podman, ContainerdCommit: { ID: "1.7.24" } })?.isPodman).toBe(false);
		expect(server(podman, { Server: { Components: [{ Name: "Engine", Version: "28.2.2" }] } })?.isPodman).toBe(false);
	});
});

describe("what is cut off, or holds a password", () => {
	test("half a description says nothing of the engine", () => {
		const half = printed('{"ServerVersion":"28.2.2","CgroupVersion":"2"');
		expect(ask({ info: half })).toMatchObject({ state: "unknown" });
		expect(parsePodman(printed('{"host":{"cgroupVersion":"v2"'), linux)).toMatchObject({ state: "unknown" });
	});

	test("a password in an address is not repeated", () => {
		const said = 'error during connect: Get "http://user:hunter22@proxy.example.com:3128/info": dial tcp: timeout';
		const docker = ask({ info: printed("", 1, said) });
		expect(docker).toMatchObject({
			silence: { said: expect.stringContaining("user:***@proxy.example.com") as string },
		});
		expect(JSON.stringify(docker)).not.toContain("hunter22");
	});
});
