import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { releases } from "../../src/knowledge/privileges.ts";
import { type DoctorResult, doctor } from "../support/doctor.ts";
import { examineWith, worldWith } from "../support/in-process.ts";
import { type Proxmox, type ProxmoxOptions, startProxmox } from "../support/proxmox/proxmox.ts";
import { type Acl, goodToken } from "../support/proxmox/state.ts";
import { applyCommand, shellWords } from "../support/pveum.ts";

const generations = { 7: "7.4.19", 8: "8.4.17", 9: "9.2.11" } as const;
const { id, secret } = goodToken;
const usual = { PROXMOX_SOURCENODE: "pve1", TEMPLATE_VMID: "9000", ALLOWED_NODES: "[pve1,pve2]", BRIDGE: "vmbr0" };

const open: Proxmox[] = [];
let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "role-"));
});
afterEach(async () => {
	await Promise.all(open.splice(0).map((proxmox) => proxmox.close()));
});
afterAll(() => {
	rmSync(folder, { recursive: true });
});

async function start(options: ProxmoxOptions): Promise<Proxmox> {
	const proxmox = await startProxmox({ delay: 0, roles: {}, ...options, acls: [...(options.acls ?? [])] });
	open.push(proxmox);
	return proxmox;
}

type Variables = Readonly<Record<string, string>>;
const login = (proxmox: Proxmox, token: string = id): Variables => ({
	PROXMOX_URL: proxmox.url,
	PROXMOX_TOKEN: token,
	PROXMOX_SECRET: secret,
});

const role = (env: Variables, ...words: string[]): Promise<DoctorResult> =>
	doctor(["env", "--role", ...words], { env });

function applyLines(proxmox: Proxmox, release: number, { stdout }: DoctorResult): void {
	for (const line of stdout.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
		applyCommand(proxmox, release, shellWords(line));
	}
}

const verdictOf = async (variables: Variables, manifestText?: string) => {
	const { judgement } = await examineWith(worldWith({ variables, manifestText }), "permissions");
	return judgement.verdict;
};

const manifest = `
apiVersion: infrastructure.cluster.x-k8s.io/v1alpha2
kind: ProxmoxCluster
metadata: { name: demo }
spec: { allowedNodes: [pve1, pve2] }
---
apiVersion: infrastructure.cluster.x-k8s.io/v1alpha2
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec:
  template:
    spec:
      sourceNode: pve1
      templateID: 9000
      pool: capi
      network: { networkDevices: [{ name: net0, bridge: vmbr0, vlan: 1234 }] }
`;

describe.each(releases)("Proxmox VE %s: applied, the lines are enough", (release) => {
	const generation = generations[release];
	test.each([
		["from nothing", [], true],
		["from nothing, not separated", [], false],
		["on top of the quick start", [{ path: "/", user: "capmox@pve", role: "PVEVMAdmin" }], false],
		[
			"against deeper ACLs",
			[
				{ path: "/nodes/pve2", user: "capmox@pve", role: "PVETemplateUser" },
				{ path: "/storage/nfs", user: "capmox@pve", role: "PVETemplateUser" },
				{ path: "/vms/9000", user: "capmox@pve", role: "PVEPoolUser" },
			],
			true,
		],
	] as [string, Acl[], boolean][])("%s", async (_, acls, privsep) => {
		const proxmox = await start({ generation, acls, tokens: { [id]: { secret, privsep } } });
		const variables = { ...login(proxmox), ...usual };
		for (const round of [1, 2]) {
			// What the token did not see at first, such as the template's disks, comes to light in the second round.
			const printed = await role(variables);
			expect([round, printed.stderr]).toEqual([round, ""]);
			proxmox.state.roles = {};
			applyLines(proxmox, release, printed);
			expect([0, 3]).toContain(printed.exitCode);
		}

		expect(await verdictOf(variables)).toMatchObject({ kind: "pass" });
	});

	test("for a manifest with a pool and a VLAN", async () => {
		const proxmox = await start({ generation, acls: [{ path: "/", user: "capmox@pve", role: "PVEVMAdmin" }] });
		const file = join(folder, `cluster-${release}.yaml`);
		writeFileSync(file, manifest);
		const printed = await role(login(proxmox), "--manifest", file);
		expect([printed.exitCode, printed.stderr]).toEqual([0, ""]);
		expect(printed.stdout).toContain("/pool/capi");
		expect(printed.stdout.includes("/sdn/zones/localnetwork/vmbr0/1234")).toBe(release >= 8);
		applyLines(proxmox, release, printed);
		expect(await verdictOf(login(proxmox), manifest)).toMatchObject({ kind: "pass" });
	});

	test("in place of root's token: another user, and a token that is separated", async () => {
		const root = "root@pam!capi";
		const proxmox = await start({
			generation,
			users: { "root@pam": {} },
			tokens: { [root]: { secret, privsep: false } },
		});
		const printed = await role({ ...login(proxmox, root), ...usual });
		expect(printed.stdout).not.toContain("root@pam");
		applyLines(proxmox, release, printed);
		expect(proxmox.state.tokens[id]?.privsep).toBe(true);
		expect(await verdictOf({ ...login(proxmox), ...usual })).toMatchObject({ kind: "pass" });
	});
});

test.each([
	["before an upgrade from 7", generations[7], 9],
	["before an upgrade from 8", generations[8], 9],
	["for an older one", generations[9], 8],
] as const)("--proxmox-version %s: the lines are enough there", async (_, generation, asked) => {
	const administrator = [{ path: "/", user: "capmox@pve", role: "PVEAdmin" }];
	const now = await start({ generation, acls: administrator });
	const printed = await role({ ...login(now), ...usual }, "--proxmox-version", String(asked));
	expect([printed.exitCode, printed.stderr]).toEqual([0, ""]);
	const later = await start({ generation: generations[asked], tokens: { [id]: { secret, privsep: true } } });
	applyLines(later, asked, printed);
	expect(await verdictOf({ ...login(later), ...usual })).toMatchObject({ kind: "pass" });
});

test("each thing is said once, and a node that does not exist is said and gets nothing", async () => {
	const proxmox = await start({ acls: [{ path: "/", user: "capmox@pve", role: "PVEAdmin" }] });
	const { stdout, exitCode } = await role({ ...login(proxmox), ...usual, ALLOWED_NODES: "[pve1,nope]" });
	const lines = stdout.split("\n").filter((line) => line !== "");
	expect(lines).toEqual([...new Set(lines)]);
	expect(stdout).toContain("# There is no node nope");
	expect(stdout).not.toContain("/nodes/nope");
	expect(exitCode).toBe(3);
});

describe("where Proxmox VE cannot be asked", () => {
	const nowhere = { PROXMOX_URL: "https://127.0.0.1:1", PROXMOX_TOKEN: id, PROXMOX_SECRET: secret, ...usual };

	test("the release must be said", async () => {
		const { exitCode, stderr, stdout } = await role(nowhere);
		expect([exitCode, stdout]).toEqual([2, ""]);
		expect(stderr).toContain("--proxmox-version");
		expect((await role(nowhere, "--proxmox-version", "6")).exitCode).toBe(2);
		expect((await doctor(["env"])).exitCode).toBe(2);
	});

	test.each(releases)(
		"%s: the names alone, with the roots for what is not known, are enough all the same",
		async (release) => {
			const printed = await role(nowhere, "--proxmox-version", String(release));
			expect(printed.exitCode).toBe(3);
			expect(printed.stdout).toContain("# Not known");
			const proxmox = await start({ generation: generations[release], tokens: { [id]: { secret, privsep: true } } });
			applyLines(proxmox, release, printed);
			expect(await verdictOf({ ...login(proxmox), ...usual })).toMatchObject({ kind: "pass" });
		},
	);

	test("nothing is set at all", async () => {
		const printed = await role({}, "--proxmox-version", "9");
		expect(printed.exitCode).toBe(3);
		expect(printed.stdout).toContain("pveum user token add capmox@pve capi --privsep 1");
		expect(printed.stdout).toContain("/sdn/zones");
	});
});

describe("--manifest", () => {
	test("is read from the standard input, too", async () => {
		const proxmox = await start({ acls: [{ path: "/", user: "capmox@pve", role: "PVEVMAdmin" }] });
		const { stdout, exitCode } = await doctor(["check", "permissions", "--manifest", "-", "--format", "json"], {
			env: login(proxmox),
			input: manifest,
		});
		expect(exitCode).toBe(1);
		expect(stdout).toContain("bridge vmbr0 with VLAN 1234");
		expect(stdout).not.toContain(secret);
	});

	test.each([
		["is not there", undefined, "there is no file"],
		["is no YAML", "kind: [", "is not valid YAML"],
		["describes no machine", "kind: Cluster", "holds no ProxmoxMachineTemplate"],
		["is not rendered", `${manifest}\n      storage: \${STORAGE}\n`, `\${STORAGE}`],
		["has another form", "kind: ProxmoxMachineTemplate\nmetadata: { name: a }\nspec: {}", "ProxmoxMachineTemplate a"],
	])("that %s is the user's mistake", async (_, text, says) => {
		const file = join(folder, "given.yaml");
		rmSync(file, { force: true });
		if (text !== undefined) {
			writeFileSync(file, text);
		}

		const { exitCode, stdout, stderr } = await doctor(["check", "permissions", "--manifest", file]);
		expect([exitCode, stdout]).toEqual([2, ""]);
		expect(stderr).toContain(says);
	});
});

test("the command that a finding prints leads to what was judged: the manifest and the flavor", async () => {
	const proxmox = await start({});
	const file = join(folder, "a cluster.yaml");
	const spec = "sourceNode: pve2, templateID: 9000, network: { default: { bridge: vmbr0, vlan: 77 } }";
	writeFileSync(
		file,
		`kind: ProxmoxMachineTemplate\nmetadata: { name: a }\nspec: { template: { spec: { ${spec} } } }\n`,
	);
	const env = login(proxmox);
	const { stdout } = await doctor(["check", "permissions", "--manifest", file, "--flavor", "calico"], { env });
	const [, line = ""] = /^ *(capmox-doctor env --role.*)$/m.exec(stdout) ?? [];
	expect(shellWords(line).slice(3)).toEqual(["--flavor", "calico", "--manifest", file]);
	const printed = await doctor(shellWords(line).slice(1), { env });
	expect(printed.stdout).toContain("/sdn/zones/localnetwork/vmbr0/77");
});
