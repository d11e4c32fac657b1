import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { contextsAsWritten, readContexts } from "../../src/access/contexts.ts";
import { parseContexts } from "../../src/commands/contexts.ts";
import { answer } from "../../src/shell/answer.ts";
import { known } from "../../src/shell/program.ts";
import { bundle, doctor } from "../support/doctor.ts";

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- cluster:
    server: https://127.0.0.1:1
  name: not-a-context
contexts:
- context:
    cluster: not-a-context
    user: nobody
  name: kind-capi
- context:
    cluster: not-a-context
    namespace: default
    user: nobody
  name: arn:aws:eks:west
current-context: kind-capi
preferences: {}
users: []
`;

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "completion-"));
	writeFileSync(join(folder, "kubeconfig"), kubeconfig);
	writeFileSync(join(folder, "cluster.yaml"), "");
	mkdirSync(join(folder, "copies"));
	mkdirSync(join(folder, "bin"));
	symlinkSync(bundle, join(folder, "bin/capmox-doctor"));
	symlinkSync(process.execPath, join(folder, "bin/node"));
});
afterAll(() => {
	rmSync(folder, { recursive: true });
});

async function ask(...words: string[]) {
	const lines = (await answer(words, (file) => Promise.resolve([`of-${file ?? "kubectl"}`]))).trimEnd().split("\n");
	return { choices: lines.slice(0, -1).map((line) => line.split("\t")[0]!), directive: lines.at(-1) };
}

describe("the answer", () => {
	test.each<[string, string[], string]>([
		["exp", ["explain"], ":4"],
		["--verb", ["--verbose"], ":4"],
		["-v che", ["check"], ":4"],
		["--env-file check che", ["check"], ":4"],
		["-e check che", ["check"], ":4"],
		["--timeout 3s --format=json che", ["check"], ":4"],
		["check tok", ["token"], ":4"],
		["check envfile tok", ["token"], ":4"],
		["check envfile,tok", ["envfile,token"], ":4"],
		["check -- tok", ["token"], ":4"],
		["check -- --verb", [], ":4"],
		["check prox", ["proxmox"], ":4"],
		["run --only envfile tok", ["token"], ":4"],
		["run --only envfile --ski", ["--skip"], ":4"],
		["run --format js", ["json"], ":4"],
		["run --format=js", ["json"], ":4"],
		["run --no-such=js", [], ":4"],
		["run --report js", ["json"], ":4"],
		["run --report json=", [], ":0"],
		["run --report=json=doc", [], ":0"],
		["run --manifest ", [], ":0"],
		["run --manifest --verb", [], ":0"],
		["run --root ", [], ":16"],
		["run --timeout ", [], ":4"],
		["run --flavor cilium-", ["cilium-load-balancer"], ":4"],
		["run tok", [], ":4"],
		["snapshot --for-test --anon", ["--anonymize"], ":4"],
		["explain token/wrong-s", ["token/wrong-secret"], ":0"],
		["explain capmox.lo", [], ":0"],
		["diff ", [], ":0"],
		["schema di", ["diff"], ":4"],
		["schema diff di", [], ":4"],
		["completion f", ["fish"], ":4"],
		["no-such-command t", [], ":4"],
		["--context ", ["of-kubectl"], ":4"],
		["--kubeconfig a --context ", ["of-a"], ":4"],
		["--kubeconfig=a run --context ", ["of-a"], ":4"],
		["--kubeconfig a run --workload-kubeconfig b --workload-context ", ["of-b"], ":4"],
		["--kubeconfig a run --workload-context ", ["of-a"], ":4"],
	])("%s⇥", async (line, choices, directive) => {
		expect(await ask(...line.split(" "))).toEqual({ choices, directive });
	});

	test("nothing typed: every command, every check, and the options where nothing else may follow", async () => {
		const commands = known.program.commands.map(({ name }) => name);
		expect((await ask("")).choices).toEqual(commands);
		expect(commands).toEqual(expect.arrayContaining(["run", "check", "explain", "completion"]));
		expect((await ask("check", "")).choices).toEqual(expect.arrayContaining(checks.map(({ id }) => id)));
		expect((await ask("run", "")).choices).toEqual(expect.arrayContaining(["--only", "--env-file", "--help"]));
		expect((await ask()).choices).toEqual(commands);
	});

	test("every code is offered, once its check is begun", async () => {
		for (const { id, findings } of checks) {
			const codes = Object.keys(findings).map((code) => `${id}/${code}`);
			expect((await ask("explain", `${id}/`)).choices).toEqual(codes);
		}
	});

	// Whoever adds an option decides here what a shell offers for its value, by the word for it.
	const free = ["cluster", "duration", "id", "namespace", "object", "version", "what"];
	test("for every value of every option it is known what to offer, or that nobody can know", () => {
		const offered = [...free, "file", "before", "after", "folder", "context", ...Object.keys(known.words)];
		const places = [known.program, ...known.program.commands].flatMap(({ name, options, arguments: values }) => [
			...options.flatMap(({ flags, value }) =>
				value === undefined ? [] : [{ of: `${name} ${flags.join()}`, ...value }],
			),
			...values.map((value) => ({ of: name, ...value })),
		]);
		expect(
			places.filter(({ placeholder, choices }) => choices === undefined && !offered.includes(placeholder)),
		).toEqual([]);
	});
});

describe("the contexts of a kubeconfig", () => {
	const parse = (text: string) => Promise.resolve(parseContexts(text));

	test("as kubectl writes it, without a YAML parser", () => {
		expect(contextsAsWritten(kubeconfig)).toEqual(["kind-capi", "arn:aws:eks:west"]);
	});

	test.each([
		["indented lists", "contexts:\n  - name: a\n    context: {cluster: c}\n  - name: b\n    context: {}\n"],
		["JSON", JSON.stringify({ contexts: [{ name: "a" }, { name: "b" }] })],
		["quotes", 'contexts:\n- context:\n    cluster: c\n  name: "a"\n- name: b\n'],
		["flow", "contexts: [{name: a}, {name: b}]"],
		["carriage returns", "contexts:\r\n- context:\r\n    cluster: c\r\n  name: a\r\n- name: b\r\n"],
	])("written otherwise: %s", async (_, text) => {
		writeFileSync(join(folder, "other"), text);
		expect(contextsAsWritten(text)).toBeUndefined();
		expect(await readContexts(join(folder, "other"), parse)).toEqual(["a", "b"]);
	});

	test.each([
		["no file", undefined],
		["no kubeconfig", "- a\n- b\n"],
		["no YAML", "contexts: [\n"],
		["none", "apiVersion: v1\ncontexts: []\n"],
		["null", "contexts: null\n"],
	])("%s: none, and no complaint", async (_, text) => {
		const file = join(folder, "broken");
		rmSync(file, { force: true });
		if (text !== undefined) {
			writeFileSync(file, text);
		}

		expect(await readContexts(file, parse)).toEqual([]);
	});

	test("a named pipe does not keep the line waiting", async () => {
		const pipe = join(folder, "pipe");
		spawnSync("mkfifo", [pipe]);
		expect(await readContexts(pipe, parse)).toEqual([]);
	});

	test("the bundle reads what KUBECONFIG names, and merges", async () => {
		writeFileSync(join(folder, "more"), "contexts: [{name: kind-capi}, {name: more}]");
		const { stdout, stderr } = await doctor(["__complete", "--context", ""], {
			env: { KUBECONFIG: `${join(folder, "kubeconfig")}:${join(folder, "more")}:${join(folder, "gone")}` },
		});
		expect(stderr).toBe("");
		expect(stdout).toBe("kind-capi\narn:aws:eks:west\nmore\n:4\n");
	});
});

/** The real shell on a pseudo-terminal, as util-linux' script gives it one. */
async function type(shell: string, options: string, setUp: string, lines: readonly string[]) {
	const child = spawn("script", ["-qfec", `${shell} ${options}`, "/dev/null"], {
		cwd: folder,
		env: {
			PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
			HOME: folder,
			KUBECONFIG: `${join(folder, "kubeconfig")}:${join(folder, "hostile")}`,
			TERM: "dumb",
		},
		stdio: ["pipe", "pipe", "inherit"],
	});
	let seen = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		seen += text;
	});
	const until = async (what: RegExp) => {
		const started = performance.now();
		for (;;) {
			const match = what.exec(seen);
			if (match !== null) {
				seen = seen.slice(match.index + match[0].length);
				return match[1] ?? "";
			}

			if (performance.now() - started > 15_000) {
				throw new Error(`${shell} never showed ${what.source}: ${seen}`);
			}

			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	};
	try {
		child.stdin.write(`${setUp}; printf '%s-' is ready\r`);
		await until(/is-ready-/);
		const words: string[] = [];
		for (const line of lines) {
			// The completed line becomes the arguments of printf, so that what is compared is what would have run.
			child.stdin.write(`${line}\t\u0001printf '<%s>' \u0005 end\r`);
			words.push(
				(await until(/<capmox-doctor>((?:<[^>]*>)*?)<end>/)).slice(1, -1).replaceAll("><", " ").replace(/\/$/, ""),
			);
		}

		// A line that is only completed must not run.
		child.stdin.write("capmox-doctor check $(touch ran) tok\t\u0015printf '%s-' was not\r");
		await until(/was-not-/);
		return words;
	} finally {
		child.kill("SIGKILL");
	}
}

const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

describe.each([
	["bash", "--noprofile --norc -i", 'eval "$(capmox-doctor completion bash)"'],
	["zsh", "-f -i", 'bindkey -e; autoload -Uz compinit; compinit -u -D; eval "$(capmox-doctor completion zsh)"'],
	["fish", "--no-config -i", "capmox-doctor completion fish | source"],
])("%s", (shell, options, setUp) => {
	test.skipIf(!has(shell) || !has("script"))("completes what is typed", { timeout: 60_000 }, async () => {
		const typed = {
			"capmox-doctor expl": "explain",
			"capmox-doctor check tok": "check token",
			"capmox-doctor check envfile,tok": "check envfile,token",
			"capmox-doctor run --only tok": "run --only token",
			"capmox-doctor check prox": "check proxmox",
			"capmox-doctor run --verb": "run --verbose",
			"capmox-doctor run --format js": "run --format json",
			"capmox-doctor run --format=js": "run --format=json",
			"capmox-doctor explain token/wrong-s": "explain token/wrong-secret",
			"capmox-doctor --context ki": "--context kind-capi",
			"capmox-doctor --context=ki": "--context=kind-capi",
			"capmox-doctor --context arn:aws:e": "--context arn:aws:eks:west",
			"capmox-doctor --context od": "--context odd $(touch ran) '`touch ran`",
			"capmox-doctor run --manifest clu": "run --manifest cluster.yaml",
			"capmox-doctor run --manifest=clu": "run --manifest=cluster.yaml",
			"capmox-doctor run --report json=clu": "run --report json=cluster.yaml",
			"capmox-doctor run --root c": "run --root copies",
		};
		const hostile = { name: "odd $(touch ran) '`touch ran`" };
		writeFileSync(join(folder, "hostile"), JSON.stringify({ contexts: [hostile] }));
		expect(await type(shell, options, setUp, Object.keys(typed))).toEqual(Object.values(typed));
		expect(existsSync(join(folder, "ran"))).toBe(false);
	});
});

test("another shell is refused by one line", async () => {
	expect(await doctor(["completion", "tcsh"])).toMatchObject({
		exitCode: 2,
		stdout: "",
		stderr: expect.stringMatching(/^capmox-doctor: .*tcsh.*bash, zsh, fish.*\n$/) as string,
	});
});

test("a shell that does not wait gets no complaint", () => {
	const { stderr } = spawnSync("sh", ["-c", `"${bundle}" __complete explain t 2>&1 >&- | cat >&2`], {
		encoding: "utf8",
		env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}` },
	});
	expect(stderr).toBe("");
});
