import { coerce, compare } from "semver";
import type { Family } from "../../src/addresses.ts";
import type { NonEmpty, Step } from "../../src/check.ts";
import { calicoSince } from "../../src/knowledge/calico.ts";
import { internalOf, methodOf } from "./chosen.ts";
import type { Node, Scene } from "./findings.ts";

export const advise = (advice: string): Step => ({ advice, where: "here", risk: "safe" });

export const look = (advice: string, { cluster }: Scene, ...words: readonly string[]): Step => ({
	...advise(advice),
	command: ["kubectl", ...cluster.kubectl, ...words],
});

const wanted = "kubernetes-internal-ip";
const restarts = "Calico's pods start again one by one, and each node's traffic stops for some seconds.";

/** Lets Calico take each node's InternalIP, in the way of this installation. */
export function takeInternal(scene: Scene, families: readonly Family[], affected: readonly Node[]): NonEmpty<Step> {
	const told = families.filter((family) => methodOf(scene, family).method === wanted);
	if (told.length === families.length) {
		return already(scene);
	}

	const without = families.filter((family) => affected.some((node) => internalOf(node, family).length === 0));
	const step = scene.calico.byOperator ? inInstallation(scene, families) : inDaemonSet(scene, families);
	return [
		step,
		...(without.length === 0
			? []
			: [
					advise(
						`Some of these nodes have no InternalIP of IPv${without.join(" and IPv")}, so that ${wanted} finds nothing for them. Name the interface there instead: interface=ens18 for net0.`,
					),
				]),
		look(
			"The InternalIP must be the right address first. See it here; where it is not, capmox-doctor check nic-order says why.",
			scene,
			"get",
			"nodes",
			"--output",
			"wide",
		),
	];
}

function already(scene: Scene): NonEmpty<Step> {
	const { calico } = scene;
	const version = coerce(calico.version);
	const isOld = version !== null && compare(version, calicoSince.internalIpMask) < 0;
	if (calico.rolling === true) {
		return [
			look(
				`Calico is told to take the InternalIP already (${wanted}), and its pods are being replaced by such as look that way. Wait until all are up to date, and look again.`,
				scene,
				"get",
				"--namespace",
				calico.namespace,
				`daemonset/${calico.name}`,
			),
		];
	}

	return [
		look(
			`Calico is told to take the InternalIP already (${wanted}). See what its agents say; an address may be from before that.`,
			scene,
			"logs",
			"--namespace",
			calico.namespace,
			`daemonset/${calico.name}`,
			"--container=calico-node",
			"--tail=100",
		),
		{
			...advise(`Let them look again. ${restarts}`),
			command: [
				"kubectl",
				...scene.cluster.kubectl,
				"rollout",
				"restart",
				"--namespace",
				calico.namespace,
				`daemonset/${calico.name}`,
			],
			risk: "changes",
			...(calico.byOperator ? {} : only(scene)),
		},
		...(isOld
			? [
					advise(
						`Calico ${calico.version ?? ""} takes a mask of a single host with this method. v${calicoSince.internalIpMask} and newer take the mask of the interface: update it.`,
					),
				]
			: []),
	];
}

/** A kubeconfig of the same name may lead to another cluster. */
const only = ({ calico: { uid } }: Scene): Pick<Step, "of"> => (uid === undefined ? {} : { of: [uid] });

const sourceOf = (family: Family): string => (family === 4 ? "IP" : "IP6");
const variableOf = (family: Family): string => `${sourceOf(family)}_AUTODETECTION_METHOD`;

function inDaemonSet(scene: Scene, families: readonly Family[]): Step {
	const { calico, cluster } = scene;
	const set = (values: readonly string[]): NonEmpty<string> => [
		"kubectl",
		...cluster.kubectl,
		"set",
		"env",
		"--namespace",
		calico.namespace,
		`daemonset/${calico.name}`,
		"--containers=calico-node",
		...values,
	];
	const methods = families.map((family) => ({ family, ...methodOf(scene, family) }));
	const isTold = methods.some(({ method }) => method.startsWith("told by"));
	const before = methods.map(({ family, method, written }) =>
		written ? `${variableOf(family)}=${method}` : `${variableOf(family)}-`,
	);
	return {
		advice: `Let Calico take each node's InternalIP. It was installed by a manifest, so that the DaemonSet is the place. Write the same into that manifest. ${restarts}`,
		command: set(
			methods.flatMap(({ family, method }) => [
				// Calico is told an address, and looks for none.
				...(method === `told by ${sourceOf(family)}` ? [`${sourceOf(family)}=autodetect`] : []),
				`${variableOf(family)}=${wanted}`,
			]),
		),
		where: "here",
		risk: "changes",
		...only(scene),
		undo: isTold
			? ["kubectl", ...cluster.kubectl, "rollout", "undo", "--namespace", calico.namespace, `daemonset/${calico.name}`]
			: set(before),
	};
}

/** Exactly one of them may be set. */
const fields = ["firstFound", "interface", "skipInterface", "canReach", "cidrs"] as const;

function inInstallation(scene: Scene, families: readonly Family[]): Step {
	const patch = (value: (family: Family) => object): NonEmpty<string> => [
		"kubectl",
		...scene.cluster.kubectl,
		"patch",
		"installation/default",
		"--type=merge",
		`--patch=${JSON.stringify({
			spec: {
				calicoNetwork: Object.fromEntries(
					families.map((family) => [`nodeAddressAutodetectionV${family}`, value(family)]),
				),
			},
		})}`,
	];
	const none = Object.fromEntries(fields.map((field) => [field, null]));
	return {
		advice: `Let Calico take each node's InternalIP. The Tigera operator installed it, and takes back what is changed in the DaemonSet; the Installation is the place. ${restarts}`,
		command: patch(() => ({ ...none, kubernetes: "NodeInternalIP" })),
		where: "here",
		risk: "changes",
		...only(scene),
		undo: patch((family) => ({ ...none, kubernetes: null, ...asField(methodOf(scene, family).method) })),
	};
}

/** A method as the Installation spells it. */
function asField(method: string): object {
	const [name = "", value = ""] = method.split(/=(.*)/s);
	switch (name) {
		case "interface":
			return { interface: value };
		case "skip-interface":
			return { skipInterface: value };
		case "can-reach":
			return { canReach: value };
		case "cidr":
			return { cidrs: value.split(",") };
		default:
			return { firstFound: true };
	}
}
