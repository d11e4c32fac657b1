import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { bundle } from "../support/doctor.ts";

/** A real dockerd in a network namespace of its own: what it hands out against what the doctor said it would. */
const missing = ["docker", "dockerd", "containerd", "unshare", "nsenter"].filter(
	(name) => execaSync("which", [name], { reject: false }).exitCode !== 0,
);

function reasonToSkip(): string | undefined {
	if (process.platform !== "linux" || process.getuid?.() !== 0) {
		return "it takes root on Linux";
	}

	if (missing.length > 0) {
		return `not installed: ${missing.join(", ")}`;
	}

	const trial = execaSync("unshare", ["-n", "true"], { reject: false });
	return trial.exitCode === 0 ? undefined : `no network namespace can be made: ${trial.stderr}`;
}

const reason = reasonToSkip();
const report = z.object({
	checks: z.array(z.object({ findings: z.array(z.object({ code: z.string(), summary: z.string() })).default([]) })),
});

const start = (folder: string) =>
	execa(
		"unshare",
		[
			...["-n", "dockerd", "--data-root", join(folder, "root"), "--exec-root", join(folder, "exec")],
			...["-H", `unix://${folder}/sock`, "--pidfile", join(folder, "pid")],
			...["--iptables=false", "--ip6tables=false", "--ip-forward=false"],
		],
		{ reject: false, stdin: "ignore" },
	);

describe.skipIf(reason !== undefined)(
	`a real Docker hands out the networks that were foretold${reason === undefined ? "" : ` (SKIPPED: ${reason})`}`,
	() => {
		let folder = "";
		let daemon: ReturnType<typeof start> | undefined;
		const inside = (env: Readonly<Record<string, string>>, ...argv: string[]) =>
			execa("nsenter", [`--net=/proc/${daemon?.pid ?? 0}/ns/net`, "--", ...argv], {
				reject: false,
				stdin: "ignore",
				cwd: folder,
				env: { DOCKER_HOST: `unix://${folder}/sock`, ...env },
			});
		/** Codes and summaries about networks, with the Proxmox API at this address. */
		const judge = async (address: string) => {
			const { stdout } = await inside(
				{ PROXMOX_URL: `https://${address}:8006` },
				...[process.execPath, bundle, "check", "kind-host", "--format", "json"],
			);
			return report
				.parse(JSON.parse(stdout))
				.checks.flatMap(({ findings }) => findings)
				.filter(({ code }) => code.endsWith("network-clash"));
		};

		beforeAll(async () => {
			folder = mkdtempSync(join(tmpdir(), "networks-"));
			daemon = start(folder);
			for (let round = 0; round < 60 && (await inside({}, "docker", "version")).exitCode !== 0; round++) {
				await sleep(250);
			}
		}, 30_000);

		afterAll(async () => {
			daemon?.kill("SIGTERM");
			await daemon;
			rmSync(folder, { recursive: true, force: true });
		}, 30_000);

		test("the next network, then kind's own, then one beside it", async () => {
			const foretold = await judge("172.18.4.10");
			expect(foretold.map(({ code }) => code)).toEqual(["kind-host/next-network-clash"]);
			expect(await judge("172.19.4.10")).toEqual([]);

			expect((await inside({}, "docker", "network", "create", "kind")).exitCode).toBe(0);
			const found = await judge("172.18.4.10");
			expect(found.map(({ code }) => code)).toEqual(["kind-host/network-clash"]);
			expect(found[0]?.summary).toContain("network kind (172.18.0.0/16)");

			expect(await judge("172.19.4.10")).toEqual([]);
			expect((await inside({}, "docker", "network", "create", "other")).exitCode).toBe(0);
			expect((await judge("172.19.4.10")).map(({ code }) => code)).toEqual(["kind-host/network-clash"]);
			expect(await judge("192.0.2.10")).toEqual([]);
		}, 30_000);
	},
);
