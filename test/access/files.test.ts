import { execFileSync, spawn } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFiles } from "../../src/access/files.ts";
import { ProbeError } from "../../src/errors.ts";
import { bundle, doctor } from "../support/doctor.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "files-"));
});
afterEach(() => {
	rmSync(folder, { recursive: true });
});

const files = createFiles();

function makePipe(): string {
	const path = join(folder, "pipe");
	execFileSync("mkfifo", [path]);
	return path;
}

describe("reads to the end", () => {
	test.each([0, 1, 65_536, 65_537, 1_000_000])("a file of %i bytes", async (size) => {
		writeFileSync(join(folder, "file"), "é".repeat(size / 2).padEnd(size % 2, "x"));
		expect(await files.readText(join(folder, "file"))).toHaveLength(Math.max(Math.floor(size / 2), size % 2));
	});

	test("no further than it may", async () => {
		writeFileSync(join(folder, "file"), "x".repeat(101));
		expect(await files.readText(join(folder, "file"), { maxBytes: 101 })).toHaveLength(101);
		await expect(files.readText(join(folder, "file"), { maxBytes: 100 })).rejects.toThrow("is larger than 100 bytes");
	});

	test.runIf(process.platform === "linux")("files without a size", async () => {
		expect(await files.readText("/proc/self/comm")).toMatch(/./);
		expect(await files.readText("/proc/sys/kernel/ostype")).toBe("Linux\n");
		expect(await files.readText("/sys/kernel/mm/transparent_hugepage/enabled").catch(() => "always")).toMatch(/always/);
		expect(await files.readText("/dev/null")).toBe("");
	});
});

test("a directory is told apart from nothing", async () => {
	expect(await files.readText(join(folder, "nothing"))).toBeUndefined();
	await expect(files.readText(folder)).rejects.toThrow(new ProbeError("unreadable", `${folder} is a directory`));
});

test("the first entry is the file system's own, and none where there is none", async () => {
	expect(await files.firstEntry(folder)).toBeUndefined();
	expect(await files.firstEntry(join(folder, "nothing"))).toBeUndefined();
	for (const name of ["b", "a", "c"]) {
		mkdirSync(join(folder, name));
	}

	const [first] = execFileSync("ls", ["-U", folder], { encoding: "utf8" }).split("\n");
	expect(await files.firstEntry(folder)).toBe(first);
});

describe("named pipes", () => {
	test("one that is written late and in parts is read whole", async () => {
		const path = makePipe();
		const reading = files.readText(path);
		await sleep(200);
		const writer = createWriteStream(path);
		writer.write("export A=");
		await sleep(300);
		writer.end("1\n");
		expect(await reading).toBe("export A=1\n");
	});

	test("one that nobody writes to does not keep the program from its end", async () => {
		const path = makePipe();
		const { exitCode, stdout, milliseconds } = await doctor(["check", "token", "--env-file", path], {
			onStart: (child) => setTimeout(() => child.kill("SIGKILL"), 5_000).unref(),
		});
		expect(exitCode).toBe(3);
		expect(stdout.replaceAll(/\s+/g, " ")).toContain("is a named pipe that nobody writes to");
		expect(milliseconds).toBeLessThan(4_000);
	});

	test("nor one whose writer says nothing", async () => {
		const path = makePipe();
		const writer = spawn("sh", ["-c", 'exec sleep 20 <> "$0"', path], { stdio: "ignore" });
		try {
			const { exitCode, milliseconds } = await doctor(["check", "token", "--env-file", path], {
				onStart: (child) => setTimeout(() => child.kill("SIGKILL"), 5_000).unref(),
			});
			expect(exitCode).toBe(3);
			expect(milliseconds).toBeLessThan(4_000);
		} finally {
			writer.kill();
		}
	});
});

describe("process substitution", () => {
	const look = (substitution: string): string => {
		mkdirSync(join(folder, "empty"));
		return execFileSync("bash", ["-c", `"$0" check token --format json -e <(${substitution}) || true`, bundle], {
			cwd: join(folder, "empty"),
			env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, HOME: join(folder, "empty") },
			encoding: "utf8",
			timeout: 10_000,
		});
	};

	test("however slow the writer", () => {
		expect(
			look(
				"sleep 0.5; printf 'export PROXMOX_URL=https://127.0.0.1:1\\n'; sleep 0.5; printf 'export PROXMOX_TOKEN=capmox\\n'",
			),
		).toMatch(/token\/no-token-id|token\/partly-set/);
	});

	test("of nothing is an empty file", () => {
		expect(look("true")).not.toContain("could not be read");
	});
});

describe("links in a copied tree lead where they led on its host, and never out of it", () => {
	const secret = "this host's own";
	let tree: string;
	beforeEach(() => {
		tree = join(folder, "tree");
		mkdirSync(join(tree, "run", "deep"), { recursive: true });
		mkdirSync(join(tree, "etc"));
		writeFileSync(join(folder, "outside"), secret);
		writeFileSync(join(tree, "run", "file"), "copied");
	});
	const link = (target: string, path: string) => {
		symlinkSync(target, join(tree, path));
	};
	const readText = (path: string) => createFiles(tree).readText(path);

	test.each([
		["absolute", "/run/file"],
		["relative", "../run/file"],
		["up beyond the root, which is the root", "../../../../../run/file"],
		["through a folder that is a link", "/folder/../file"],
	])("%s", async (_, target) => {
		link("/run/deep", "folder");
		link(target, "etc/link");
		expect(await readText("/etc/link")).toBe("copied");
	});

	test("one that leads out finds nothing, whatever lies there on this host", async () => {
		link(join(folder, "outside"), "etc/absolute");
		link("../../outside", "etc/relative");
		link(folder, "etc/folder");
		link("/proc/self", "etc/self");
		const files = createFiles(tree);
		for (const path of ["/etc/absolute", "/etc/relative", "/etc/folder/outside", "/etc/self/mountinfo"]) {
			expect(await files.readText(path)).toBeUndefined();
			expect(await files.stat(path)).toBeUndefined();
		}

		expect(await files.list("/etc/folder")).toBeUndefined();
		expect(await files.statfs("/etc/folder")).toBeUndefined();
		expect(await files.readLink("/etc/absolute")).toBe(join(folder, "outside"));
	});

	test("one that leads round in a circle says so", async () => {
		link("/etc/b", "etc/a");
		link("a", "etc/b");
		await expect(readText("/etc/a")).rejects.toThrow("/etc/a is a symbolic link that leads round in a circle");
	});
});
