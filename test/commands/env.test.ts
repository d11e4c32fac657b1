import { execFileSync, spawnSync } from "node:child_process";
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeSecretFile } from "../../src/access/secret-file.ts";
import { convert, renderEnvfile as render } from "../../src/env/convert.ts";
import { UsageError } from "../../src/errors.ts";
import { environmentFrom, renderEnvfile, variablesOf } from "../support/variables.ts";

const main = fileURLToPath(new URL("../../dist/main.cjs", import.meta.url));
const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const session = "hunter2-is-a-secret!";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "env-"));
});
afterEach(() => {
	rmSync(folder, { recursive: true });
});

const path = (name: string) => join(folder, name);

function doctor(...words: string[]) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [main, "env", ...words], {
		cwd: folder,
		encoding: "utf8",
		env: { PATH: process.env["PATH"], HOME: folder },
	});
	return { status, stdout, stderr };
}

/** What a program that the shell starts gets, after the shell has read the file. */
function sourced(file: string, shell = "sh"): Record<string, string> {
	const script = 'set -e; . "$1"; exec "$2" -e "process.stdout.write(JSON.stringify(process.env))"';
	const text = execFileSync(shell, ["-c", script, shell, file, process.execPath], {
		encoding: "utf8",
		env: {},
		stdio: ["ignore", "pipe", "inherit"],
	});
	const variables = Object.entries(JSON.parse(text) as Record<string, string>);
	return Object.fromEntries(variables.filter(([name]) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name)));
}

test("the standard output is no file for a secret", () => {
	writeFileSync(path("envfile"), renderEnvfile(variablesOf()));
	const { status, stdout, stderr } = doctor("--for", "capmox", "--output", "-");
	expect([status, stdout, readdirSync(folder)]).toEqual([2, "", ["envfile"]]);
	expect(stderr).toBe("capmox-doctor: --output -: the secret is written into a file only, so name one\n");
});

describe("what is no secret by its name", () => {
	const known = "export PROXMOX_URL='https://pve.example.com:8006'\n";

	test.each([
		["a secret behind the token ID", `${known}export PROXMOX_USERNAME='ib@pve!capi=${secret}'\n`, "image-builder"],
		[
			"a private key",
			`${known}export PROXMOX_TOKEN='capmox@pve!capi'\nexport VM_SSH_KEYS='-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}'\n`,
			"capmox",
		],
		[
			"a line behind a forgotten quote",
			`${known}export PROXMOX_TOKEN='capmox@pve!capi'\nexport BRIDGE="vmbr0\nexport PROXMOX_SECRET='${secret}'\nexport GATEWAY="10.0.0.1\n`,
			"capmox",
		],
	])("%s is masked all the same", (_, text, program) => {
		writeFileSync(path("envfile"), text);
		const { stdout, stderr } = doctor("--for", program);
		expect(stdout).toContain("[secret]");
		expect(stdout + stderr).not.toContain(secret);
	});
});

describe("the other program's file", () => {
	test("capmox → image-builder → capmox gives the same way to Proxmox", () => {
		writeFileSync(path("envfile"), renderEnvfile(variablesOf()));
		expect(doctor("--for", "image-builder", "--output", "ib.env").status).toBe(0);
		expect(sourced(path("ib.env"))).toEqual({
			PROXMOX_URL: "https://pve.example.com:8006/api2/json",
			PROXMOX_USERNAME: "capmox@pve!capi",
			PROXMOX_TOKEN: secret,
			PROXMOX_NODE: "pve1",
			PROXMOX_BRIDGE: "vmbr0",
		});
		rmSync(path("envfile"));
		expect(doctor("--env-file", "ib.env", "--for", "capmox", "--output", "capmox.env").status).toBe(0);
		expect(sourced(path("capmox.env"))).toEqual({
			PROXMOX_URL: "https://pve.example.com:8006",
			PROXMOX_TOKEN: "capmox@pve!capi",
			PROXMOX_SECRET: secret,
			PROXMOX_SOURCENODE: "pve1",
			BRIDGE: "vmbr0",
		});
	});

	test("CAPMOX's own file keeps every variable of the cluster", () => {
		const variables = variablesOf("cilium-load-balancer");
		writeFileSync(path("envfile"), renderEnvfile(variables));
		expect(doctor("--for", "capmox", "--output", "again.env").status).toBe(0);
		expect(sourced(path("again.env"), "bash")).toEqual(variables);
	});

	test("exchanged values are put right", async () => {
		const environment = await environmentFrom({
			envfile: `export PROXMOX_URL=https://pve.example.com:8006\nexport PROXMOX_TOKEN=${secret}\nexport PROXMOX_SECRET='capmox@pve!capi'\n`,
		});
		expect(
			convert(environment, "capmox")
				.assigned.slice(0, 3)
				.map(({ value }) => value),
		).toEqual(["https://pve.example.com:8006", "capmox@pve!capi", secret]);
	});

	test("what is not known is said, and is no success", () => {
		writeFileSync(
			path("envfile"),
			"export PROXMOX_URL='https://pve.example.com:8006'\nexport PROXMOX_TOKEN='capmox@pve!capi'\nexport PROXMOX_SECRET=\"$(pass pve)\"\n",
		);
		const { status, stderr } = doctor("--for", "image-builder", "--output", "ib.env");
		expect([status, stderr]).toEqual([3, "Not known here, so fill it in by hand: PROXMOX_TOKEN, PROXMOX_NODE.\n"]);
		expect(sourced(path("ib.env"))).toEqual({
			PROXMOX_URL: "https://pve.example.com:8006/api2/json",
			PROXMOX_USERNAME: "capmox@pve!capi",
		});
		expect(readFileSync(path("ib.env"), "utf8")).toContain("# Not known, fill it in: export PROXMOX_NODE=''");
	});

	test.each([
		["nothing is known", "", "there is nothing to write"],
		["the token is neither", "export PROXMOX_TOKEN=nonsense", "PROXMOX_TOKEN is neither a token ID nor a secret"],
	])("%s: one line, exit 2", (_, text, message) => {
		writeFileSync(path("envfile"), text);
		const { status, stderr } = doctor("--for", "capmox", "--output", "capmox.env");
		expect(status).toBe(2);
		expect(stderr).toMatch(new RegExp(`^capmox-doctor: ${message}[^\n]*\n$`));
		expect(readdirSync(folder)).toEqual(["envfile"]);
	});

	test("env without --for is wrong usage", () => {
		expect(doctor().status).toBe(2);
		expect(doctor("--for", "packer").status).toBe(2);
	});
});

describe("the secret", () => {
	test("is not printed without --output, and the user hears why", () => {
		writeFileSync(
			path("envfile"),
			renderEnvfile(variablesOf("cilium-load-balancer", { METALLB_IPV6_BGP_SECRET: "abc" })),
		);
		const { stdout, stderr, status } = doctor("--for", "capmox");
		expect(status).toBe(0);
		expect(stdout).toContain("export PROXMOX_SECRET='[secret]'");
		expect(stdout).toContain("export METALLB_IPV6_BGP_SECRET='[secret]'");
		expect(stdout).toContain("export PROXMOX_TOKEN='capmox@pve!capi'");
		expect(stderr).toContain("masked");
		expect(stdout + stderr).not.toContain(secret);
		expect(stdout + stderr).not.toContain(session);
	});

	test("is only in the file with --output", () => {
		writeFileSync(path("envfile"), renderEnvfile(variablesOf()));
		const { stdout, stderr } = doctor("--for", "image-builder", "--output", "ib.env", "--format", "json");
		expect(stdout + stderr).not.toContain(secret);
		expect(readFileSync(path("ib.env"), "utf8")).toContain(secret);
	});

	test("a password in the URL is masked, too", () => {
		writeFileSync(
			path("envfile"),
			renderEnvfile(variablesOf("default", { PROXMOX_URL: "https://root:letmein@pve.example.com:8006" })),
		);
		expect(doctor("--for", "capmox").stdout).not.toContain("letmein");
	});
});

describe("writing", () => {
	test("mode 600 whatever the umask, and nothing left beside", async () => {
		const before = process.umask(0);
		try {
			await writeSecretFile(path("a"), "one", { force: false });
		} finally {
			process.umask(before);
		}

		expect(statSync(path("a")).mode & 0o777).toBe(0o600);
		expect(readdirSync(folder)).toEqual(["a"]);
	});

	test("never over another file without force; with force it is replaced, with its mode", async () => {
		writeFileSync(path("a"), "mine", { mode: 0o644 });
		await expect(writeSecretFile(path("a"), "two", { force: false })).rejects.toThrow(
			/a exists already; --force replaces it$/,
		);
		expect(readFileSync(path("a"), "utf8")).toBe("mine");
		await writeSecretFile(path("a"), "two", { force: true });
		expect(readFileSync(path("a"), "utf8")).toBe("two");
		expect(statSync(path("a")).mode & 0o777).toBe(0o600);
		expect(readdirSync(folder)).toEqual(["a"]);
	});

	test("a link is no way to another file", async () => {
		writeFileSync(path("target"), "mine");
		symlinkSync(path("target"), path("link"));
		symlinkSync(path("nowhere"), path("dangling"));
		await expect(writeSecretFile(path("link"), "two", { force: false })).rejects.toThrow(UsageError);
		await expect(writeSecretFile(path("dangling"), "two", { force: false })).rejects.toThrow(UsageError);
		// As root, replacing /dev/stdout would break the machine.
		await expect(writeSecretFile(path("link"), "two", { force: true })).rejects.toThrow(
			/link is no regular file, and --force replaces only such$/,
		);
		expect(readFileSync(path("target"), "utf8")).toBe("mine");
		expect(readdirSync(folder).sort()).toEqual(["dangling", "link", "target"]);
	});

	test("a folder that is not there, or a folder as file, is the user's mistake", async () => {
		mkdirSync(path("folder"));
		await expect(writeSecretFile(path("no/where"), "x", { force: false })).rejects.toThrow("its folder does not exist");
		await expect(writeSecretFile(path("folder"), "x", { force: true })).rejects.toThrow(UsageError);
		expect(readdirSync(folder)).toEqual(["folder"]);
	});
});

test.each(["sh", "bash"])("any value comes out of %s as it went in", (shell) => {
	const text = fc
		.string({ unit: fc.constantFrom(...Array.from("aZ0 '\"\\$`!#*[]{}()&|;<>~\t\n=,:é…")) })
		.filter((value) => value !== "");
	fc.assert(
		fc.property(fc.array(text, { minLength: 20, maxLength: 20 }), (values) => {
			const assigned = values.map((value, index) => ({ name: `VALUE_${index}`, value, isSecret: false }));
			writeFileSync(path("values.env"), render("capmox", { assigned, missing: [] }));
			expect(sourced(path("values.env"), shell)).toEqual(
				Object.fromEntries(assigned.map(({ name, value }) => [name, value])),
			);
		}),
		{ numRuns: 8 },
	);
});
