import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type IPty, spawn } from "@lydell/node-pty";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Scene } from "../support/deletion.ts";
import { bundle, doctor } from "../support/doctor.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import { type Kubernetes, startKubernetes } from "../support/kubernetes/server.ts";

const worker = "prod-workers-0";
const machine = `default/${worker}`;
const owned = "machine-deletion/owner-gone";

let kubectl: string;
let cluster: Kubernetes;
let state: string;
beforeAll(async () => {
	kubectl = await findKubectl();
});
beforeEach(async () => {
	state = mkdtempSync(join(tmpdir(), "capmox-doctor-state-"));
	const scene = new Scene().removing(worker, 3).remove("Machine", worker);
	// The VM was never made, so that no step has to be taken on a Proxmox VE node first.
	scene.change("ProxmoxMachine", worker, {
		spec: { ...scene.get("ProxmoxMachine", worker).spec, virtualMachineID: undefined },
	});
	const clockSkew = Date.parse("2026-08-20T12:00:00Z") - Date.now();
	cluster = await startKubernetes({ objects: scene.objects, clockSkew });
});
afterEach(async () => {
	rmSync(state, { recursive: true, force: true });
	await cluster.close();
});

const environment = (): Record<string, string> => ({
	...cluster.environment,
	XDG_STATE_HOME: state,
	PATH: `${dirname(process.execPath)}:${dirname(kubectl)}:${process.env["PATH"] ?? ""}`,
});
const fix = (...words: string[]) => doctor(["fix", ...words], { env: environment() });
/** Node's own permissions: this process may read any file, and write none. */
const sealing = [
	...["--permission", "--experimental-permission"]
		.filter((flag) => process.allowedNodeEnvironmentFlags.has(flag))
		.slice(0, 1),
	"--allow-fs-read=*",
	"--allow-child-process",
	...["--allow-net"].filter((flag) => process.allowedNodeEnvironmentFlags.has(flag)),
];
const isThere = () =>
	cluster.objects().some(({ kind, metadata }) => kind === "ProxmoxMachine" && metadata.name === worker);
const writes = () => cluster.requests.filter(({ method }) => method !== "GET");
const place = () => join(state, "capmox-doctor/fixes");

describe("piped", () => {
	test("refuses without a terminal, and says what to do", async () => {
		const { exitCode, stderr } = await fix(owned);
		expect([exitCode, stderr]).toEqual([2, expect.stringContaining("--yes")]);
		expect(cluster.requests).toEqual([]);
	});

	test("--dry-run shows the command where every write is refused: of files by Node, of objects by kubectl", async () => {
		const refused = join(state, "refused");
		const bin = join(state, "bin");
		mkdirSync(bin);
		writeFileSync(
			join(bin, "kubectl"),
			`#!/bin/sh\ncase " $* " in *" get "*) exec ${kubectl} "$@";; *) echo "$*" >>${refused}; exit 1;; esac\n`,
			{ mode: 0o755 },
		);
		const env = { ...environment(), PATH: `${bin}:${environment()["PATH"] ?? ""}` };
		const sealed = { ...env, NODE_OPTIONS: sealing.join(" ") };
		const { exitCode, stdout } = await doctor(["fix", owned, "--dry-run"], { env: sealed });
		expect(exitCode).toBe(0);
		expect(stdout).toContain("patch proxmoxmachines.infrastructure.cluster.x-k8s.io prod-workers-0");
		expect(readdirSync(state)).toEqual(["bin"]);
		// Without --dry-run, both refuse.
		const words = ["fix", owned, "--yes", "--allow", "destroys", "--machine", machine];
		const withoutFiles = await doctor(words, { env: sealed });
		expect([withoutFiles.exitCode, withoutFiles.stderr]).toEqual([2, expect.stringContaining("cannot be written")]);
		expect(readdirSync(state)).toEqual(["bin"]);
		expect((await doctor(words, { env })).exitCode).toBe(4);
		expect(readFileSync(refused, "utf8")).toMatch(/^patch proxmoxmachines\S+ prod-workers-0 /m);
		expect(writes()).toEqual([]);
	});

	test("--yes destroys nothing, and exits 4", async () => {
		const { exitCode, stdout } = await fix(owned, "--yes");
		expect([exitCode, stdout]).toEqual([4, expect.stringContaining(`--allow destroys --machine ${machine}`)]);
		expect(writes()).toEqual([]);
	});

	test("--allow destroys with its name does it, confirms, lists it, and says that it cannot be taken back", async () => {
		const { exitCode, stdout } = await fix(owned, "--yes", "--allow", "destroys", "--machine", machine);
		expect([exitCode, stdout]).toEqual([0, expect.stringContaining("confirmed")]);
		expect(isThere()).toBe(false);
		const list = await fix("--list");
		const [id = ""] = list.stdout.split(" ");
		expect(list.stdout).toContain("confirmed");
		const undone = await fix("--undo", id, "--yes");
		expect([undone.exitCode, undone.stdout]).toEqual([
			4,
			expect.stringMatching(/Cannot be taken back[^]*objects\.yaml/),
		]);
	});

	test.each<[string, readonly string[], number]>([
		["nothing is named", ["--yes", "--allow", "destroys"], 4],
		["nothing may be destroyed", ["--yes", "--machine", machine], 4],
		["another machine is named", ["--yes", "--allow", "destroys", "--machine", "default/prod-workers-1"], 4],
		["it is named by its beginning", ["--yes", "--allow", "destroys", "--machine", "default/prod-workers"], 4],
		["its beginning is all of another's name", ["--yes", "--allow", "destroys", "--machine", `${machine}1`], 4],
		["that of another namespace is named", ["--yes", "--allow", "destroys", "--machine", `prod/${worker}`], 4],
		["another case is named", ["--yes", "--allow", "destroys", "--machine", machine.toUpperCase()], 4],
		[
			"its claim is named, which goes by itself",
			["--yes", "--allow", "destroys", "--machine", `${machine}-net0-00-inet`],
			4,
		],
		["its namespace is left out", ["--yes", "--allow", "destroys", "--machine", worker], 4],
		["an empty name is given", ["--yes", "--allow", "destroys", "--machine", ""], 4],
		["something else is allowed", ["--yes", "--allow", "everything", "--machine", machine], 2],
		["nobody said yes", ["--allow", "destroys", "--machine", machine], 2],
		["it is only to be shown", ["--dry-run", "--yes", "--allow", "destroys", "--machine", machine], 0],
	])("destroys nothing where %s", async (_, words, code) => {
		const { exitCode, stdout, stderr } = await fix(owned, ...words);
		expect([exitCode, writes()]).toEqual([code, []]);
		expect(stdout).not.toContain("confirmed");
		expect(stderr.trim().split("\n").filter(Boolean)).toHaveLength(code === 2 ? 1 : 0);
	});

	test("a place that cannot be written: nothing is changed", async () => {
		writeFileSync(join(state, "capmox-doctor"), "a file, where a folder has to be");
		const { exitCode, stderr } = await fix(owned, "--yes", "--allow", "destroys", "--machine", machine);
		expect([exitCode, stderr]).toEqual([2, expect.stringContaining("XDG_STATE_HOME")]);
		expect(stderr.trim().split("\n")).toHaveLength(1);
		expect(writes()).toEqual([]);
	});

	test("one at a time; the lock of a process that is gone counts no more", async () => {
		mkdirSync(place(), { recursive: true });
		const start = readFileSync(`/proc/${process.pid}/stat`, "utf8")
			.replace(/^.*\) /s, "")
			.split(" ")[19];
		writeFileSync(join(place(), "lock"), `${process.pid} ${start ?? ""}`);
		const { exitCode, stderr } = await fix(owned, "--yes");
		expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`another fix runs, as process ${process.pid}`)]);
		// The same number, given out again.
		writeFileSync(join(place(), "lock"), `${process.pid} 1`);
		expect((await fix(owned, "--yes")).exitCode).toBe(4);
		expect(readdirSync(place())).not.toContain("lock");
	});

	test("killed with SIGKILL right after its command: the lock is taken over, nothing is done twice", async () => {
		const wrapper = join(state, "bin");
		mkdirSync(wrapper);
		const script = `#!/bin/sh\n${kubectl} "$@"\ncase " $* " in *" patch "*) kill -9 "$PPID";; esac\n`;
		writeFileSync(join(wrapper, "kubectl"), script, { mode: 0o755 });
		const words = ["fix", owned, "--yes", "--allow", "destroys", "--machine", machine];
		const killed = await doctor(words, {
			env: { ...environment(), PATH: `${wrapper}:${environment()["PATH"] ?? ""}` },
		});
		expect(killed.exitCode).toBeNull();
		expect(isThere()).toBe(false);
		const patches = writes().length;
		expect(readdirSync(place())).toContain("lock");
		expect((await fix("--list")).stdout).toContain("interrupted");
		expect((await doctor(words, { env: environment() })).exitCode).not.toBe(70);
		expect(writes()).toHaveLength(patches);
		expect(readdirSync(place())).not.toContain("lock");
		const [id = ""] = readdirSync(place());
		const undone = await fix("--undo", id, "--yes");
		expect([undone.exitCode, undone.stdout]).toEqual([4, expect.stringContaining("Cannot be taken back")]);
	});

	test("a reader that has seen enough, such as head, breaks nothing off", async () => {
		const pipe = 'node "$@" | head -c 1 >/dev/null; echo "${PIPESTATUS[0]}"';
		const words = ["fix", owned, "--yes", "--allow", "destroys", "--machine", machine];
		const { stdout } = await promisify(execFile)("bash", ["-c", pipe, "bash", bundle, ...words], {
			env: environment(),
		});
		expect(stdout).toBe("0\n");
		expect(isThere()).toBe(false);
		const [id = ""] = readdirSync(place());
		expect(readFileSync(join(place(), id, "journal.jsonl"), "utf8")).toMatch(/"event":"ended".*"result":"confirmed"/);
		expect(readdirSync(place())).not.toContain("lock");
	});

	test("a wrong word is one line", async () => {
		for (const words of [["machine-deletio"], ["machine-deletion/owner-gon"], ["--undo", "../.."], []]) {
			const { exitCode, stderr } = await fix(...words, "--yes");
			expect([words, exitCode, stderr.trim().split("\n").length]).toEqual([words, 2, 1]);
		}
	});
});

describe("on a terminal", () => {
	/** Answers each time that the screen shows something new; resolves with the exit code and all that was shown. */
	function type(
		answers: readonly (readonly [RegExp, string])[],
		...words: string[]
	): Promise<{ exitCode: number; shown: string }> {
		return typeWith(answers, () => undefined, ...words);
	}

	/** `begun` is given the terminal as soon as there is one. */
	function typeWith(
		answers: readonly (readonly [RegExp, string])[],
		begun: (terminal: IPty) => void,
		...words: string[]
	): Promise<{ exitCode: number; shown: string }> {
		const terminal = spawn(bundle, ["fix", "--offline", ...words], {
			env: environment(),
			cols: 100,
			rows: 40,
			cwd: state,
		});
		begun(terminal);
		const left = [...answers];
		let shown = "";
		let fresh = "";
		terminal.onData((text) => {
			shown += text;
			fresh += text;
			const [next] = left;
			if (next?.[0].test(fresh) === true) {
				left.shift();
				fresh = "";
				terminal.write(next[1]);
			}
		});
		return new Promise((resolve) => {
			terminal.onExit(({ exitCode }) => {
				resolve({ exitCode, shown });
			});
		});
	}

	const down = "\u001B[B";
	const destroys = /This destroys something\. Run it\?[^]*stop/;

	test("shows more, runs after the name was typed, and confirms", async () => {
		const { exitCode, shown } = await type(
			[
				[destroys, `${down}\r`],
				// The first question is drawn once more with its answer.
				[/\(expected: a Machine that exists\)[^]*stop/, `${down}${down}${down}\r`],
				[/Type default\/prod-workers-0 to go on/, `${machine}\r`],
				[destroys, "\r"],
			],
			owned,
		);
		expect(shown).toContain("confirmed");
		expect(exitCode).toBe(0);
		expect(isThere()).toBe(false);
	});

	test("another name, or Ctrl-C: nothing is destroyed, and the journal is whole", async () => {
		const wrong = await type(
			[
				[destroys, `${down}${down}${down}\r`],
				[/Type default/, "prod\r"],
				[destroys, "\u0003"],
			],
			owned,
		);
		expect(wrong.exitCode).toBe(4);
		const stopped = await type([[destroys, "\u0003"]], owned);
		expect(stopped.exitCode).toBe(4);
		expect(stopped.shown).toContain("\u001B[?25h");
		expect(writes()).toEqual([]);
		for (const id of readdirSync(place())) {
			const lines = readFileSync(join(place(), id, "journal.jsonl"), "utf8")
				.trimEnd()
				.split("\n");
			expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["began", "ended"]);
			expect(statSync(join(place(), id)).mode & 0o777).toBe(0o700);
		}
	});

	test("Ctrl-C while kubectl waits for an answer: ended at once, the journal tells it, and the next fix does it", async () => {
		cluster.fail({ kind: "hang", method: "PATCH" });
		const { exitCode, shown } = await typeWith(
			[
				[destroys, `${down}${down}${down}\r`],
				[/Type default/, `${machine}\r`],
			],
			(terminal) => {
				void vi
					.waitUntil(() => writes().length > 0, { timeout: 20_000 })
					.then(() => {
						terminal.write("\u0003");
					});
			},
			owned,
		);
		expect([exitCode, shown]).toEqual([130, expect.stringContaining("goes on here")]);
		const [id = ""] = readdirSync(place());
		const journal = readFileSync(join(place(), id, "journal.jsonl"), "utf8");
		expect([...journal.matchAll(/"event":"(\w+)"/g)].map(([, event]) => event)).toEqual(["began", "started"]);
		expect(readdirSync(place())).not.toContain("lock");
		await cluster.mend();
		const words = ["fix", owned, "--yes", "--allow", "destroys", "--machine", machine];
		const again = await doctor(words, { env: environment(), cwd: state });
		expect([again.exitCode, again.stdout]).toEqual([0, expect.stringContaining(`Goes on with fix ${id}`)]);
		expect(isThere()).toBe(false);
	});
});
