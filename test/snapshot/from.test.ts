import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import packageJson from "../../package.json" with { type: "json" };
import { type DoctorOptions, doctor, pathWithoutTools } from "../support/doctor.ts";
import { type Proxmox, startProxmox } from "../support/proxmox/proxmox.ts";
import { goodToken } from "../support/proxmox/state.ts";
import { parseReport } from "../support/report-schema.ts";

const folder = mkdtempSync(join(tmpdir(), "snapshot-"));
const file = (name: string): string => join(folder, name);
const bare = pathWithoutTools();
let proxmox: Proxmox;
let env: Record<string, string>;
beforeAll(async () => {
	proxmox = await startProxmox({ delay: 0, faults: {} });
	env = {
		PROXMOX_URL: proxmox.url,
		PROXMOX_TOKEN: goodToken.id,
		PROXMOX_SECRET: "22222222-2222-4222-8222-222222222222",
	};
});
afterAll(async () => {
	await proxmox.close();
	rmSync(folder, { recursive: true });
	rmSync(bare, { recursive: true });
});

const verdictsOf = async (stdout: string) => {
	const { checks, exitCode } = await parseReport(stdout);
	// What an answer took is another number each time.
	return JSON.parse(JSON.stringify({ checks, exitCode }).replace(/after \d+\.\d s/g, "after a while")) as unknown;
};
const away: DoctorOptions = { env: { PATH: bare }, cwd: folder };

describe("a snapshot is judged elsewhere as the set-up was here", () => {
	test("same verdicts and exit code, with neither server nor tools nor variables", async () => {
		const live = await doctor(["run", "--format", "json"], { env });
		const taken = await doctor(["snapshot", "-o", file("a.yaml")], { env });
		expect([taken.exitCode, taken.stderr]).toEqual([0, ""]);
		expect(taken.stdout).toContain(`Wrote ${file("a.yaml")}, readable only by you`);
		expect(statSync(file("a.yaml")).mode & 0o777).toBe(0o600);
		const requests = proxmox.requests.length;
		const there = await doctor(["run", "--from", file("a.yaml"), "--format", "json"], { env: { ...env, PATH: bare } });
		expect(proxmox.requests.length).toBe(requests);
		expect(await verdictsOf(there.stdout)).toEqual(await verdictsOf(live.stdout));
		expect([there.exitCode, there.stderr]).toEqual([live.exitCode, ""]);
		expect((await parseReport(there.stdout)).snapshot).toMatchObject({
			doctor: packageJson.version,
			anonymized: false,
		});
	});

	test("check --from asks for what run leaves out", async () => {
		await doctor(["snapshot", "-o", file("bare.yaml")], away);
		expect((await doctor(["run", "--from", file("bare.yaml"), "--only", "token"], away)).exitCode).toBe(0);
		const asked = await doctor(["check", "token", "--from", file("bare.yaml"), "--format", "json"], away);
		expect((await parseReport(asked.stdout)).checks[0]?.findings[0]?.code).toBe("token/not-set");
	});

	test("the report says on top what it is of, and how old; -q too, where there is something to say", async () => {
		const text = readFileSync(file("a.yaml"), "utf8").replace(/^taken: .*$/m, `taken: ${hoursAgo(50)}`);
		writeFileSync(file("old.yaml"), text.replace(/^host: .*$/m, "host: lantern"));
		for (const words of [[], ["-q"], ["-v"]]) {
			const { stdout } = await doctor(["run", "--from", file("old.yaml"), ...words], away);
			expect(stdout.replace(/\s+/g, " ")).toMatch(
				/^Snapshot of lantern, taken 2 days ago \(.*\) by capmox-doctor .*\. Nothing here was looked at\. /,
			);
			expect(stdout).not.toContain("This host");
		}
	});

	test("by way of the standard output and input", async () => {
		const printed = await doctor(["snapshot", "-o", "-", "--only", "token"], { env });
		expect(printed.stdout).toMatch(/^# What capmox-doctor saw\./);
		const { exitCode, stdout } = await doctor(["check", "token", "--from", "-"], { ...away, input: printed.stdout });
		expect([exitCode, stdout]).toEqual([1, expect.stringContaining("token/rejected") as string]);
	});

	test("what it does not hold is unknown, never fine", async () => {
		await doctor(["snapshot", "-o", file("token.yaml"), "--only", "token"], { env });
		const { exitCode, stdout } = await doctor(["run", "--from", file("token.yaml"), "--only", "cgroup-v2"], away);
		expect(exitCode).toBe(3);
		expect(stdout.replace(/\s+/g, " ")).toContain("the snapshot does not hold host.provider");
	});
});

const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

describe("snapshot", () => {
	test("never writes over a file unless told", async () => {
		writeFileSync(file("there.yaml"), "mine");
		expect(await doctor(["snapshot", "-o", file("there.yaml"), "--only", "token"], away)).toMatchObject({
			exitCode: 2,
			stderr: `capmox-doctor: ${file("there.yaml")} exists already; --force replaces it\n`,
		});
		expect(readFileSync(file("there.yaml"), "utf8")).toBe("mine");
		expect((await doctor(["snapshot", "-o", file("there.yaml"), "--only", "token", "--force"], away)).exitCode).toBe(0);
	});

	test("names the file by the time where no name is given", async () => {
		const { stdout } = await doctor(["snapshot", "--only", "token"], away);
		const [, name = ""] = /Wrote (capmox-doctor-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.yaml),/.exec(stdout) ?? [];
		expect(readFileSync(file(name), "utf8")).toContain("schema: capmox-doctor/snapshot/v1\n");
	});

	test("an option that says where to look has no effect on a snapshot, and is refused", async () => {
		for (const [option, value] of [
			["--env-file", "x"],
			["--kubeconfig", "x"],
			["--root", "/"],
			["--flavor", "cilium"],
			["--workload", "prod"],
			["--knowledge", "x"],
			["--manifest", "x"],
		] as const) {
			expect(await doctor(["run", "--from", file("a.yaml"), option, value], away)).toMatchObject({
				exitCode: 2,
				stdout: "",
				stderr: `capmox-doctor: ${option} has no effect on a snapshot: it was decided when it was taken\n`,
			});
		}
	});
});

describe("what another version wrote", () => {
	const foreign = (doctorVersion: string, aheadSeconds: string) =>
		stringify({
			schema: "capmox-doctor/snapshot/v1",
			doctor: doctorVersion,
			taken: "2026-11-23T09:30:00Z",
			host: "lantern",
			facts: {
				"host.clock": { state: "known", value: { aheadSeconds } },
				"host.quantum": { state: "known", value: { spin: "up" } },
			},
			count: 2,
		});

	test("a fact that is not known here is said, one in another form is unknown", async () => {
		writeFileSync(file("foreign.yaml"), foreign("9.0.0", "many"));
		const { exitCode, stdout } = await doctor(["check", "kind-host", "--from", file("foreign.yaml")], away);
		const text = stdout.replace(/\s+/g, " ");
		expect(text).toContain("This version does not know host.quantum, which it also holds.");
		expect(exitCode).toBe(3);
		const { stdout: json } = await doctor(
			["check", "kind-host", "--from", file("foreign.yaml"), "--format", "json"],
			away,
		);
		expect((await parseReport(json)).snapshot?.notRead).toEqual(["host.quantum"]);
	});

	test("what drives a terminal does not come through", async () => {
		const text = foreign("9.0.0", "x").replace("lantern", '"\\e[2Jlan\\u009Btern"');
		writeFileSync(file("escape.yaml"), text);
		const { stdout } = await doctor(["run", "--from", file("escape.yaml")], away);
		expect(stdout).toContain("lan");
		expect(stdout).not.toMatch(/[\u001B\u009B]/);
	});
});
