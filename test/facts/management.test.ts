import { dirname } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Commands, createCommands } from "../../src/access/commands.ts";
import { createFiles } from "../../src/access/files.ts";
import { createKubectl } from "../../src/access/kubectl.ts";
import { openWorld, type World } from "../../src/access/world.ts";
import type { FactName, FactSheet, Facts } from "../../src/facts/sheet.ts";
import { gather } from "../../src/gather.ts";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "../support/kubernetes/server.ts";
import { legacy, managementObjects, newest, plantedSecret, type Setup } from "../support/management.ts";

const everything = [
	"management.server",
	"management.definitions",
	"management.controllers",
	"management.inventory",
	"management.operator",
	"management.webhooks",
	"management.endpoints",
	"management.clusters",
	"management.proxmoxClusters",
	"management.machines",
	"management.proxmoxMachines",
	"management.machineDeployments",
	"management.controlPlanes",
	"management.pools",
	"management.claims",
	"management.addresses",
	"management.credentials",
] as const satisfies readonly FactName[];

let path: string;
let cluster: Kubernetes;
beforeAll(async () => {
	path = `${dirname(await findKubectl())}:${process.env["PATH"] ?? ""}`;
});
afterEach(async () => {
	await cluster.close();
});

async function start(options: KubernetesOptions = {}): Promise<void> {
	cluster = await startKubernetes({ objects: managementObjects(), ...options });
}

function world(namespace?: string): World {
	const real = createCommands();
	const env = { PATH: path, HOME: cluster.environment.HOME };
	const commands: Commands = {
		...real,
		run: (argv, options) => real.run(argv, { ...options, env }),
		serve: (argv, ready, options) => real.serve(argv, ready, { ...options, env }),
	};
	const options = { kubeconfig: cluster.kubeconfig, namespace };
	return {
		...openWorld(options),
		commands,
		kubectl: createKubectl(commands, createFiles(), { kubeconfig: cluster.kubeconfig, processEnvironment: {} }),
		options,
	};
}

const read = async (wanted: readonly FactName[] = everything, namespace?: string): Promise<FactSheet> =>
	gather(world(namespace), { wanted, signal: new AbortController().signal });

function known<Name extends FactName>(sheet: FactSheet, name: Name): Facts[Name] {
	const state = sheet[name];
	if (state?.state !== "known") {
		throw new Error(`${name}: ${JSON.stringify(state)}`);
	}

	return state.value;
}

describe.each([
	["the newest", newest],
	["the older", legacy],
] as const)("both generations have one shape: %s", (_, setup) => {
	test("machines, clusters and addresses", async () => {
		await start({ objects: managementObjects(setup) });
		const sheet = await read();
		const { items } = known(sheet, "management.machines");
		expect(items).toHaveLength(2);
		expect(items[0]).toMatchObject({
			namespace: "default",
			name: "prod-control-plane-0",
			cluster: "prod",
			controlPlane: true,
			phase: "Running",
			version: setup.kubernetes,
			node: "prod-control-plane-0",
			infrastructure: { kind: "ProxmoxMachine", name: "prod-control-plane-0" },
			nodeDeletionTimeout: 10,
			paused: false,
			finalizers: ["machine.cluster.x-k8s.io"],
			annotations: { "pre-terminate.delete.hook.machine.cluster.x-k8s.io/kcp-cleanup": "" },
		});
		expect(items[0]?.conditions.map(({ type }) => type)).toEqual(
			expect.arrayContaining(["Available", "InfrastructureReady"]),
		);
		expect(items[1]?.annotations).toEqual({});
		expect(known(sheet, "management.proxmoxMachines").items[1]).toMatchObject({
			ready: true,
			vmid: 102,
			node: "pve1",
			addresses: ["10.10.10.21"],
			owners: [{ kind: "Machine", name: "prod-workers-0", group: "cluster.x-k8s.io", controller: true }],
		});
		expect(known(sheet, "management.proxmoxClusters").items).toMatchObject([
			{
				ready: true,
				cluster: "prod",
				endpoint: { host: "10.10.10.10", port: 6443 },
				ranges: [{ family: 4, addresses: ["10.10.10.20-10.10.30.250"], prefix: 16, gateway: "10.10.0.1" }],
				credentials: { namespace: "default", name: "prod-proxmox-credentials" },
				nodeLocations: [{ machine: "prod-workers-0", node: "pve1" }],
			},
		]);
		expect(known(sheet, "management.clusters").items).toMatchObject([
			{
				controlPlane: { kind: "KubeadmControlPlane", name: "prod-control-plane" },
				infrastructure: { kind: "ProxmoxCluster", name: "prod" },
			},
		]);
		expect(known(sheet, "management.machineDeployments").items).toMatchObject([
			{
				strategy: "RollingUpdate",
				version: setup.kubernetes,
				infrastructure: "ProxmoxMachineTemplate",
				cluster: "prod",
			},
		]);
		expect(known(sheet, "management.controlPlanes").items).toMatchObject([
			{ version: setup.kubernetes, running: setup.kubernetes, initialized: true, cluster: "prod" },
		]);
		expect(known(sheet, "management.pools").items).toMatchObject([{ name: "prod-v4-icip", counts: { total: 5_351 } }]);
		const [claim] = known(sheet, "management.claims").items;
		expect(claim?.address).toBe(claim?.name);
		expect(known(sheet, "management.addresses").items[0]).toMatchObject({
			address: "10.10.10.20",
			claim: claim?.name,
			pool: { kind: "InClusterIPPool", name: "prod-v4-icip" },
		});
	});

	test("controllers, inventory, definitions and webhooks", async () => {
		await start({ objects: managementObjects(setup) });
		const sheet = await read();
		const { controllers } = known(sheet, "management.controllers");
		expect(controllers.map(({ provider, image: { version } }) => [provider, version])).toEqual(
			expect.arrayContaining([
				["cluster-api", setup.core],
				["infrastructure-proxmox", setup.capmox],
			]),
		);
		expect(known(sheet, "management.inventory")).toEqual({ installed: true, asked: false, providers: [] });
		const definition = known(sheet, "management.definitions").definitions.find(({ kind }) => kind === "ProxmoxMachine");
		expect(definition).toMatchObject(
			setup === newest
				? {
						contracts: { v1beta1: ["v1alpha2"], v1beta2: ["v1alpha2"] },
						stored: ["v1alpha2"],
						conversion: { service: { namespace: "capmox-system", path: "/convert" }, caBundle: true },
					}
				: { contracts: { v1beta1: ["v1alpha1"] }, stored: ["v1alpha1"] },
		);
		const { webhooks } = known(sheet, "management.webhooks");
		expect(webhooks.filter(({ caBundle, mandatory }) => caBundle && mandatory)).toHaveLength(webhooks.length);
		expect(webhooks.map(({ name }) => name)).toContain("validation.machinedeployment.cluster.x-k8s.io");
		const { services } = known(sheet, "management.endpoints");
		expect(services).toHaveLength(5);
		expect(services.every(({ ready }) => ready)).toBe(true);
	});
});

test("only reads, within 16 requests, and no value of a Secret", async () => {
	await start();
	const text = JSON.stringify(await read());
	expect(new Set(cluster.requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
	expect(cluster.requests.map(({ path: asked }) => asked).sort()).toMatchInlineSnapshot(`
		[
		  "/api/v1/namespaces/default/secrets",
		  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
		  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
		  "/apis/apps/v1/deployments",
		  "/apis/cluster.x-k8s.io/v1beta2/clusters",
		  "/apis/cluster.x-k8s.io/v1beta2/machinedeployments",
		  "/apis/cluster.x-k8s.io/v1beta2/machines",
		  "/apis/controlplane.cluster.x-k8s.io/v1beta2/kubeadmcontrolplanes",
		  "/apis/infrastructure.cluster.x-k8s.io/v1alpha2/proxmoxclusters",
		  "/apis/infrastructure.cluster.x-k8s.io/v1alpha2/proxmoxmachines",
		  "/apis/ipam.cluster.x-k8s.io/v1alpha2/inclusterippools",
		  "/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddressclaims",
		  "/apis/ipam.cluster.x-k8s.io/v1beta2/ipaddresses",
		  "/version",
		]
	`);
	expect(cluster.requests.length).toBeLessThanOrEqual(16);
	const ofSecrets = cluster.requests.filter(({ path: asked }) => asked.includes("secrets"));
	expect(ofSecrets.map(({ accept }) => accept)).toEqual([
		"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
	]);
	expect(text).not.toContain(plantedSecret);
	expect(text).not.toContain(Buffer.from(plantedSecret).toString("base64"));
	expect(text).not.toContain("managedFields");
});

/** The objects, with this one changed. */
const changing = (kind: string, name: string, change: (text: string) => string, setup: Setup = newest) =>
	managementObjects(setup).map((object) =>
		object.kind === kind && object.metadata.name === name
			? (JSON.parse(change(JSON.stringify(object))) as typeof object)
			: object,
	);

describe("clusterctl's inventory is asked where the Deployments leave a doubt", () => {
	const capmox = "capmox-controller-manager";
	const without = (what: string) => (text: string) => text.replace(what, "");
	test.each([
		["an image from a mirror", managementObjects({ ...newest, mirror: "mirror.example.com/" })],
		["not applied by clusterctl", changing("Deployment", capmox, without(',"clusterctl.cluster.x-k8s.io":""'))],
		["an image without a version", changing("Deployment", capmox, without(":v0.9.0"))],
		[
			"a provider twice",
			managementObjects().flatMap((object) =>
				object.kind === "Deployment" && object.metadata.name === capmox
					? [object, { ...object, metadata: { ...object.metadata, namespace: "other", uid: "other" } }]
					: [object],
			),
		],
	])("%s", async (_, objects) => {
		await start({ objects });
		expect(known(await read(["management.inventory"]), "management.inventory").providers).toHaveLength(5);
	});

	test("a Deployment that somebody changed", async () => {
		await start();
		const deployment = cluster.objects().find(({ metadata }) => metadata.name === capmox)!;
		const changed = JSON.stringify(deployment)
			.replace(":v0.9.0", ":v0.8.2")
			.replace('"generation":1', '"generation":2');
		cluster.put(JSON.parse(changed) as typeof deployment);
		const { providers } = known(await read(["management.inventory"]), "management.inventory");
		expect(providers.find(({ name }) => name === "infrastructure-proxmox")?.version).toBe("v0.9.0");
	});

	test.each([
		["not where one was only restarted and scaled", "clusterctl", "kubectl", undefined],
		["where its image was set by another", "kubectl-set", "clusterctl", 5],
		["where its image was set by another to what it was", "clusterctl", "clusterctl", 5, "argocd-controller"],
	] as const)("%s", async (_, ofImage, ofReplicas, asked, alsoOfImage: string = ofImage) => {
		const image = {
			"f:template": { "f:spec": { "f:containers": { 'k:{"name":"manager"}': { ".": {}, "f:image": {} } } } },
		};
		const label = { "f:metadata": { "f:labels": { ".": {}, "f:clusterctl.cluster.x-k8s.io": {} } } };
		const managedFields = [
			{ manager: "clusterctl", fieldsV1: label },
			{ manager: ofImage, fieldsV1: { "f:spec": image } },
			{ manager: alsoOfImage, fieldsV1: { "f:spec": image } },
			{ manager: ofReplicas, fieldsV1: { "f:spec": { "f:replicas": {} } } },
		];
		const objects = managementObjects().map((each) =>
			each.kind === "Deployment" && each.metadata.name === capmox
				? { ...each, metadata: { ...each.metadata, generation: 4, managedFields } }
				: each,
		);
		await start({ objects });
		const inventory = known(await read(["management.inventory"]), "management.inventory");
		expect(inventory).toMatchObject(asked === undefined ? { asked: false } : { installed: true });
		expect(inventory.providers).toHaveLength(asked ?? 0);
	});
});

test("mutating webhooks are asked for where a provider has no others", async () => {
	await start({
		objects: managementObjects().filter(({ metadata }) => metadata.name !== "capmox-validating-webhook-configuration"),
	});
	const { webhooks } = known(await read(["management.webhooks"]), "management.webhooks");
	expect(webhooks.map(({ name }) => name)).toContain("default.machinedeployment.cluster.x-k8s.io");
});

describe("the Secrets that ProxmoxClusters name", () => {
	test("are known by their metadata", async () => {
		await start();
		expect(known(await read(["management.credentials"]), "management.credentials").secrets).toMatchObject([
			{
				namespace: "default",
				name: "prod-proxmox-credentials",
				object: {
					finalizers: ["proxmoxcluster.infrastructure.cluster.x-k8s.io/secret"],
					owners: [{ kind: "ProxmoxCluster", name: "prod" }],
				},
			},
		]);
	});

	test("are not asked for where none is named", async () => {
		await start({ objects: managementObjects({ ...newest, ownCredentials: false }) });
		expect(known(await read(["management.credentials"]), "management.credentials")).toEqual({ secrets: [] });
		expect(cluster.requests.filter(({ path: asked }) => asked.includes("secrets"))).toEqual([]);
	});

	test("may be gone", async () => {
		await start({ objects: managementObjects().filter(({ kind }) => kind !== "Secret") });
		expect(known(await read(["management.credentials"]), "management.credentials").secrets).toEqual([
			{ namespace: "default", name: "prod-proxmox-credentials" },
		]);
	});

	test.each([
		[{ kind: "status", code: 403 }, "forbidden"],
		[{ kind: "hang" }, "timeout"],
		[{ kind: "truncated" }, "unreadable"],
	] as const)("cannot be seen: %o", async (fault, cause) => {
		await start({ faults: [{ ...fault, resource: "secrets" }] });
		expect((await read(["management.credentials"]))["management.credentials"]).toMatchObject({
			state: "unavailable",
			cause,
		});
	});
});

test("the server tells its version and its time", async () => {
	await start({ version: "v1.31.5+k3s1", clockSkew: 3_600_000 });
	const { version, date = "", here } = known(await read(["management.server"]), "management.server");
	expect(version).toBe("v1.31.5+k3s1");
	expect((Date.parse(date) - Date.parse(here)) / 60_000).toBeCloseTo(60, 0);
});

test("--namespace leaves out what lies elsewhere, but no controller", async () => {
	await start();
	const sheet = await read(["management.machines", "management.controllers"], "other");
	expect(known(sheet, "management.machines")).toMatchObject({ installed: true, items: [] });
	expect(known(sheet, "management.controllers").controllers).toHaveLength(5);
});

describe("what is not there and what may not be seen", () => {
	test("a cluster without Cluster API: known, and nothing installed", async () => {
		await start({ objects: [] });
		const sheet = await read();
		expect(known(sheet, "management.machines")).toEqual({ installed: false, items: [] });
		expect(known(sheet, "management.inventory")).toEqual({ installed: false, providers: [] });
		expect(known(sheet, "management.controllers").controllers).toEqual([]);
		expect(cluster.requests.length).toBeLessThanOrEqual(8);
	});

	test("no IPAM provider: no pools, and the rest is known", async () => {
		await start({ objects: managementObjects({ ...newest, ipam: undefined }) });
		const sheet = await read();
		expect(known(sheet, "management.pools")).toEqual({ installed: false, items: [] });
		expect(known(sheet, "management.claims")).toMatchObject({ installed: true, items: [] });
	});

	test("one list that is forbidden is unavailable alone", async () => {
		await start({
			faults: [{ kind: "status", code: 403, resource: "proxmoxmachines.infrastructure.cluster.x-k8s.io" }],
		});
		const sheet = await read();
		expect(sheet["management.proxmoxMachines"]).toMatchObject({ state: "unavailable", cause: "forbidden" });
		expect(known(sheet, "management.machines").items).toHaveLength(2);
	});

	test.each([
		["the newest", newest],
		["the older", legacy],
	])(
		"without the right to see definitions the lists are read by what the server says of its groups: %s",
		async (_, setup: Setup) => {
			await start({
				objects: managementObjects(setup),
				faults: [{ kind: "status", code: 403, resource: "customresourcedefinitions.apiextensions.k8s.io" }],
			});
			const sheet = await read();
			expect(sheet["management.definitions"]).toMatchObject({ state: "unavailable", cause: "forbidden" });
			expect(known(sheet, "management.machines").items).toHaveLength(2);
			expect(known(sheet, "management.proxmoxMachines").items).toHaveLength(2);
			expect(known(sheet, "management.pools").items).toHaveLength(1);
		},
	);

	test("definitions that lost the provider's label are found all the same", async () => {
		const objects = managementObjects().map((object) =>
			object.kind === "CustomResourceDefinition" ? { ...object, metadata: { ...object.metadata, labels: {} } } : object,
		);
		await start({ objects });
		const sheet = await read(["management.definitions", "management.machines"]);
		expect(known(sheet, "management.definitions").definitions.map(({ kind }) => kind)).toContain("ProxmoxMachine");
		expect(known(sheet, "management.machines").items).toHaveLength(2);
	});

	test("the other Proxmox provider's definition is no CAPMOX", async () => {
		const foreign = managementObjects(legacy)
			.filter(({ kind }) => kind !== "ProxmoxCluster" && kind !== "ProxmoxMachine")
			.map((object) =>
				object.metadata.name.startsWith("proxmox") && object.kind === "CustomResourceDefinition"
					? (JSON.parse(JSON.stringify(object).replaceAll("v1alpha1", "v1beta1")) as typeof object)
					: object,
			);
		await start({ objects: foreign });
		const sheet = await read(["management.definitions", "management.proxmoxMachines"]);
		expect(known(sheet, "management.proxmoxMachines")).toEqual({ installed: false, items: [] });
		expect(known(sheet, "management.definitions").definitions).toContainEqual(
			expect.objectContaining({ kind: "ProxmoxCluster", stored: ["v1beta1"] }),
		);
	});

	test("a version of tomorrow is not taken for an empty list", async () => {
		const objects = managementObjects()
			.filter(({ kind }) => kind !== "Machine")
			.map((object) =>
				object.metadata.name === "machines.cluster.x-k8s.io"
					? (JSON.parse(JSON.stringify(object).replaceAll(/v1beta[12]/g, "v1")) as typeof object)
					: object,
			);
		await start({ objects });
		const sheet = await read(["management.machines"]);
		expect(sheet["management.machines"]).toMatchObject({ state: "unavailable", cause: "unreadable" });
	});

	test("a page that is cut off makes no short list", async () => {
		await start({
			objects: managementObjects({ ...newest, workers: 20 }),
			pageLimit: 10,
			faults: [{ kind: "truncated", query: "continue=", resource: "machines.cluster.x-k8s.io" }],
		});
		const sheet = await read(["management.machines", "management.proxmoxMachines"]);
		expect(sheet["management.machines"]).toMatchObject({ state: "unavailable", cause: "unreadable" });
		expect(known(sheet, "management.proxmoxMachines").items).toHaveLength(21);
	});
});

describe("the Cluster API operator", () => {
	test("is told by the Deployments' owners; its objects are only read where the image tells no version", async () => {
		await start({ objects: managementObjects({ ...newest, operator: true }) });
		const sheet = await read();
		const { controllers } = known(sheet, "management.controllers");
		expect(controllers.find(({ provider }) => provider === "cluster-api")?.operator).toEqual({
			kind: "CoreProvider",
			name: "cluster-api",
		});
		expect(known(sheet, "management.inventory").asked).toBe(false);
		expect(known(sheet, "management.operator").providers).toEqual([]);
		expect(cluster.requests.length).toBeLessThanOrEqual(16);
	});

	test("knows the version of an image that has only a digest", async () => {
		const objects = managementObjects({ ...newest, operator: true }).map((object) =>
			object.metadata.name === "capmox-controller-manager"
				? (JSON.parse(JSON.stringify(object).replace(/:v0\.9\.0/, `@sha256:${"4f".repeat(32)}`)) as typeof object)
				: object,
		);
		await start({
			objects: [
				...objects,
				{
					apiVersion: "operator.cluster.x-k8s.io/v1alpha2",
					kind: "InfrastructureProvider",
					metadata: { name: "proxmox", namespace: "capi-providers" },
					spec: { version: "v0.9.0" },
					status: { installedVersion: "v0.9.0", contract: "v1beta2" },
				},
			],
		});
		expect(known(await read(["management.operator"]), "management.operator").providers).toEqual([
			{
				kind: "InfrastructureProvider",
				namespace: "capi-providers",
				name: "proxmox",
				wanted: "v0.9.0",
				installed: "v0.9.0",
			},
		]);
	});
});
