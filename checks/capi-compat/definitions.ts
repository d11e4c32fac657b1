import { found } from "../../src/check.ts";
import type { Facts } from "../../src/facts/sheet.ts";
import type { CompatFinding } from "./findings.ts";
import type { Installed } from "./installed.ts";

type Definition = Facts["management.definitions"]["definitions"][number];

const isOfProxmox = ({ plural, group }: Definition): boolean =>
	group === "infrastructure.cluster.x-k8s.io" && plural.startsWith("proxmox");
/** CAPMOX has v1alpha1 and v1alpha2; k8s-proxmox/cluster-api-provider-proxmox has v1beta1, by the same names. */
const isForeign = (definition: Definition): boolean =>
	isOfProxmox(definition) &&
	[...definition.versions.map(({ name }) => name), ...definition.stored].some((version) => version === "v1beta1");

export function judgeForeign({ seen }: Installed): CompatFinding[] {
	const all = seen["management.definitions"]?.definitions.filter(isForeign) ?? [];
	const [first] = all;
	if (first === undefined) {
		return [];
	}

	const names = all.map(({ name }) => name);
	return [
		found(
			"other-provider",
			`The cluster holds definitions of k8s-proxmox/cluster-api-provider-proxmox, another provider whose kinds have the same names as CAPMOX's. The two cannot live together, and clusterctl fails on them with "status.storedVersions[0]: Invalid value: "v1beta1": must appear in spec.versions".`,
			{
				from: `CustomResourceDefinition ${first.name}`,
				saw: `versions ${first.versions.map(({ name }) => name).join(", ")}; stored ${first.stored.join(", ")}`,
				expected: "v1alpha1 and v1alpha2, as CAPMOX has them",
			},
			{
				advice: "See whether anything of the other provider is still in use.",
				command: ["kubectl", "get", names.join(","), "--all-namespaces"],
				where: "here",
				risk: "safe",
			},
			{
				advice:
					"Only where that list is empty, remove the definitions; with them goes every object of theirs. Otherwise give CAPMOX a management cluster of its own.",
				command: ["kubectl", "delete", "customresourcedefinitions", ...names],
				where: "here",
				risk: "destroys",
			},
		),
	];
}

/** The API server refuses a definition that drops a version in which objects may still lie. clusterctl migrates first; others do not. */
export function judgeStored({ seen, by }: Installed): CompatFinding[] {
	return (seen["management.definitions"]?.definitions ?? [])
		.filter((definition) => !isForeign(definition))
		.flatMap((definition): CompatFinding[] => {
			const { name, versions, stored } = definition;
			const storage = versions.find((version) => version.storage)?.name ?? "";
			const gone = stored.filter((version) => !versions.some((each) => each.name === version));
			const unserved = versions.filter((each) => !each.served && stored.includes(each.name)).map((each) => each.name);
			const blocking = gone.length > 0 ? gone : by === "clusterctl" ? [] : unserved;
			return blocking.length === 0
				? []
				: [
						{
							...found(
								"stored-versions",
								gone.length > 0
									? `${name} says that objects lie in ${gone.join(" and ")}, a version that it does not define. The API server refuses its next change.`
									: `${name} says that objects lie in ${unserved.join(" and ")}, which is not served any more and will be dropped by an upgrade. The API server then refuses that; only clusterctl migrates by itself.`,
								{
									from: `CustomResourceDefinition ${name}`,
									saw: `storedVersions ${stored.join(", ")}`,
									expected: storage,
								},
								{
									advice: `Write every object anew, which stores it as ${storage}: any change does it, such as an annotation.`,
									command: ["kubectl", "annotate", name, "--all", "--all-namespaces", "capmox-doctor/stored-anew=true"],
									where: "here",
									risk: "changes",
									undo: `kubectl annotate ${name} --all --all-namespaces capmox-doctor/stored-anew-`,
								},
								{
									advice: "Then strike the old version off the definition.",
									command: [
										"kubectl",
										"patch",
										"customresourcedefinition",
										name,
										"--subresource=status",
										"--type=merge",
										"--patch",
										JSON.stringify({ status: { storedVersions: [storage] } }),
									],
									where: "here",
									risk: "changes",
								},
							),
							...(gone.length > 0 ? {} : { severity: "warning" as const }),
						},
					];
		});
}
