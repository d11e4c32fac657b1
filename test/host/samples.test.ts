import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { diagnose } from "../../src/diagnose.ts";
import { gatherFrom, isThere, samples, unlessThere } from "../support/host.ts";

/** What real engines printed, as a copied tree of the host that they ran on. */
const sample = (name: string): string => readFileSync(new URL(name, samples), "utf8");
const kernelIn = (json: string): string => /"(?:KernelVersion|kernel)":\s*"([^"]+)"/.exec(json)?.[1] ?? "";
const nameIn = (json: string): string => /"(?:Name|hostname)":\s*"([^"]+)"/.exec(json)?.[1] ?? "";

let root = "";
afterEach(() => {
	rmSync(root, { recursive: true, force: true });
});

async function judge(id: string, files: Readonly<Record<string, string>>) {
	root = mkdtempSync(join(tmpdir(), "samples-"));
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(root, name)), { recursive: true });
		writeFileSync(join(root, name), text);
	}

	const selected = checks.filter((check) => check.id === id);
	const sheet = await gatherFrom(
		root,
		selected.flatMap(({ needs, uses }) => [...needs, ...uses]),
	);
	const [{ verdict } = {}] = diagnose(selected, sheet, { asked: new Set([id]) });
	const missing = verdict?.kind === "unknown" || verdict?.kind === "problem" ? verdict.missing : [];
	const findings = verdict?.kind === "problem" ? verdict.findings : [];
	return {
		kind: verdict?.kind,
		codes: findings.map(({ code }) => code.replace(`${id}/`, "")),
		texts: findings.map(({ summary }) => summary).join("\n"),
		missing: missing.map(({ fact }) => fact),
		sheet,
	};
}

const v2 = {
	"proc/self/mountinfo": "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
	"proc/self/cgroup": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte.scope\n",
	"proc/1/comm": "systemd\n",
	"proc/sys/fs/inotify/max_user_watches": "524288\n",
	"proc/sys/fs/inotify/max_user_instances": "128\n",
	"proc/net/route": "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n",
	"proc/meminfo": "MemTotal:       16000000 kB\n",
	"cmd/kind-version": "kind v0.32.0 go1.26.3 linux/amd64\n",
};
const without = (tool: string) => ({ [`cmd/${tool}-info.json`]: `sh: ${tool}: command not found\n(exit 127)\n` });
const docker = (name: string, kernel?: string, hostname?: string) => ({
	...v2,
	...without("podman"),
	"cmd/docker-info.json": sample(name),
	"proc/sys/kernel/osrelease": `${kernel ?? kernelIn(sample(name))}\n`,
	"proc/sys/kernel/hostname": `${hostname ?? nameIn(sample(name))}\n`,
	"cmd/docker-network-bridge.json": '[{"Name":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}}]',
	"cmd/docker-network-kind.json": "Error response from daemon: network kind not found\n(exit 1)\n",
});
const podman = (change: (json: string) => string = (json) => json) => {
	const json = change(sample("podman-info.rootless-v2.5.4.2.debian13.json"));
	return {
		...v2,
		...without("docker"),
		"cmd/podman-info.json": json,
		"proc/sys/kernel/osrelease": `${kernelIn(json)}\n`,
		"sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers": "cpu memory pids\n",
	};
};

describe.skipIf(!isThere(samples))(`hosts with engines as they were found${unlessThere(samples)}`, () => {
	test("rootless Docker: here, judged by this host's files, its images in the home directory", async () => {
		const { kind, codes, sheet } = await judge("kind-host", docker("docker-info.rootless-v2.26.1.5.debian13.json"));
		expect([kind, codes]).toEqual(["problem", ["inotify-limits"]]);
		expect(sheet["host.engine"]).toMatchObject({ value: { place: "here", rootless: true } });
		expect(sheet["host.engines"]).toMatchObject({
			value: { docker: { server: { rootDirectory: "/home/alice/.local/share/docker" } } },
		});
	});

	test("Docker Desktop on macOS: this host's limits do not count, and its own memory does", async () => {
		const name = "docker-info.desktop-macos-v2.24.0.6.json";
		const { codes, missing, sheet } = await judge("kind-host", docker(name, "6.12.0-generic", "workstation"));
		expect([codes, missing.includes("host.inotify"), missing.includes("host.storage")]).toEqual([[], false, true]);
		expect(sheet["host.memory"]).toMatchObject({ value: { totalBytes: 8_225_546_240, from: "docker info" } });
		expect(sheet["host.engine"]).toMatchObject({ value: { place: "elsewhere", architecture: "aarch64" } });
	});

	test("Docker Desktop in WSL 2: one kernel, so the limits here are those of its containers", async () => {
		const { codes, missing } = await judge("kind-host", docker("docker-info.desktop-wsl2-v2.28.2.2.api-response.json"));
		expect(codes).toEqual(["containerd-image-store", "inotify-limits"]);
		expect(missing).toContain("host.storage");
	});

	test("an old Docker Desktop with too little memory", async () => {
		const name = "docker-info.desktop-macos-v1.19.03.12.json";
		expect((await judge("kind-host", docker(name, "6.12.0-generic", "workstation"))).codes).toContain("little-memory");
	});

	test("rootless Podman in a terminal of a desktop", async () => {
		expect((await judge("podman", podman())).codes).toEqual(["not-delegated-here"]);
	});

	test("rootless Podman by ssh", async () => {
		const { codes } = await judge("podman", {
			...podman((json) =>
				json.replace(/"cgroupControllers": \[[^\]]*\]/, '"cgroupControllers": ["cpu","memory","pids"]'),
			),
			"proc/self/cgroup": "0::/user.slice/user-1000.slice/session-3.scope\n",
		});
		expect(codes).toEqual([]);
	});

	test.each([
		["0.32.0", ["kind-too-old", "not-delegated-here"]],
		["0.33.0", ["not-delegated-here"]],
	])("Podman 6 with kind %s", async (kind, codes) => {
		const six = podman((json) => json.replaceAll('"5.4.2"', '"6.0.1"'));
		const files = { ...six, "cmd/kind-version": `kind v${kind} go1.26.3 linux/amd64\n` };
		expect((await judge("podman", files)).codes).toEqual(codes);
	});

	test("Podman's own socket behind the docker command is Podman, and here", async () => {
		const { sheet, codes } = await judge("kind-host", docker("docker-info.on-rootless-podman-socket.5.4.2.json"));
		expect(sheet["host.engine"]).toMatchObject({ value: { place: "here", rootless: true } });
		// Its containers got no cpu, and there kind stopped.
		expect(codes).toEqual(["rootless-not-delegated", "inotify-limits"]);
	});
});
