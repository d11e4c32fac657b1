import * as z from "zod";
import { rawNetwork, readNetwork } from "./machine-network.ts";
import type { Kind } from "./management-list.ts";
import { rawMetadata, readObject } from "./management-object.ts";
import type { Template } from "./networks.ts";

const rawTemplate = z.object({
	metadata: rawMetadata,
	spec: z.object({ template: z.object({ spec: z.object({ network: rawNetwork }) }) }),
});

/** ProxmoxMachineTemplates: which devices the machines made from them get. */
export const machineTemplates: Kind<z.infer<typeof rawTemplate>, Template> = {
	group: "infrastructure.cluster.x-k8s.io",
	plural: "proxmoxmachinetemplates",
	versions: ["v1alpha2", "v1alpha1"],
	foreignVersions: ["v1beta1"],
	shared: true,
	raw: rawTemplate,
	read: ({ metadata, spec }) => ({
		...readObject({ metadata }),
		network: readNetwork(spec.template.spec.network),
	}),
};
