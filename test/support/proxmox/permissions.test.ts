import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, dataOf, withToken } from "./client.ts";
import { type Proxmox, startProxmox } from "./proxmox.ts";
import { type Acl, goodToken, healthyState, type State, type Vm } from "./state.ts";

type Permissions = Record<string, Record<string, 0 | 1>>;

const user = { user: "capmox@pve" } as const;
const separated = { token: "capmox@pve!sep" } as const;

let proxmox: Proxmox;

/** Tests share the server and start from a user and its tokens without any permission. */
function bareState(): State {
	return {
		...healthyState(),
		users: { "root@pam": {}, "capmox@pve": {}, "other@pve": {} },
		tokens: {
			[goodToken.id]: { secret: goodToken.secret, privsep: false },
			"capmox@pve!sep": { secret: goodToken.secret },
			"root@pam!full": { secret: goodToken.secret, privsep: false },
			"root@pam!sep": { secret: goodToken.secret },
		},
		acls: [],
		pools: {},
	};
}

beforeAll(async () => {
	proxmox = await startProxmox();
});

beforeEach(() => {
	Object.assign(proxmox.state, bareState());
});

afterAll(async () => proxmox.close());

async function held(path: string, token: string = goodToken.id): Promise<Record<string, 0 | 1>> {
	const permissions = await dataOf<Permissions>(proxmox, `/access/permissions?path=${path}`, withToken(token));
	expect(Object.keys(permissions)).toEqual([path]);
	return permissions[path] ?? {};
}

async function all(token: string = goodToken.id): Promise<Permissions> {
	return dataOf(proxmox, "/access/permissions", withToken(token));
}

function grant(...acls: readonly Acl[]): void {
	proxmox.state.acls = [...acls];
}

const template = { "VM.Audit": 1, "VM.Clone": 1 };

describe("ACLs", () => {
	test("reach every path below, existing or not", async () => {
		grant({ ...user, path: "/vms", role: "PVETemplateUser" });
		expect(await held("/vms/4711")).toEqual(template);
		expect(await held("/vms")).toEqual(template);
		expect(await held("/")).toEqual({});
		expect(await held("/vmsx")).toEqual({});
	});

	test("on a deeper path replace what came from above, they do not add", async () => {
		grant({ ...user, path: "/", role: "PVEAdmin" }, { ...user, path: "/vms/100", role: "PVETemplateUser" });
		expect(await held("/vms/100")).toEqual(template);
		expect(await held("/vms/101")).toHaveProperty(["VM.Allocate"], 1);
	});

	test("on one path add up", async () => {
		grant({ ...user, path: "/", role: "PVETemplateUser" }, { ...user, path: "/", role: "PVEPoolUser" });
		expect(await held("/vms/100")).toEqual({ ...template, "Pool.Audit": 1 });
	});

	test("without propagation hold on their path alone, with the value 0", async () => {
		grant({ ...user, path: "/vms/100", role: "PVETemplateUser", propagate: false });
		expect(await held("/vms/100")).toEqual({ "VM.Audit": 0, "VM.Clone": 0 });
		grant({ ...user, path: "/vms", role: "PVETemplateUser", propagate: false });
		expect(await held("/vms/100")).toEqual({});
	});

	test("without propagation do not replace anything further down", async () => {
		grant(
			{ ...user, path: "/", role: "PVETemplateUser" },
			{ ...user, path: "/vms", role: "PVEPoolUser", propagate: false },
		);
		expect(await held("/vms")).toEqual({ "Pool.Audit": 0 });
		expect(await held("/vms/100")).toEqual(template);
	});

	test("propagate a privilege if one of its roles does", async () => {
		proxmox.state.roles = { Auditing: ["VM.Audit"] };
		grant(
			{ ...user, path: "/vms", role: "PVETemplateUser", propagate: false },
			{ ...user, path: "/vms", role: "Auditing" },
		);
		expect(await held("/vms")).toEqual({ "VM.Audit": 1, "VM.Clone": 0 });
	});

	test("of a user win over those of the user's groups", async () => {
		proxmox.state.groups = { ops: ["capmox@pve"] };
		grant({ group: "ops", path: "/", role: "PVEAdmin" });
		expect(await held("/vms/100")).toHaveProperty(["VM.Allocate"], 1);
		grant({ group: "ops", path: "/", role: "PVEAdmin" }, { ...user, path: "/", role: "PVETemplateUser" });
		expect(await held("/vms/100")).toEqual(template);
	});

	test("NoAccess cancels all that stands beside it", async () => {
		grant({ ...user, path: "/", role: "PVEAdmin" }, { ...user, path: "/", role: "NoAccess" });
		expect(await held("/vms/100")).toEqual({});
	});

	test("of a role that does not exist give nothing", async () => {
		grant({ ...user, path: "/", role: "PVEDataStoreAdmin" });
		expect(await held("/storage/local")).toEqual({});
	});
});

describe("pools", () => {
	beforeEach(() => {
		proxmox.state.pools = { capi: { vms: [100], storages: ["nfs"] } };
	});

	test("give their roles to members, not to anything below", async () => {
		grant({ ...user, path: "/pool/capi", role: "PVETemplateUser" });
		expect(await held("/vms/100")).toEqual({ "VM.Audit": 0, "VM.Clone": 0 });
		expect(await held("/storage/nfs")).toEqual({ "VM.Audit": 0, "VM.Clone": 0 });
		expect(await held("/vms/9000")).toEqual({});
	});

	test("add to the roles of the member itself", async () => {
		grant({ ...user, path: "/pool/capi", role: "PVEPoolUser" }, { ...user, path: "/vms", role: "PVETemplateUser" });
		expect(await held("/vms/100")).toEqual({ ...template, "Pool.Audit": 0 });
	});

	test("do not overrule NoAccess, and their own overrules all", async () => {
		grant({ ...user, path: "/pool/capi", role: "PVETemplateUser" }, { ...user, path: "/vms/100", role: "NoAccess" });
		expect(await held("/vms/100")).toEqual({});
		grant({ ...user, path: "/pool/capi", role: "NoAccess" }, { ...user, path: "/vms", role: "PVETemplateUser" });
		expect(await held("/vms/100")).toEqual({});
	});
});

describe("tokens", () => {
	test("that are separated hold what both they and their owner hold", async () => {
		grant({ ...user, path: "/", role: "PVETemplateUser" }, { ...separated, path: "/", role: "PVEAuditor" });
		expect(await held("/vms/100", "capmox@pve!sep")).toEqual({ "VM.Audit": 1 });
	});

	test("that are separated hold nothing by themselves, nor by their owner alone", async () => {
		grant({ ...separated, path: "/", role: "PVEAdmin" });
		expect(await all("capmox@pve!sep")).toEqual({});
		grant({ ...user, path: "/", role: "PVEAdmin" });
		expect(await all("capmox@pve!sep")).toEqual({});
	});

	test("that are separated propagate only what both propagate", async () => {
		grant(
			{ ...user, path: "/vms/100", role: "PVETemplateUser" },
			{ ...separated, path: "/vms/100", role: "PVETemplateUser", propagate: false },
		);
		expect(await held("/vms/100", "capmox@pve!sep")).toEqual({ "VM.Audit": 0, "VM.Clone": 0 });
		expect(await held("/vms/100")).toEqual(template);
		grant(
			{ ...user, path: "/vms/100", role: "PVETemplateUser", propagate: false },
			{ ...separated, path: "/vms/100", role: "PVETemplateUser" },
		);
		expect(await held("/vms/100", "capmox@pve!sep")).toEqual({ "VM.Audit": 0, "VM.Clone": 0 });
	});

	test("of root@pam hold everything everywhere, unless they are separated", async () => {
		const everything = await held("/nowhere", "root@pam!full");
		expect(everything).toMatchObject({ "Permissions.Modify": 1, "Realm.Allocate": 1, "VM.GuestAgent.Unrestricted": 1 });
		expect(await all("root@pam!sep")).toEqual({});
		grant({ token: "root@pam!sep", path: "/vms", role: "PVETemplateUser" });
		expect(await all("root@pam!sep")).toEqual({ "/vms": template });
	});
});

describe("/access/permissions", () => {
	test("without a path knows the top, the paths of ACLs and the members of pools", async () => {
		proxmox.state.pools = { capi: { vms: [100] } };
		grant(
			{ ...user, path: "/", role: "PVETemplateUser" },
			{ ...user, path: "/sdn/zones/localnetwork/vmbr0", role: "PVESDNUser" },
		);
		const top = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
		const others = ["/sdn/zones", "/sdn/zones/localnetwork", "/sdn/zones/localnetwork/vmbr0", "/vms/100"];
		expect(Object.keys(await all()).sort()).toEqual([...top, ...others].sort());
	});

	test("leaves out paths without a privilege", async () => {
		grant({ ...user, path: "/vms", role: "PVETemplateUser" });
		expect(await all()).toEqual({ "/vms": template });
	});

	test("shows others only to auditors of /access", async () => {
		const path = "/access/permissions?userid=other@pve";
		grant({ user: "other@pve", path: "/vms", role: "PVETemplateUser" });
		expect(await dataOf(proxmox, path)).toBeNull();
		grant(
			{ user: "other@pve", path: "/vms", role: "PVETemplateUser" },
			{ ...user, path: "/access", role: "PVEAuditor" },
		);
		expect(await dataOf(proxmox, path)).toEqual({ "/vms": template });
	});
});

describe("roles", () => {
	test.each([
		["7.4-19", "PVESysAdmin", ["Permissions.Modify", "Sys.Audit", "Sys.Console", "Sys.Syslog"]],
		["8.4.17", "PVESysAdmin", ["Sys.Audit", "Sys.Console", "Sys.Syslog"]],
		["7.4-19", "PVESDNUser", []],
		["8.4.17", "PVESDNUser", ["SDN.Audit", "SDN.Use"]],
		["8.4.17", "PVEDatastoreUser", ["Datastore.AllocateSpace", "Datastore.Audit"]],
		["8.4.17", "PVETemplateUser", ["VM.Audit", "VM.Clone"]],
		["8.4.17", "PVEAuditor", ["Datastore", "Mapping", "Pool", "SDN", "Sys", "VM"].map((name) => `${name}.Audit`)],
		[
			"9.2.11",
			"PVEAuditor",
			["Datastore", "Mapping", "Pool", "SDN", "Sys", "VM", "VM.GuestAgent"].map((name) => `${name}.Audit`),
		],
		["8.4.17", "Own", ["VM.Audit", "VM.Monitor"]],
		["9.2.11", "Own", ["VM.Audit"]],
	])("%s: %s", async (generation, role, privileges) => {
		const own = await startProxmox({
			generation,
			roles: { Own: ["VM.Audit", "VM.Monitor"] },
			acls: [{ ...user, path: "/", role }],
		});
		const permissions = await dataOf<Permissions>(own, "/access/permissions?path=/");
		expect(Object.keys(permissions["/"] ?? {}).sort()).toEqual(privileges);
		await own.close();
	});

	test.each([
		["8.4.17", "VM.Monitor", "VM.GuestAgent.Unrestricted"],
		["9.2.11", "VM.GuestAgent.Unrestricted", "VM.Monitor"],
	])("%s: PVEVMAdmin has %s, not %s", async (generation, present, absent) => {
		const own = await startProxmox({ generation, acls: [{ ...user, path: "/", role: "PVEVMAdmin" }] });
		const permissions = await dataOf<Permissions>(own, "/access/permissions?path=/vms/1");
		expect(permissions["/vms/1"]).toHaveProperty([present]);
		expect(permissions["/vms/1"]).not.toHaveProperty([absent]);
		await own.close();
	});

	test("PVEAdmin is everything but what administers Proxmox VE itself", async () => {
		grant({ ...user, path: "/", role: "PVEAdmin" });
		const admin = await held("/");
		const missing = Object.keys(await held("/", "root@pam!full")).filter((privilege) => !(privilege in admin));
		expect(missing.sort()).toEqual([
			...["Mapping.Modify", "Permissions.Modify", "Realm.Allocate"],
			...["Sys.AccessNetwork", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt"],
		]);
	});
});

describe("lists are filtered in silence", () => {
	async function seen(path: string, key: string): Promise<unknown[]> {
		const entries = await dataOf<Record<string, unknown>[]>(proxmox, path);
		return entries.map((entry) => entry[key]).sort();
	}

	test("storages by Datastore.Audit or AllocateSpace, the cluster's resources by Audit alone", async () => {
		proxmox.state.roles = { Space: ["Datastore.AllocateSpace"] };
		grant(
			{ ...user, path: "/storage/nfs", role: "PVEDatastoreUser" },
			{ ...user, path: "/storage/local-lvm", role: "Space" },
			{ ...user, path: "/storage/local", role: "PVETemplateUser" },
		);
		expect(await seen("/storage", "storage")).toEqual(["local-lvm", "nfs"]);
		expect(await seen("/nodes/pve1/storage", "storage")).toEqual(["local-lvm", "nfs"]);
		expect(await seen("/cluster/resources?type=storage", "id")).toEqual(["storage/pve1/nfs", "storage/pve2/nfs"]);
	});

	test("guests by VM.Audit, their pool by Pool.Audit", async () => {
		proxmox.state.pools = { capi: { vms: [100] } };
		grant({ ...user, path: "/vms/100", role: "PVETemplateUser" });
		expect(await seen("/nodes/pve1/qemu", "vmid")).toEqual([]);
		expect(await seen("/nodes/pve2/qemu", "vmid")).toEqual([100]);
		expect(await seen("/cluster/resources?type=vm", "pool")).toEqual([undefined]);
		grant({ ...user, path: "/vms/100", role: "PVETemplateUser" }, { ...user, path: "/pool", role: "PVEPoolUser" });
		expect(await seen("/cluster/resources?type=vm", "pool")).toEqual(["capi"]);
	});

	test("bridges by SDN.Audit or SDN.Use on them or one of their VLANs", async () => {
		const bridge = "/sdn/zones/localnetwork/vmbr0";
		expect(await seen("/nodes/pve1/network", "iface")).toEqual(["eno1"]);
		grant({ ...user, path: bridge, role: "PVESDNUser" });
		expect(await seen("/nodes/pve1/network", "iface")).toEqual(["eno1", "vmbr0"]);
		grant({ ...user, path: `${bridge}/1234`, role: "PVESDNUser" });
		expect(await seen("/nodes/pve1/network?type=any_bridge", "iface")).toEqual(["vmbr0"]);
	});

	test("nodes not at all, but their load by Sys.Audit", async () => {
		expect(await seen("/nodes", "maxmem")).toEqual([undefined, undefined]);
		grant({ ...user, path: "/nodes/pve1", role: "PVEAuditor" });
		expect(await seen("/nodes", "maxmem")).toEqual([64 * 2 ** 30, undefined]);
	});

	test("pools by Pool.Audit, though one asked for by name is shown to anyone", async () => {
		proxmox.state.pools = { capi: { vms: [100], comment: "clusters" } };
		expect(await seen("/pools", "poolid")).toEqual([]);
		expect(await dataOf(proxmox, "/pools?poolid=capi")).toMatchObject([{ members: [{ vmid: 100 }] }]);
		grant({ ...user, path: "/pool/capi", role: "PVEPoolUser" });
		expect(await dataOf(proxmox, "/pools")).toEqual([{ poolid: "capi", comment: "clusters" }]);
	});

	test("datacenter options by Sys.Audit, but for three", async () => {
		expect(Object.keys(await dataOf(proxmox, "/cluster/options"))).toEqual(["allowed-tags", "tag-style"]);
		grant({ ...user, path: "/", role: "PVEAuditor" });
		expect(Object.keys(await dataOf(proxmox, "/cluster/options"))).toContain("keyboard");
	});

	test("the next free ID not at all, and it is a string", async () => {
		expect(await dataOf(proxmox, "/cluster/nextid")).toBe("101");
	});

	test("storages come in a different order every time, and the same ones with the same seed", async () => {
		const orders = async (seed: number): Promise<string[]> => {
			const own = await startProxmox({ seed });
			const lists: string[] = [];
			for (let count = 0; count < 8; count += 1) {
				lists.push(JSON.stringify(await dataOf(own, "/nodes/pve1/storage")));
			}

			await own.close();
			return lists;
		};
		const lists = await orders(1);
		expect(new Set(lists).size).toBeGreaterThan(1);
		expect(await orders(1)).toEqual(lists);
		expect(await orders(2)).not.toEqual(lists);
	});
});

describe("guests", () => {
	test("keep nothing but their ID when their node is off", async () => {
		proxmox.state.nodes = healthyState().nodes.map((node) => ({ ...node, online: node.node === "pve1" }));
		grant({ ...user, path: "/", role: "PVEAuditor" });
		const resources = await dataOf<{ vmid: number }[]>(proxmox, "/cluster/resources?type=vm");
		const machine = resources.find(({ vmid }) => vmid === 100);
		expect(machine).toEqual({ id: "qemu/100", vmid: 100, node: "pve2", type: "qemu", status: "unknown", tags: "capi" });
	});

	test("answer through their agent, if they may be asked and run one", async () => {
		const path = "/nodes/pve2/qemu/100/agent/get-osinfo";
		grant({ ...user, path: "/", role: "PVEAuditor" });
		expect(await dataOf(proxmox, path)).toMatchObject({ result: { id: "ubuntu" } });
		grant({ ...user, path: "/", role: "PVETemplateUser" });
		expect(await dataOf(proxmox, path)).toBeNull();
	});

	test.each([
		["No QEMU guest agent configured", { config: {} }],
		["VM 100 is not running", { status: "stopped" }],
		["QEMU guest agent is not running", { agent: undefined }],
	] as const)("say why their agent does not: %s", async (reason, change) => {
		grant({ ...user, path: "/", role: "PVEAuditor" });
		const [, machine] = healthyState().vms;
		proxmox.state.vms = [{ ...machine!, ...change } as Vm];
		const heard = await ask(proxmox, { path: "/api2/json/nodes/pve2/qemu/100/agent/get-osinfo" });
		expect(heard).toMatchObject({ status: 500, reason });
	});
});
