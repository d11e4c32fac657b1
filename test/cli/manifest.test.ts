import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { doctor } from "../support/doctor.ts";

const manifest = `apiVersion: v1
kind: Namespace
metadata: { name: demo }
---
apiVersion: infrastructure.cluster.x-k8s.io/v1alpha1
kind: ProxmoxMachineTemplate
metadata: { name: demo-worker }
spec:
  template:
    spec:
      network:
        default: { bridge: vmbr0, model: virtio }
        additionalDevices:
          - { name: net1, bridge: vmbr1, model: e1000 }
`;

const cwd = mkdtempSync(join(tmpdir(), "capmox-doctor-manifest-"));
writeFileSync(join(cwd, "cluster.yaml"), manifest);
const report = async (format: string, file: string, input?: string) =>
	(
		await doctor(["check", "nic-order", "--manifest", file, "--report", format], {
			cwd,
			...(input === undefined ? {} : { input }),
		})
	).stdout;

test("a finding about an object of a manifest says file and line, and reports point there", async () => {
	expect(await report("human", "cluster.yaml")).toMatch(
		/saw\s+ProxmoxMachineTemplate\s+demo-worker\s+\(cluster\.yaml,\s+line\s+5\),\s+network/,
	);
	expect(await report("github", "cluster.yaml")).toMatch(
		/^::\w+ file=cluster\.yaml,line=5,title=nic-order\/mixed-models/m,
	);
	expect(JSON.parse(await report("sarif", "cluster.yaml"))).toMatchObject({
		runs: [
			{
				results: [
					{
						locations: [{ physicalLocation: { artifactLocation: { uri: "cluster.yaml" }, region: { startLine: 5 } } }],
					},
				],
			},
		],
	});
});

test("what is piped in is no file to point to", async () => {
	expect(await report("human", "-", manifest)).toMatch(/\(the\s+standard\s+input,\s+line\s+5\)/);
	expect(await report("github", "-", manifest)).toMatch(/^::\w+ title=nic-order\/mixed-models/m);
});
