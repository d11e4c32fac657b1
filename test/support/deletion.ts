import type { Kubectl } from "../../src/access/kubectl.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import type { FactName, FactSheet } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { isRecord, type KubernetesObject, splitApiVersion } from "./kubernetes/objects.ts";
import { managementObjects, newest, type Setup } from "./management.ts";
import type { Proxmox } from "./proxmox/proxmox.ts";
import { goodToken, healthyState, type State, type Vm } from "./proxmox/state.ts";

/** When everything here is looked at, by the API server's clock. */
const now = "2026-08-20T12:00:00Z";
const ago = (minutes: number): string => new Date(Date.parse(now) - minutes * 60_000).toISOString().replace(".000", "");

interface Condition {
	readonly type: string;
	readonly [field: string]: unknown;
}

interface Conditions {
	conditions?: readonly Condition[];
}

/** As far as scenes look into it. */
interface Loose extends KubernetesObject {
	readonly status: Conditions & { v1beta2?: Conditions };
	readonly spec: { readonly virtualMachineID: number; readonly providerID: string };
}

/** A management cluster and its Proxmox VE, both of them to be spoilt. */
export class Scene {
	readonly setup: Setup;
	readonly objects: KubernetesObject[];
	readonly proxmox: State = healthyState();

	constructor(setup: Partial<Setup> = {}) {
		this.setup = { ...newest, ...setup };
		this.objects = structuredClone(managementObjects(this.setup)).map((object, index) => ({
			...object,
			metadata: { ...object.metadata, resourceVersion: String(90_000 + index) },
		}));
		const machines = this.objects.filter(({ kind }) => kind === "ProxmoxMachine");
		this.proxmox.vms = [
			...this.proxmox.vms.filter(({ template }) => template),
			...machines.map((machine) => vmOf(machine as Loose)),
		];
	}

	/** CAPMOX up to v0.7 names claims otherwise. */
	get isLegacy(): boolean {
		return this.setup.capmox.startsWith("v0.7");
	}

	get(kind: string, name: string): Loose {
		const object = this.objects.find((each) => each.kind === kind && each.metadata.name === name);
		if (object === undefined) {
			throw new Error(`there is no ${kind} ${name}`);
		}

		return object as Loose;
	}

	/** As somebody does who takes the finalizers off. */
	remove(kind: string, name?: string): this {
		const left = this.objects.filter(
			(each) => !(each.kind === kind && (name === undefined || each.metadata.name === name)),
		);
		this.objects.splice(0, this.objects.length, ...left);
		return this;
	}

	/** Makes changes to the object's top level fields; `metadata` is merged. */
	change(kind: string, name: string, fields: Readonly<Record<string, unknown>>): this {
		const object = this.get(kind, name);
		for (const [key, value] of Object.entries(fields)) {
			const before: unknown = object[key];
			Reflect.set(object, key, isRecord(before) && isRecord(value) ? { ...before, ...value } : value);
		}

		return this;
	}

	deleting(kind: string, name: string, minutes: number): this {
		return this.change(kind, name, { metadata: { deletionTimestamp: ago(minutes), deletionGracePeriodSeconds: 0 } });
	}

	annotate(kind: string, name: string, annotations: Readonly<Record<string, string>>): this {
		const { metadata } = this.get(kind, name);
		return this.change(kind, name, { metadata: { annotations: { ...metadata.annotations, ...annotations } } });
	}

	/** A condition of contract v1beta2, where the object's API version keeps it. */
	condition(kind: string, name: string, type: string, status: string, reason: string, message = ""): this {
		const object = this.get(kind, name);
		const condition = { type, status, reason, message, lastTransitionTime: ago(1) };
		const isOld = object.apiVersion.endsWith("v1beta1");
		const holder = isOld ? (object.status.v1beta2 ??= {}) : object.status;
		holder.conditions = [...(holder.conditions ?? []).filter((each) => each.type !== type), condition];
		return this;
	}

	/** Only conditions of contract v1beta1, as Cluster API up to 1.8 has them. */
	oldCondition(kind: string, name: string, type: string, reason: string, message = ""): this {
		const object = this.get(kind, name);
		const said = message === "" ? {} : { message };
		const condition = { type, status: "False", severity: "Info", reason, ...said, lastTransitionTime: ago(1) };
		const { status } = object;
		return this.change(kind, name, { status: undefined }).change(kind, name, {
			status: {
				...Object.fromEntries(Object.entries(status).filter(([field]) => field !== "v1beta2")),
				conditions: [...(status.conditions ?? []).filter((each) => each.type !== type), condition],
			},
		});
	}

	/** A Machine whose deletion has come so far. */
	stage(name: string, minutes: number, reason: string, message = ""): this {
		this.deleting("Machine", name, minutes);
		this.change("Machine", name, { status: { phase: "Deleting" } });
		return this.condition("Machine", name, "Deleting", "True", reason, message);
	}

	/** A Machine that waits for its ProxmoxMachine, which CAPMOX is to finish. */
	removing(name: string, minutes: number, reason = "Deleting", message = ""): this {
		this.stage(name, minutes + 1, "WaitingForInfrastructureDeletion", "Waiting for ProxmoxMachine to be deleted");
		this.deleting("ProxmoxMachine", name, minutes);
		return this.get("ProxmoxMachine", name).apiVersion.endsWith("v1alpha2")
			? this.condition("ProxmoxMachine", name, "VirtualMachineProvisioned", "False", reason, message)
			: this.oldCondition("ProxmoxMachine", name, "VMProvisioned", reason, message);
	}

	vm(name: string, change: Partial<Vm>): this {
		const before = this.proxmox.vms.find((vm) => vm.name === name);
		if (before === undefined) {
			throw new Error(`there is no VM ${name}`);
		}

		const config = { ...before.config, ...change.config };
		this.proxmox.vms = this.proxmox.vms.map((vm) => (vm === before ? { ...before, ...change, config } : vm));
		return this;
	}

	removeVm(name: string): this {
		this.proxmox.vms = this.proxmox.vms.filter((vm) => vm.name !== name);
		return this;
	}

	controller(name: string, ready: number): this {
		return this.change("Deployment", name, { status: { readyReplicas: ready, conditions: [] } });
	}
}

/** As CAPMOX makes it. */
function vmOf({ metadata: { name }, spec }: Loose): Vm {
	return {
		vmid: spec.virtualMachineID,
		node: "pve1",
		name,
		status: "running",
		tags: `ip_net0_10.10.10.${spec.virtualMachineID}`,
		config: { name, smbios1: `uuid=${spec.providerID.replace("proxmox://", "")}` },
	};
}

const plurals: Readonly<Record<string, string>> = { IPAddress: "ipaddresses" };
const pluralOf = (kind: string): string => plurals[kind] ?? `${kind.toLowerCase()}s`;

/** Answers as the API server does, without the server: for many scenes. The real kubectl is in a test of its own. */
function kubectlOn(objects: readonly KubernetesObject[], date: string | undefined): Kubectl {
	const find = (path: string): readonly KubernetesObject[] => {
		const [, group = "", version = "", namespace, plural = ""] =
			/^\/(?:apis\/([^/]+)|api)\/([^/]+)(?:\/namespaces\/([^/]+))?\/([^/?]+)/.exec(path) ?? [];
		return objects.filter(
			({ apiVersion, kind, metadata }) =>
				pluralOf(kind) === plural &&
				apiVersion === (group === "" ? version : `${group}/${version}`) &&
				(namespace === undefined || metadata.namespace === namespace),
		);
	};
	return {
		get: (path) =>
			path === "/apis"
				? Promise.resolve({ kind: "APIGroupList", groups: groupsOf(objects) })
				: Promise.reject(new Error(`nobody asks for ${path} here`)),
		getText: (path) => Promise.reject(new Error(`nobody asks for ${path} here`)),
		getDated: () =>
			Promise.resolve({
				value: { gitVersion: "v1.33.2" },
				date: date === undefined ? undefined : new Date(date),
			}),
		list: (path) => Promise.resolve(find(path)),
		listKept: (path, keep) => Promise.resolve(find(path).map((item) => keep(item))),
		listOnce: (path) => Promise.resolve(find(path)),
		listMetadata: (path) => Promise.resolve(find(path).map(({ metadata }) => ({ metadata }))),
	};
}

const groupsOf = (objects: readonly KubernetesObject[]) =>
	[...new Set(objects.map(({ apiVersion }) => apiVersion).filter((each) => each.includes("/")))].map((apiVersion) => {
		const { group, version } = splitApiVersion(apiVersion);
		return { name: group, versions: [{ groupVersion: apiVersion, version }] };
	});

const wanted = [
	"management.server",
	"management.machines",
	"management.proxmoxMachines",
	"management.clusters",
	"management.proxmoxClusters",
	"management.claims",
	"management.addresses",
	"management.pools",
	"management.controllers",
	"management.controlPlanes",
	"management.credentials",
	"proxmox.access",
	"proxmox.machines",
	"proxmox.leftovers",
] as const satisfies readonly FactName[];

export interface Looking {
	/** The variables' Proxmox VE; without it none is set up. */
	readonly proxmox?: Proxmox | undefined;
	readonly secret?: string;
	readonly date?: string | undefined;
	readonly namespace?: string;
}

/** The facts of a scene, by the real parsers. */
export async function sheetOf(
	scene: Scene,
	{ proxmox, secret = goodToken.secret, namespace, ...rest }: Looking,
): Promise<FactSheet> {
	if (proxmox !== undefined) {
		Object.assign(proxmox.state, scene.proxmox);
	}

	const variables: Readonly<Record<string, string>> =
		proxmox === undefined ? {} : { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: goodToken.id, PROXMOX_SECRET: secret };
	const world: World = {
		...openWorld(namespace === undefined ? {} : { namespace }),
		kubectl: kubectlOn(scene.objects, "date" in rest ? rest.date : now),
		now: () => new Date(now),
		environment: () =>
			Promise.resolve({
				files: [],
				lookUp: (name) => {
					const value = variables[name];
					return value === undefined ? [] : [{ value, origin: "envfile, line 1" }];
				},
			}),
		manifest: () => Promise.resolve(undefined),
	};
	const sheet = await gather(world, { wanted, signal: new AbortController().signal });
	return timeless(sheet);
}

/** Without what differs from run to run: the stand-in's port, its certificate, how long it took. */
function timeless(sheet: FactSheet): FactSheet {
	const text = JSON.stringify(sheet, (key, value: unknown) =>
		key === "certificate" ? undefined : key === "milliseconds" ? 12 : key === "clockAhead" ? 0 : value,
	);
	return JSON.parse(text.replaceAll(/https:\/\/127\.0\.0\.1:\d+/g, "https://pve.example.com:8006")) as FactSheet;
}
