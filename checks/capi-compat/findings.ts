import { error, type Finding, type Severity, warning } from "../../src/check.ts";

/** Every way in which the versions of a management cluster can be at odds. */
export const findings = {
	"not-installed": error("The cluster has no Cluster API."),
	"other-provider": error("The definitions of another Proxmox provider, not of CAPMOX, are installed."),
	"controller-missing": error("A provider is defined, but no Deployment runs it."),
	"provider-twice": error("Two Deployments run the same provider in different versions."),
	"version-unknown": warning("Neither the image nor any inventory tells the version of a provider."),
	"listed-incompatible": error("CAPMOX's README says that the two versions do not work together."),
	"contract-mismatch": error("A provider implements a contract that the core does not take."),
	untested: warning("The core is newer than any that CAPMOX's README names."),
	"not-listed": warning("CAPMOX's README says nothing of this pair of versions."),
	"core-parts-differ": error("Core, bootstrap and control-plane provider of Cluster API are of different versions."),
	"ipam-missing": error("There are ProxmoxClusters, but no provider that gives them addresses."),
	"ipam-too-old": warning("The IPAM provider is older than this CAPMOX asks for."),
	"broken-release": error("The core is a release with a known fault."),
	"ipam-webhook-paths": error("A webhook is registered under a path that the core does not serve."),
	"machine-deployment-without-strategy": error(
		"A MachineDeployment has no strategy: Cluster API's webhook did not run.",
	),
	"image-overridden": warning("The image is of another version than the one that was installed."),
	"management-kubernetes-unsupported": warning("Cluster API does not support the management cluster's Kubernetes."),
	"workload-kubernetes-unsupported": warning("Cluster API does not support a workload cluster's Kubernetes."),
	"kubernetes-needs-newer-core": error("A Kubernetes release needs a newer patch of Cluster API."),
	"stored-versions": error("A definition has stored versions that the next upgrade stumbles over."),
	"webhook-without-ca": error("A webhook has no CA bundle, so the API server cannot call it."),
	"webhook-without-endpoint": error("Nothing is ready behind a webhook."),
	"clusterctl-other-minor": warning("clusterctl on this host is of another minor than the core."),
	"end-of-life": warning("The core gets no more fixes."),
	"knowledge-old": warning("The table of versions was compared with its sources long ago."),
} as const satisfies Record<string, { severity: Severity; means: string }>;

export type CompatCode = keyof typeof findings;
export type CompatFinding = Finding<CompatCode>;
