import { afterEach, describe, expect, test } from "vitest";
import { openWorld } from "../src/access/world.ts";
import type { Judgement } from "../src/diagnose.ts";
import { releases } from "../src/knowledge/privileges.ts";
import { type Examined, examineWith, worldWith } from "./support/in-process.ts";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "./support/kubernetes/server.ts";
import { faults } from "./support/proxmox/faults.ts";
import { type Proxmox, type ProxmoxOptions, startProxmox } from "./support/proxmox/proxmox.ts";
import { type Acl, goodToken, healthyState } from "./support/proxmox/state.ts";
import { applyCommand } from "./support/pveum.ts";

const generations = { 7: "7.4.19", 8: "8.4.17", 9: "9.2.11" } as const;
const user = "capmox@pve";
const token = goodToken.id;
const { secret } = goodToken;

const open: Proxmox[] = [];
afterEach(async () => {
	await Promise.all(open.splice(0).map((proxmox) => proxmox.close()));
});

async function start(options: ProxmoxOptions): Promise<Proxmox> {
	const { roles = {}, acls = healthyState().acls } = options;
	// Tests carry commands out on the state, which is theirs alone.
	const proxmox = await startProxmox({ delay: 0, ...options, roles: { ...roles }, acls: [...acls] });
	open.push(proxmox);
	return proxmox;
}

interface Case {
	readonly variables?: Readonly<Record<string, string>>;
	readonly manifest?: string;
	readonly id?: string;
}

const usual = { PROXMOX_SOURCENODE: "pve1", TEMPLATE_VMID: "9000", ALLOWED_NODES: "[pve1,pve2]", BRIDGE: "vmbr0" };

function examine(proxmox: Proxmox, { variables = usual, manifest, id = token }: Case = {}): Promise<Examined> {
	return examineWith(
		worldWith({
			variables: { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: id, PROXMOX_SECRET: secret, ...variables },
			manifestText: manifest,
		}),
		"permissions",
	);
}

const look = async (options: ProxmoxOptions, given: Case = {}): Promise<Examined> =>
	examine(await start(options), given);

const commandsOf = ({ verdict }: Judgement): (readonly string[])[] =>
	verdict.kind === "problem"
		? verdict.findings.flatMap(({ remedy }) =>
				remedy.flatMap(({ command }) => (command === undefined ? [] : [command])),
			)
		: [];

const grant = (path: string, role: string, propagate = true): Acl => ({ path, user, role, propagate });
const agent = {
	7: ["VM.Monitor"],
	8: ["VM.Monitor"],
	9: ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"],
} as const;
const machine = [
	"VM.Allocate",
	"VM.Audit",
	"VM.PowerMgmt",
	...["CDROM", "CPU", "Disk", "Memory", "Network", "Options"].map((part) => `VM.Config.${part}`),
];

/** What is enough, made by hand from the documents, not by the program. */
const least = (release: 7 | 8 | 9): Required<Pick<ProxmoxOptions, "roles" | "acls">> => ({
	roles: {
		Audit: ["Sys.Audit"],
		Guests: ["VM.Audit"],
		Machine: [...machine, ...agent[release]],
		Template: ["VM.Audit", "VM.Clone"],
		Store: ["Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Allocate", "Datastore.Audit"],
		...(release === 7 ? {} : { Net: ["SDN.Use"] }),
	},
	acls: [
		grant("/", "Audit", false),
		grant("/nodes", "Audit"),
		grant("/vms", "Machine"),
		grant("/vms/9000", "Template"),
		grant("/storage/nfs", "Store"),
		...(release === 7 ? [] : [grant("/sdn/zones/localnetwork/vmbr0", "Net")]),
	],
});

/** The same, less one privilege of a role. */
const without = (release: 7 | 8 | 9, ...privileges: string[]): ProxmoxOptions => {
	const { roles, acls } = least(release);
	return {
		generation: generations[release],
		acls,
		roles: Object.fromEntries(
			Object.entries(roles).map(([name, held]) => [name, held.filter((each) => !privileges.includes(each))]),
		),
	};
};

describe.each(releases)("Proxmox VE %s", (release) => {
	const generation = generations[release];
	const sdn = release === 7 ? [] : ["no-sdn-use"];

	test("least privilege passes, also for a separated token that has it, too", async () => {
		const { roles, acls } = least(release);
		const { judgement } = await look({ generation, roles, acls });
		expect(judgement.verdict).toMatchObject({ kind: "pass" });
		const both = await look({
			generation,
			roles,
			acls: [...acls, ...acls.map(({ path, role, propagate = true }) => ({ path, role, propagate, token }))],
			tokens: { [token]: { secret, privsep: true } },
		});
		expect(both.judgement.verdict.kind).toBe("pass");
	});

	test("the quick start of CAPMOX's guide fails, and says what to add", async () => {
		const proxmox = await start({ generation, acls: [grant("/", "PVEVMAdmin")] });
		const { judgement, codes } = await examine(proxmox);
		expect(codes).toEqual([
			"no-sys-audit",
			"no-datastore-allocate-space",
			...sdn,
			"no-iso-storage",
			"no-cluster-audit",
		]);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, release, command);
		}

		expect((await examine(proxmox)).judgement.verdict).toMatchObject({ kind: "pass" });
	});

	test("the table of CAPMOX's guide is enough, with the role's real name and what the table presumes", async () => {
		const [template, ...others] = healthyState().vms;
		const tagged = {
			net0: "virtio=BC:24:11:2E:C5:4A,bridge=vmbr0,tag=1234",
			scsi0: "shared_block:base-9000-disk-0,size=20G",
		};
		const table: ProxmoxOptions = {
			generation,
			roles: { "Sys.Audit": ["Sys.Audit"], "Datastore.AllocateSpace": ["Datastore.AllocateSpace"] },
			acls: [
				grant("/", "Sys.Audit", false),
				grant("/nodes", "Sys.Audit"),
				grant("/pool/capi", "PVEVMAdmin"),
				grant("/pool/templates", "PVETemplateUser"),
				...(release === 7 ? [] : [grant("/sdn/zones/localnetwork/vmbr0/1234", "PVESDNUser")]),
				grant("/storage/capi_files", "PVEDatastoreAdmin"),
				grant("/storage/shared_block", "Datastore.AllocateSpace"),
			],
			pools: { capi: { vms: [100] }, templates: { vms: [9000] } },
			storages: [
				{ storage: "capi_files", type: "nfs", content: "iso", shared: true },
				{ storage: "shared_block", type: "rbd", content: "images", shared: true },
			],
			vms: [{ ...template!, config: { ...template!.config, ...tagged } }, ...others],
		};
		const pooled = (pool: string, spec = "") => `
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec: { template: { spec: { sourceNode: pve1, templateID: 9000, ${pool} ${spec} network: { networkDevices: [{ bridge: vmbr0, vlan: 1234 }] } } } }
`;
		expect((await look(table, { manifest: pooled("pool: capi,") })).judgement.verdict).toMatchObject({ kind: "pass" });
		const chosen = await look(table, { manifest: pooled("pool: capi,", "allowedNodes: [pve1, pve2],") });
		expect(chosen.codes).toEqual(["guests-unaudited"]);
		expect((await look(table, { manifest: pooled("") })).codes).toEqual(["pool-not-set"]);
		const untagged = { ...table, vms: healthyState().vms };
		expect((await look(untagged, { manifest: pooled("pool: capi,") })).codes).toEqual([
			"no-datastore-allocate-space",
			...sdn,
		]);
	});

	test("a separated token without an ACL", async () => {
		const proxmox = await start({ generation, tokens: { [token]: { secret, privsep: true } } });
		const { judgement, codes } = await examine(proxmox);
		expect(codes).toEqual(["no-privileges"]);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, release, command);
		}

		expect((await examine(proxmox)).judgement.verdict.kind).toBe("pass");
	});

	test("root's token may too much, and so may Administrator's", async () => {
		const id = "root@pam!capi";
		const root = await look({ generation, tokens: { [id]: { secret, privsep: false } } }, { id });
		expect([root.codes, root.judgement.verdict.kind]).toEqual([["over-privileged"], "problem"]);
		expect((await look({ generation, acls: [grant("/", "Administrator")] })).codes).toEqual(["over-privileged"]);
		const separated = await look({ generation, tokens: { [id]: { secret, privsep: true } } }, { id });
		expect(separated.codes).toEqual(["no-privileges"]);
	});

	const rows: readonly (readonly [string, readonly string[]])[] = [
		["Sys.Audit", ["no-sys-audit", "no-cluster-audit"]],
		["VM.Clone", ["no-vm-clone"]],
		["VM.Allocate", ["no-vm-allocate"]],
		...["CDROM", "CPU", "Disk", "Memory", "Network", "Options"].map(
			(part) => [`VM.Config.${part}`, ["no-vm-config"]] as const,
		),
		["VM.PowerMgmt", ["no-vm-powermgmt"]],
		["Datastore.AllocateSpace", ["no-datastore-allocate-space"]],
		["Datastore.AllocateTemplate", ["no-datastore-allocate-template"]],
		["Datastore.Allocate", ["no-datastore-allocate"]],
		...(release === 7 ? [] : [["SDN.Use", sdn] as const]),
	];
	test.each(rows)("all but %s, which is named", async (privilege, expected) => {
		const proxmox = await start(without(release, privilege));
		const { judgement, codes } = await examine(proxmox);
		expect(codes).toEqual(expected);
		const [finding] = judgement.verdict.kind === "problem" ? judgement.verdict.findings : [];
		expect(finding?.summary).toContain(`lacks ${privilege} for `);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, release, command);
		}

		expect((await examine(proxmox)).judgement.verdict).toMatchObject({ kind: "pass" });
	});

	test("no VM.Audit: the template cannot be judged either, and that is said", async () => {
		const { codes, judgement } = await look(without(release, "VM.Audit"));
		expect(codes).toEqual(["no-vm-audit", "guests-unaudited"]);
		expect(judgement.verdict).toMatchObject({ missing: [{ fact: "proxmox.setup", cause: "forbidden" }] });
	});

	test("the agent: nothing, only half, or told not to", async () => {
		const proxmox = await start(without(release, ...agent[release]));
		expect((await examine(proxmox)).codes).toEqual(
			release === 9 ? ["no-guest-agent", "no-agent-exec"] : ["no-guest-agent"],
		);
		const manifest = (checks: string) => `
apiVersion: infrastructure.cluster.x-k8s.io/v1alpha2
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec:
  template:
    spec:
      sourceNode: pve1
      templateID: 9000
      network: { networkDevices: [{ name: net0, bridge: vmbr0 }] }
      checks: ${checks}
`;
		const told = async (checks: string) => (await examine(proxmox, { manifest: manifest(checks) })).codes;
		expect(await told("{ skipQemuGuestAgent: true, skipCloudInitStatus: true }")).toEqual([]);
		expect(await told("{ skipQemuGuestAgent: true }")).toEqual(["no-agent-exec"]);
		expect(await told("{ skipCloudInitStatus: true }")).toEqual(["no-guest-agent"]);
	});

	test("asks little", async () => {
		const proxmox = await start({ generation });
		expect((await examine(proxmox)).judgement.verdict.kind).toBe("pass");
		const own = proxmox.requests.filter(({ path }) => path !== "/access/domains" && path !== "/version");
		expect(own.length).toBeLessThanOrEqual(10 + 2 * proxmox.state.nodes.length);
		expect(own.every(({ method, secure }) => method === "GET" && secure)).toBe(true);
		expect(proxmox.connections).toBeLessThanOrEqual(5);
	});
});

test("Proxmox VE 9 with the role of 8, whose VM.Monitor is gone", async () => {
	const { roles, acls } = least(8);
	const proxmox = await start({ generation: generations[9], roles, acls });
	const { codes, judgement } = await examine(proxmox);
	expect(codes).toEqual(["no-guest-agent", "no-agent-exec"]);
	for (const command of commandsOf(judgement)) {
		applyCommand(proxmox, 9, command);
	}

	expect((await examine(proxmox)).judgement.verdict.kind).toBe("pass");
});

describe("pools", () => {
	const { roles, acls } = least(9);
	const pooled = [
		...acls.filter(({ path }) => path !== "/vms"),
		grant("/pool/capi", "Machine"),
		grant("/vms", "Guests"),
	];
	const manifest = (pool: string) => `
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec: { template: { spec: { sourceNode: pve1, templateID: 9000, ${pool} network: { default: { bridge: vmbr0 } } } } }
`;

	test("VM.Allocate only on a pool, and no pool is set: this, and nothing that follows from it", async () => {
		const proxmox = await start({ roles, acls: pooled });
		const { codes, judgement } = await examine(proxmox);
		expect(codes).toEqual(["pool-not-set"]);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, 9, command);
		}

		expect((await examine(proxmox)).judgement.verdict.kind).toBe("pass");
	});

	test("the pool is set", async () => {
		expect((await look({ roles, acls: pooled }, { manifest: manifest("pool: capi,") })).judgement.verdict.kind).toBe(
			"pass",
		);
		expect((await look({ roles, acls: pooled }, { manifest: manifest("") })).codes).toEqual(["pool-not-set"]);
		expect((await look({ roles, acls: pooled }, { manifest: manifest("pool: other,") })).codes).toContain(
			"no-vm-allocate",
		);
	});

	test("what a manifest names and Proxmox VE lacks is found with the line where the object begins", async () => {
		const proxmox = await start({ acls: [grant("/", "Administrator")] });
		const given = manifest("pool: other, storage: nowhere,").replaceAll("vmbr0", "vmbr9");
		const { judgement } = await examine(proxmox, { manifest: given });
		const found = judgement.verdict.kind === "problem" ? judgement.verdict.findings : [];
		const places = found.flatMap(({ code, evidence }) =>
			evidence.filter(({ from }) => from.includes("line 2")).map(({ from, saw }) => [code, from, saw]),
		);
		const at = "of ProxmoxMachineTemplate demo-worker (cluster.yaml, line 2)";
		expect(places).toEqual(
			expect.arrayContaining([
				["permissions/unknown-pool", `pool ${at}`, "other"],
				["permissions/unusable-storage", `storage ${at}`, "nowhere"],
				["permissions/unknown-bridge", `network ${at}`, "vmbr9"],
			]),
		);
	});

	test("a pool whose existence an old release does not tell is not passed over in silence", async () => {
		const old = least(7);
		const own = [...old.acls.filter(({ path }) => path !== "/vms"), grant("/pool/capi", "Machine")];
		const given = { manifest: manifest("pool: capi,") };
		const hidden = await look({ generation: "8.0.4", roles: least(8).roles, acls: pooled }, given);
		expect(hidden.judgement.verdict).toMatchObject({
			kind: "pass",
			summary: expect.stringContaining("whether pool capi exists") as string,
		});
		const audited = { ...old.roles, Machine: [...(old.roles["Machine"] ?? []), "Pool.Audit"] };
		const seen = await look({ generation: generations[7], roles: audited, acls: own }, given);
		expect(seen.judgement.verdict).toMatchObject({ kind: "pass" });
		expect(JSON.stringify(seen.judgement.verdict)).not.toContain("whether pool");
	});

	test("the pool lacks something besides", async () => {
		const { Machine = [] } = roles;
		const some = { ...roles, Machine: Machine.filter((each) => each !== "VM.PowerMgmt") };
		const proxmox = await start({ roles: some, acls: pooled });
		expect((await examine(proxmox)).codes).toEqual(["pool-not-set", "no-vm-powermgmt"]);
	});

	test("other guests are not seen", async () => {
		const blind = pooled.filter(({ path }) => path !== "/vms");
		const proxmox = await start({ roles, acls: blind });
		const allowed = `---\nkind: ProxmoxCluster\nmetadata: { name: demo }\nspec: { allowedNodes: [pve1] }\n---\n${manifest("pool: capi,")}`;
		const { codes, judgement } = await examine(proxmox, { manifest: allowed });
		expect(codes).toEqual(["guests-unaudited"]);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, 9, command);
		}

		expect((await examine(proxmox, { manifest: allowed })).judgement.verdict.kind).toBe("pass");
	});
});

describe("networks", () => {
	const { roles, acls } = least(9);
	const bare = acls.filter(({ path }) => !path.startsWith("/sdn"));
	const withNet = (...paths: string[]) => ({ roles, acls: [...bare, ...paths.map((path) => grant(path, "Net"))] });
	const local = "/sdn/zones/localnetwork/vmbr0";
	const tagged = `
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec: { template: { spec: { sourceNode: pve1, templateID: 9000, network: { networkDevices: [{ bridge: vmbr0, vlan: 1234 }] } } } }
`;

	test("SDN.Use on a VLAN only, as CAPMOX's table has it: the untagged template cannot be cloned", async () => {
		const proxmox = await start(withNet(`${local}/1234`));
		const { codes, judgement, sheet } = await examine(proxmox, { manifest: tagged });
		expect(codes).toEqual(["no-sdn-use"]);
		expect(JSON.stringify(judgement.verdict)).toContain("bridge vmbr0 of template 9000");
		expect(JSON.stringify(judgement.verdict)).not.toContain(`path=${local}/1234`);
		expect(sheet["proxmox.setup"]?.state).toBe("known");
	});

	test("an ACL on the VLAN without SDN.Use takes away what the bridge has", async () => {
		const { codes } = await look(
			{ roles, acls: [...withNet(local).acls, grant(`${local}/1234`, "Guests")] },
			{ manifest: tagged },
		);
		expect(codes).toEqual(["no-sdn-use"]);
		expect((await look(withNet(local), { manifest: tagged })).judgement.verdict.kind).toBe("pass");
	});

	test("many trunks are not judged by the few VLANs that are granted", async () => {
		const [first, ...others] = healthyState().vms;
		const net0 = "virtio=BC:24:11:2E:C5:4A,bridge=vmbr0,trunks=2-4094";
		const vms = [{ ...first!, config: { ...first!.config, net0 } }, ...others];
		expect((await look({ ...withNet(`${local}/5`), vms })).codes).toEqual(["no-sdn-use"]);
		expect((await look({ ...withNet(local), vms })).judgement.verdict.kind).toBe("pass");
	});

	test("a VNet is judged in its zone; one that cannot be seen leaves the verdict unknown", async () => {
		const sdn = { zones: [{ zone: "lab", type: "vlan" }], vnets: [{ vnet: "capi", zone: "lab" }] };
		const variables = { ...usual, BRIDGE: "capi" };
		const state = (...more: Acl[]): ProxmoxOptions => ({
			...withNet(local),
			...sdn,
			acls: [...withNet(local).acls, ...more],
		});
		const seen = { ...roles, See: ["SDN.Audit"], Both: ["SDN.Audit", "SDN.Use"] };
		expect((await look(state(), { variables })).judgement.verdict).toMatchObject({ kind: "unknown" });
		const audit = await look({ ...state(grant("/sdn/zones/lab", "See")), roles: seen }, { variables });
		expect(audit.codes).toEqual(["no-sdn-use"]);
		const both = await look({ ...state(grant("/sdn/zones/lab", "Both")), roles: seen }, { variables });
		expect(both.judgement.verdict.kind).toBe("pass");
		const use = await look(state(grant("/sdn/zones/lab/capi", "Net")), { variables });
		expect(use.judgement.verdict.kind).toBe("pass");
	});

	test("a bridge that only some flavors use is no error", async () => {
		const { judgement, codes } = await look(withNet(local), { variables: { ...usual, SECONDARY_BRIDGE: "vmbr1" } });
		expect(codes).toEqual(["no-sdn-use"]);
		expect(judgement.verdict).toMatchObject({ findings: [{ severity: "warning", confidence: "likely" }] });
	});
});

describe("what the template is made of", () => {
	const { roles, acls } = least(9);
	const [template, ...others] = healthyState().vms;
	const onOneNode = { ...usual, ALLOWED_NODES: "[pve1]" };
	const made = (config: Record<string, string>): ProxmoxOptions => ({
		roles,
		acls,
		vms: [{ ...template!, config: { ...template!.config, ...config } }, ...others],
	});
	test.each([
		["another disk on another storage", { scsi1: "local-lvm:base-9000-disk-1,size=4G" }, "no-datastore-allocate-space"],
		[
			"an EFI disk on another storage",
			{ efidisk0: "local-lvm:base-9000-disk-1,size=4M" },
			"no-datastore-allocate-space",
		],
		["a physical CD-ROM drive", { ide2: "cdrom,media=cdrom" }, "no-sys-console"],
		["a mapped device", { hostpci0: "mapping=gpu,pcie=1" }, "no-mapping-use"],
		["a second bridge", { net1: "virtio=BC:24:11:2E:C5:4B,bridge=vmbr7" }, "no-sdn-use"],
		["trunks", { net0: "virtio=BC:24:11:2E:C5:4B,bridge=vmbr5,trunks=2;4-6" }, "no-sdn-use"],
		["many trunks", { net0: "virtio=BC:24:11:2E:C5:4B,bridge=vmbr5,trunks=2-4094" }, "no-sdn-use"],
	])("%s", async (_, config, code) => {
		const proxmox = await start(made(config));
		const { codes, judgement } = await examine(proxmox, { variables: onOneNode });
		expect(codes).toEqual([code]);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, 9, command);
		}

		expect((await examine(proxmox, { variables: onOneNode })).judgement.verdict.kind).toBe("pass");
	});
	test.each([
		["an ISO in the drive", { ide2: "local:iso/debian.iso,media=cdrom" }],
		["a cloud-init drive elsewhere", { ide2: "local-lvm:vm-9000-cloudinit,media=cdrom" }],
		["an empty drive", { ide2: "none,media=cdrom" }],
	])("%s needs nothing more", async (_, config) => {
		const own = made(config);
		expect((await look(own, { variables: onOneNode })).judgement.verdict.kind).toBe("pass");
	});

	test("a drive on a storage that is not shared keeps clones on the template's node", async () => {
		const audit = { path: "/storage/local-lvm", user, role: "PVEAuditor" };
		const other = { ide2: "local-lvm:vm-9000-cloudinit,media=cdrom" };
		const seen = await look({ ...made(other), acls: [...acls, audit] });
		expect(seen.codes).toEqual(["template-not-shared"]);
		const hidden = await look(made(other));
		expect(hidden.judgement.verdict).toMatchObject({ kind: "unknown", missing: [{ cause: "forbidden" }] });
		const local = await look(made({ ide2: "local:iso/debian.iso,media=cdrom" }));
		expect(local.judgement.verdict).toMatchObject({ findings: [{ code: "permissions/template-not-shared" }] });
		expect((await look(made({ ide2: "none,media=cdrom" }))).judgement.verdict.kind).toBe("pass");
	});
});

describe("storages for ISO images", () => {
	const { roles, acls } = least(9);
	const storages = healthyState().storages.map((storage) =>
		storage.storage === "local" ? { ...storage, content: "iso,backup" } : storage,
	);

	test("a second one that is seen but not writable may be chosen, by chance", async () => {
		const proxmox = await start({
			storages,
			roles: { ...roles, See: ["Datastore.Audit"] },
			acls: [...acls, grant("/storage/local", "See")],
		});
		expect((await examine(proxmox)).codes).toEqual(["no-datastore-allocate-template", "no-datastore-allocate"]);
	});

	test("a second one that is not seen does not matter, nor one that is disabled or elsewhere", async () => {
		expect((await look({ storages, roles, acls })).judgement.verdict.kind).toBe("pass");
		for (const change of [{ disabled: true }, { nodes: ["pve3"] }]) {
			const changed = storages.map((storage) => (storage.storage === "local" ? { ...storage, ...change } : storage));
			const seen = {
				storages: changed,
				roles: { ...roles, See: ["Datastore.Audit"] },
				acls: [...acls, grant("/storage/local", "See")],
			};
			expect((await look(seen)).judgement.verdict.kind).toBe("pass");
		}
	});

	test("one node has none", async () => {
		const only = healthyState().storages.map((storage) =>
			storage.storage === "nfs" ? { ...storage, nodes: ["pve1"] } : storage,
		);
		const { codes, judgement } = await look({ storages: only });
		expect(codes).toEqual(["no-iso-storage", "unusable-storage"]);
		expect(JSON.stringify(judgement.verdict)).toContain("on node pve2");
	});
});

describe("where machines are made", () => {
	const cluster = (spec: string, machine = "") => `
kind: ProxmoxCluster
metadata: { name: demo }
spec: { ${spec} }
---
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec: { template: { spec: { sourceNode: pve1, templateID: 9000, ${machine} network: { networkDevices: [{ bridge: vmbr0 }] } } } }
`;
	const verdict = async (options: ProxmoxOptions, manifest: string) => {
		const { judgement, codes } = await look(options, { manifest });
		return codes.length > 0 ? codes : judgement.verdict.kind;
	};

	test("the template's own node needs neither the bridge nor a storage for ISO images", async () => {
		const [first, second] = healthyState().nodes;
		const nodes = [{ ...first!, networks: [] }, second!];
		const iso = { storage: "iso", type: "dir", content: "iso", nodes: ["pve2"] };
		const storages = [
			...healthyState().storages.map((each) => ({ ...each, content: each.content.replace(",iso", "") })),
			iso,
		];
		expect(await verdict({ nodes, storages }, cluster("allowedNodes: [pve2]"))).toBe("pass");
		expect(await verdict({ nodes, storages }, cluster("allowedNodes: [pve1]"))).toEqual([
			"no-iso-storage",
			"unknown-bridge",
		]);
		expect(await verdict({ nodes, storages }, cluster("allowedNodes: [pve1]", "target: pve2,"))).toBe("pass");
	});

	test("the storage for the disks must be on the template's node, too", async () => {
		const ceph = { storage: "ceph", type: "rbd", content: "images", shared: true, nodes: ["pve2"] };
		const storages = [...healthyState().storages, ceph];
		const manifest = cluster("allowedNodes: [pve2]", "storage: ceph,");
		expect(await verdict({ storages }, manifest)).toEqual(["unusable-storage"]);
		expect(
			await verdict({ storages: [...healthyState().storages, { ...ceph, nodes: ["pve1", "pve2"] }] }, manifest),
		).toBe("pass");
	});

	test("where memory is not counted, other guests need not be seen", async () => {
		const { roles, acls } = least(9);
		const blind = acls.map((acl) => (acl.path === "/vms" ? { ...acl, path: "/vms/999999999" } : acl));
		const hints = "allowedNodes: [pve1], schedulerHints: { memoryAdjustment: 0 }";
		expect(await verdict({ roles, acls: blind }, cluster("allowedNodes: [pve1]"))).toEqual(["guests-unaudited"]);
		expect(await verdict({ roles, acls: blind }, cluster(hints))).toBe("pass");
	});
});

describe("tags", () => {
	const { roles, acls } = least(9);
	test.each([
		[{ "user-tag-access": { "user-allow": "list", "user-allow-list": ["a"] } }],
		[{ "user-tag-access": { "user-allow": "none" } }],
		[{ "registered-tags": ["prod", "go-proxmox+cloud-init"] }],
	])("%j", async (datacenter) => {
		const proxmox = await start({ roles, acls, datacenter });
		const { codes, judgement } = await examine(proxmox);
		expect(codes).toEqual(["tags-restricted"]);
		for (const command of commandsOf(judgement)) {
			applyCommand(proxmox, 9, command);
		}

		expect((await examine(proxmox)).judgement.verdict.kind).toBe("pass");
	});

	test("Sys.Modify on / is above all rules, and other registered tags do no harm", async () => {
		const above = { ...roles, Audit: ["Sys.Audit", "Sys.Modify"] };
		const strict = { "user-tag-access": { "user-allow": "none" } };
		expect((await look({ roles: above, acls, datacenter: strict })).judgement.verdict.kind).toBe("pass");
		const other = { "registered-tags": ["prod"], "user-tag-access": { "user-allow": "free" } };
		expect((await look({ roles, acls, datacenter: other })).judgement.verdict.kind).toBe("pass");
	});
});

describe("the management cluster", () => {
	const objects = (version: string, spec: string, cluster = "") => `
apiVersion: infrastructure.cluster.x-k8s.io/${version}
kind: ProxmoxCluster
metadata: { name: demo, namespace: default, labels: { cluster.x-k8s.io/cluster-name: demo } }
spec: { allowedNodes: [pve1, pve2]${cluster} }
---
apiVersion: infrastructure.cluster.x-k8s.io/${version}
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker, namespace: default, labels: { cluster.x-k8s.io/cluster-name: demo } }
spec: { template: { spec: { sourceNode: pve1, templateID: 9000, ${spec} } } }
`;
	const network = "network: { networkDevices: [{ name: net0, bridge: vmbr0, vlan: 20 }] }";
	const running: Kubernetes[] = [];
	afterEach(async () => {
		await Promise.all(running.splice(0).map((kubernetes) => kubernetes.close()));
	});
	const manage = async (options: KubernetesOptions, variables: Record<string, string> = {}, acls = least(9).acls) => {
		const kubernetes = await startKubernetes(options);
		running.push(kubernetes);
		const proxmox = await start({ roles: least(9).roles, acls });
		const { kubectl } = openWorld({ kubeconfig: kubernetes.kubeconfig });
		const login = { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: token, PROXMOX_SECRET: secret };
		return examineWith(worldWith({ variables: { ...login, ...variables }, kubectl }), "permissions");
	};
	const passSaying = (text: string) => ({ kind: "pass", summary: expect.stringContaining(text) as string });
	const only = (vlan: number) => [
		...least(9).acls.filter(({ path }) => !path.startsWith("/sdn")),
		grant("/sdn/zones/localnetwork/vmbr0", "Net", false),
		...(vlan === 0 ? [] : [grant(`/sdn/zones/localnetwork/vmbr0/${vlan}`, "Net")]),
	];

	test.each(["v1alpha1", "v1alpha2"])("tells the machines, %s", async (version) => {
		const good = await manage({ objects: objects(version, network) }, {}, only(20));
		expect(good.judgement.verdict).toMatchObject(passSaying("management cluster"));
		expect((await manage({ objects: objects(version, network) }, {}, only(0))).codes).toEqual(["no-sdn-use"]);
	});

	test("adds to the variables", async () => {
		expect((await manage({ objects: objects("v1alpha2", network) }, usual, only(0))).codes).toEqual(["no-sdn-use"]);
	});

	const path = "/apis/infrastructure.cluster.x-k8s.io/";
	test.each<[string, KubernetesOptions, string]>([
		["refused", { transport: "refused" }, "unreachable"],
		["not logged in", { faults: [{ path, kind: "status", code: 401 }] }, "unauthorized"],
		["forbidden", { faults: [{ path, kind: "status", code: 403 }] }, "forbidden"],
		[
			"only one of the lists",
			{ faults: [{ resource: `proxmoxclusters.${path.slice(6, -1)}`, kind: "status", code: 403 }] },
			"forbidden",
		],
		["broken", { faults: [{ path, kind: "status", code: 500 }] }, "server-error"],
		["silent", { faults: [{ path, kind: "hang" }] }, "timeout"],
		["cut off", { faults: [{ path, kind: "truncated" }] }, "unreadable"],
		["a page for people", { faults: [{ path, kind: "html", code: 200 }] }, "unreadable"],
		["empty", { faults: [{ path, kind: "empty" }] }, "unreadable"],
	])("cannot be read, %s: never a pass", async (_, options, cause) => {
		const { judgement } = await manage({ objects: objects("v1alpha2", network), ...options }, usual);
		expect(judgement.verdict).toMatchObject({ kind: "unknown", missing: [{ fact: "proxmox.setup", cause }] });
		expect(JSON.stringify(judgement.verdict)).toContain("--manifest FILE");
	});

	test("an object in no known form is not passed over", async () => {
		const odd = objects("v1alpha2", network).replace("templateID: 9000", "templateID: nine");
		const { judgement } = await manage({ objects: odd }, usual);
		expect(judgement.verdict).toMatchObject({ kind: "unknown", missing: [{ cause: "unreadable" }] });
	});

	test("a template object by tags is only passed over where no VM can be hidden", async () => {
		const tagged = objects("v1alpha2", network)
			.replace("sourceNode: pve1, ", "")
			.replace("templateID: 9000", "templateSelector: { matchTags: [gone] }");
		expect((await manage({ objects: tagged }, usual, only(20))).codes).toEqual([]);
		const hidden = only(20).map((acl) => (acl.path === "/vms" ? { ...acl, path: "/vms/999999999" } : acl));
		const { judgement } = await manage({ objects: tagged }, usual, hidden);
		expect(judgement.verdict.kind).toBe("problem");
	});

	test("a cluster with a Secret of its own uses another token", async () => {
		const foreign = objects("v1alpha2", network, ", credentialsRef: { name: other }");
		const { judgement } = await manage({ objects: foreign }, usual, only(0));
		expect(judgement.verdict).toMatchObject(passSaying("default/demo has credentials"));
	});

	test("a cluster without CAPMOX says nothing", async () => {
		expect((await manage({}, usual)).judgement.verdict.kind).toBe("pass");
		expect((await manage({})).judgement.verdict.kind).toBe("unknown");
	});

	test("what a ClusterClass fills in is no machine: its clones are", async () => {
		const blank = `
---
apiVersion: infrastructure.cluster.x-k8s.io/v1alpha2
kind: ProxmoxMachineTemplate
metadata: { name: blank, namespace: default, ownerReferences: [{ apiVersion: cluster.x-k8s.io/v1beta1, kind: ClusterClass, name: capmox, uid: "1" }] }
spec: { template: { spec: { sourceNode: pve1, templateID: 100, network: { networkDevices: [{ name: net0, bridge: vmbr9 }] } } } }
`;
		const { judgement } = await manage({ objects: objects("v1alpha2", network) + blank }, {}, only(20));
		expect(judgement.verdict).toMatchObject(passSaying("default/blank, which a ClusterClass fills in"));
	});

	test("an old template object whose VM is gone is no failure of the token", async () => {
		const stale = objects("v1alpha2", network).replace("templateID: 9000", "templateID: 8000");
		const { judgement } = await manage({ objects: stale }, usual, only(20));
		expect(judgement.verdict).toMatchObject(passSaying("8000"));
	});
});

describe("what is not known is never a pass", () => {
	const unknown = async (options: ProxmoxOptions, given: Case = {}) => {
		const { judgement } = await look(options, given);
		expect(judgement.verdict.kind).toBe("unknown");
		return JSON.stringify(judgement.verdict);
	};

	test("nothing names the machines", async () => {
		expect(await unknown({}, { variables: {} })).toContain("--manifest FILE");
	});

	test("a manifest whose values are still in a Cluster's variables", async () => {
		const topology = `
kind: ClusterClass
metadata: { name: capmox }
spec: { workers: { machineDeployments: [{ template: { infrastructure: { ref: { kind: ProxmoxMachineTemplate, name: worker } } } }] } }
---
kind: ProxmoxMachineTemplate
metadata: { name: worker }
spec: { template: { spec: { sourceNode: pve1, templateID: 100, network: { networkDevices: [{ bridge: vmbr0 }] } } } }
`;
		expect(await unknown({}, { manifest: topology })).toContain("a ClusterClass fills it in");
	});

	test("no template, no bridge", async () => {
		expect(await unknown({}, { variables: { ...usual, TEMPLATE_VMID: "" } })).toContain("TEMPLATE_VMID");
		expect(await unknown({}, { variables: { ...usual, BRIDGE: "" } })).toContain("BRIDGE");
	});

	test("the template is not there", async () => {
		for (const PROXMOX_SOURCENODE of ["pve1", ""]) {
			const { codes } = await look({}, { variables: { ...usual, PROXMOX_SOURCENODE, TEMPLATE_VMID: "9001" } });
			expect(codes).toEqual(["no-template"]);
		}
	});

	test("a container has the template's ID", async () => {
		const [template, ...others] = healthyState().vms;
		const { codes } = await look({ vms: [{ ...template!, type: "lxc" }, ...others] });
		expect(codes).toEqual(["no-template"]);
	});

	test("by tags, on a node that is silent: nobody can tell whether it is a template", async () => {
		const [first, second] = healthyState().nodes;
		const tagged = { ALLOWED_NODES: "[pve2]", BRIDGE: "vmbr0", TEMPLATE_TAGS: "capmox,template" };
		expect(await unknown({ nodes: [second!, { ...first!, online: false }] }, { variables: tagged })).toContain(
			"no template with the tags",
		);
	});

	test("by tags: found, not found, not to be seen", async () => {
		const tags = (given: string) => ({ ALLOWED_NODES: "[pve1]", BRIDGE: "vmbr0", TEMPLATE_TAGS: given });
		expect((await look({}, { variables: tags("capmox,template") })).judgement.verdict.kind).toBe("pass");
		expect((await look({}, { variables: tags("other") })).codes).toEqual(["no-template"]);
		const blind = await look(without(9, "VM.Audit"), { variables: tags("capmox,template") });
		expect(blind.codes).toContain("no-vm-audit");
	});

	test.each([
		"/access/permissions",
		"/storage",
		"/cluster/resources",
		"/nodes/pve1/qemu/9000/config",
		"/cluster/options",
		"/nodes",
		"/nodes/pve2/network",
	])("%s fails", async (path) => {
		for (const fault of [
			faults.forbidden(),
			faults.internalError(),
			faults.cutBeforeAnswer(),
			faults.garbage(),
			faults.redirect(),
			faults.garbageJson(),
			faults.htmlLogin(),
			faults.badGateway(),
			faults.cutInBody(),
			faults.truncatedJson(),
		]) {
			const proxmox = await start({ faults: { [path]: fault } });
			const { judgement } = await examine(proxmox);
			expect([path, judgement.verdict.kind]).toEqual([path, "unknown"]);
		}
	});

	test("a server that falls silent half-way", { timeout: 60_000 }, async () => {
		const silent = ["/access/permissions", "/storage", "/nodes/pve1/network"].map(async (path) => {
			const { judgement } = await look({ faults: { [path]: faults.hang() } });
			expect([path, judgement.verdict]).toMatchObject([path, { kind: "unknown", missing: [{ cause: "timeout" }] }]);
		});
		await Promise.all(silent);
	});

	test("a node that is switched off", async () => {
		const [first, second] = healthyState().nodes;
		expect(await unknown({ nodes: [first!, { ...second!, online: false }] })).toContain("offline");
		const elsewhere = { ...usual, ALLOWED_NODES: "[pve1]" };
		const { judgement } = await look({ nodes: [first!, { ...second!, online: false }] }, { variables: elsewhere });
		expect(judgement.verdict.kind).toBe("pass");
	});

	test("a node that cannot be reached hides the template", async () => {
		const [first, ...others] = healthyState().nodes;
		expect(
			await unknown({ nodes: [{ ...first!, failure: { status: 595, reason: "No route to host" } }, ...others] }),
		).toContain("595");
	});

	test("a release that is not known yet", async () => {
		expect(await unknown({ version: { version: "10.0.1" } })).toContain("Proxmox VE 10.0.1");
	});

	test("a token that is not accepted is not sent again", async () => {
		const proxmox = await start({});
		const { sheet, judgement } = await examine(proxmox, { id: "capmox@pve!nope" });
		expect(judgement.verdict.kind).toBe("unknown");
		expect(sheet["proxmox.permissions"]).toMatchObject({ state: "unavailable", cause: "unauthorized" });
		expect(proxmox.requests.map(({ path }) => path)).toEqual(["/access/domains", "/version"]);
	});

	test("another server never sees the token", async () => {
		const proxmox = await start({ product: "login-proxy" });
		expect((await examine(proxmox)).judgement.verdict.kind).toBe("unknown");
		expect(proxmox.requests.some(({ authorization }) => authorization !== undefined)).toBe(false);
	});

	test("an untrusted certificate, where CAPMOX verifies", async () => {
		const proxmox = await start({});
		const { judgement } = await examine(proxmox, { variables: { ...usual, PROXMOX_INSECURE: "false" } });
		expect([judgement.verdict.kind, proxmox.requests.length]).toEqual(["unknown", 0]);
		expect(judgement.verdict).toMatchObject({ missing: [{ cause: "unreachable" }] });
	});

	test("nothing is set up", async () => {
		const { judgement } = await examineWith(worldWith({ variables: {} }), "permissions");
		expect(judgement.verdict.kind).toBe("skip");
	});
});
