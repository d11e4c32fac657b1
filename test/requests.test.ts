import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority } from "./support/certificates.ts";
import { doctor } from "./support/doctor.ts";
import { findKubectl } from "./support/kubernetes/kubectl.ts";
import type { KubernetesObject } from "./support/kubernetes/objects.ts";
import { type RecordedRequest, startKubernetes } from "./support/kubernetes/server.ts";
import { legacy, newest, plantedSecret } from "./support/management.ts";
import { nicObjects } from "./support/nic-objects.ts";
import { usualVariables } from "./support/permission-scenarios.ts";
import { startProxmox } from "./support/proxmox/proxmox.ts";
import { goodToken } from "./support/proxmox/state.ts";
import { parseReport } from "./support/report-schema.ts";

let folder: string;
let path: string;
beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "requests-"));
	path = `${dirname(await findKubectl())}:${dirname(process.execPath)}:/usr/bin:/bin`;
});
afterAll(() => {
	rmSync(folder, { recursive: true });
});

interface Run {
	readonly requests: readonly RecordedRequest[];
	readonly verdicts: ReadonlyMap<string, string>;
	readonly output: string;
}

/** Every check, by the program that ships, with the real kubectl and a Proxmox VE that takes the token. */
async function runAll(objects: readonly KubernetesObject[]): Promise<Run> {
	const authority = await createAuthority();
	const ca = join(folder, "ca.pem");
	writeFileSync(ca, authority.certificate);
	const [cluster, proxmox] = await Promise.all([startKubernetes({ objects }), startProxmox({ authority, delay: 0 })]);
	try {
		const env = {
			...cluster.environment,
			...usualVariables,
			PATH: path,
			PROXMOX_URL: proxmox.url,
			PROXMOX_TOKEN: goodToken.id,
			PROXMOX_SECRET: goodToken.secret,
			PROXMOX_ROOT_CERT_FILE: ca,
		};
		const { stdout, stderr } = await doctor(["run", "--format", "json"], { env });
		const { checks } = await parseReport(stdout);
		return {
			requests: [...cluster.requests],
			verdicts: new Map(checks.map(({ id, verdict }) => [id, verdict])),
			output: stdout + stderr,
		};
	} finally {
		await Promise.all([cluster.close(), proxmox.close()]);
	}
}

const bootstrap = "/kubeadmconfigs";

/** Its control plane has rolled out what it wants. */
function settled(object: KubernetesObject): KubernetesObject {
	const type = object.apiVersion.endsWith("/v1beta2") ? "MachinesUpToDate" : "MachinesSpecUpToDate";
	return object.kind === "KubeadmControlPlane"
		? {
				...object,
				metadata: { ...object.metadata, generation: 3 },
				status: { ...(object["status"] as object), observedGeneration: 3, conditions: [{ type, status: "True" }] },
			}
		: object;
}

const withoutBundle = (object: KubernetesObject): KubernetesObject =>
	JSON.parse(JSON.stringify(object).replaceAll(/"caBundle":"[^"]*"/g, '"caBundle":"Cg=="')) as KubernetesObject;

const firstPages = (requests: readonly RecordedRequest[]): readonly string[] =>
	requests
		.filter(({ query }) => !("continue" in query))
		.map(({ path: asked, query }) => {
			const own = Object.entries(query).filter(([key]) => key !== "limit" && key !== "timeout");
			return own.length === 0 ? asked : `${asked}?${new URLSearchParams(own).toString()}`;
		});

describe("a whole run asks a management cluster", () => {
	test.each([
		["one network device", 15, newest, [{}], "unknown"],
		["one network device, the older", 15, legacy, [{}], "unknown"],
		["two network devices and a pool of all namespaces", 16, newest, [{}, { shared: true }], "unknown"],
		["the same, the older", 16, legacy, [{}, { shared: true }], "unknown"],
	] as const)("for each list once: %s, %i at most", async (_, most, setup, devices, verdictOfNics) => {
		const objects = nicObjects({ setup, devices, pool: {} }).map(settled);
		const { requests, verdicts, output } = await runAll(objects);
		const asked = firstPages(requests);
		expect(new Set(requests.map(({ method }) => method))).toEqual(new Set(["GET"]));
		expect(asked.filter((each, index) => asked.indexOf(each) !== index)).toEqual([]);
		// The list itself, so that a failure shows it.
		expect(asked.length <= most ? [] : [...asked].sort()).toEqual([]);

		// nic-order has still to see the nodes of the workload cluster, which nobody names here.
		const looked = ["capi-compat", "machine-deletion", "permissions", "nic-order"].map((id) => verdicts.get(id));
		expect(looked).toEqual([...Array<unknown>(3).fill(expect.stringMatching(/^(?:pass|warn|fail)$/)), verdictOfNics]);

		const whole = requests.filter(
			(each) => each.path.includes("secrets") && !each.accept.includes("as=PartialObjectMetadata"),
		);
		expect(whole).toEqual([]);
		expect(output).not.toContain(plantedSecret);
		expect(asked.filter((each) => each.includes(bootstrap))).toEqual([]);
	});

	const restarted = (each: KubernetesObject) => ({ ...each, metadata: { ...each.metadata, generation: 2 } });
	const isManager = ({ kind, metadata }: KubernetesObject, name = "") =>
		kind === "Deployment" && metadata.name.startsWith(name);
	test.each([
		["images of a mirror", { ...newest, mirror: "mirror.example.com/" }, (each: KubernetesObject) => [each]],
		["the operator", { ...newest, operator: true }, (each: KubernetesObject) => [each]],
		["a controller that was changed", newest, (each: KubernetesObject) => [isManager(each) ? restarted(each) : each]],
		["no controller behind a webhook", newest, (each: KubernetesObject) => (isManager(each, "capmox") ? [] : [each])],
		["a webhook without a CA bundle", newest, (each: KubernetesObject) => [withoutBundle(each)]],
		["a roll-out", newest, (each: KubernetesObject) => [each.kind === "KubeadmControlPlane" ? restarted(each) : each]],
	])("16 times at most in each state that is out of the ordinary: %s", async (_, setup, change) => {
		const objects = nicObjects({ setup, devices: [{}], pool: {} })
			.map(settled)
			.flatMap(change);
		const { requests } = await runAll(objects);
		const asked = firstPages(requests);
		expect(asked.length <= 16 ? [] : [...asked].sort()).toEqual([]);
	});

	test.each([
		["has not seen its newest spec", { observedGeneration: 2 }],
		["has machines that are not up to date", { conditions: [{ type: "MachinesUpToDate", status: "False" }] }],
		["does not say", { conditions: [] }],
	])("for what each machine was made with only where its control plane %s", async (_, status) => {
		const objects = nicObjects({ setup: newest, devices: [{}], pool: {} })
			.map(settled)
			.map((each) =>
				each.kind === "KubeadmControlPlane" ? { ...each, status: { ...(each["status"] as object), ...status } } : each,
			);
		const { requests } = await runAll(objects);
		expect(firstPages(requests).filter((each) => each.includes(bootstrap))).toHaveLength(1);
	});
});
