import type { NonEmpty, Step } from "../../src/check.ts";
import { kubeVipTarget } from "../../src/knowledge/kube-vip.ts";
import type { Container, ControlPlane, Found } from "./findings.ts";

/** Where the fault stands, and so what can be changed. */
export interface Subject {
	readonly container: Container;
	/** "KubeadmControlPlane default/prod-control-plane", "pod kube-system/kube-vip-prod-0". */
	readonly name: string;
	/** Of "the management cluster", or the name of a manifest. */
	readonly source: string;
	/** Absent for a pod of which nobody knows where it came from. */
	readonly control?: ControlPlane | undefined;
	/** File on the nodes. */
	readonly path: string;
}

/** What to write in place of what is there. */
export interface Change {
	readonly image?: string;
	readonly interface?: string;
	readonly address?: string;
}

export const advise = (advice: string): Step => ({ advice, where: "here", risk: "safe" });

const run = (advice: string, undo: string | undefined, ...command: NonEmpty<string>): Step => ({
	advice,
	command,
	where: "here",
	risk: "changes",
	...(undo === undefined ? {} : { undo }),
});

export const inNamespace = (namespace: string | undefined): readonly string[] =>
	namespace === undefined ? [] : ["--namespace", namespace];

/** The same image, from the same registry, of another release. */
const withTag = (image: string, tag: string): string => `${image.replace(/@.*$/s, "").replace(/:[^:/]*$/, "")}:${tag}`;

export const targetImage = ({ container: { image } }: Subject): Change => ({ image: withTag(image, kubeVipTarget) });

const rolls = "This replaces every control-plane machine, one after the other.";

/** Makes the change where it lasts, and on a node that never came up. */
export function change(subject: Subject, wanted: Change): NonEmpty<Step> {
	const { control, source } = subject;
	if (control === undefined) {
		return [
			...onNode(subject, wanted),
			advise("Then change it where the file comes from, or the next machine has the old one."),
		];
	}

	if (!source.endsWith("cluster")) {
		return [
			advise(`In ${source}, write ${inWords(wanted)} in the manifest of kube-vip, before you apply it.`),
			...(wanted.interface === undefined
				? []
				: [
						{
							advice: "Or let clusterctl write it, where the file is made from CAPMOX's template.",
							put: { line: `export VIP_NETWORK_INTERFACE="${wanted.interface}"`, into: "envfile" },
							where: "here",
							risk: "changes",
						} as const,
					]),
		];
	}

	const first = control.topology === undefined ? inControlPlane(subject, control, wanted) : inClass(control, wanted);
	// An API server that never answered has nothing to roll out by.
	return control.initialized ? first : [...first, ...onNode(subject, wanted)];
}

const inWords = ({ image, interface: name, address }: Change): string =>
	[
		...(image === undefined ? [] : [`image: ${image}`]),
		...(name === undefined ? [] : [`"${name}" for vip_interface`]),
		...(address === undefined ? [] : [`"${address}" for the address`]),
	].join(" and ");

function inControlPlane(subject: Subject, control: ControlPlane, wanted: Change): NonEmpty<Step> {
	const { manifest, name, namespace } = control;
	const target = `kubeadmcontrolplane/${name}`;
	const text = manifest.state === "found" ? rewrite(manifest, wanted) : undefined;
	if (manifest.state === "in-secret") {
		return [
			run(
				`Write ${inWords(wanted)} in key ${manifest.key} of Secret ${manifest.secret}. A changed Secret replaces no machine by itself.`,
				undefined,
				"kubectl",
				"edit",
				`secret/${manifest.secret}`,
				...inNamespace(namespace),
			),
			rollOut(control),
		];
	}

	if (text === undefined || manifest.state !== "found") {
		return [
			run(
				`Write ${inWords(wanted)} in the file ${subject.path}, below spec.kubeadmConfigSpec.files. ${rolls}`,
				undefined,
				"kubectl",
				"edit",
				target,
				...inNamespace(namespace),
			),
		];
	}

	const at = `/spec/kubeadmConfigSpec/files/${manifest.index}`;
	return [
		run(
			`Write ${inWords(wanted)} in the KubeadmControlPlane; the rest of the file stays as it is. ${rolls}`,
			`kubectl edit ${target}${namespace === undefined ? "" : ` --namespace ${namespace}`}, and write what stood there; the machines are replaced once more.`,
			"kubectl",
			"patch",
			target,
			...inNamespace(namespace),
			"--type=json",
			`--patch=${JSON.stringify([
				...unchanged(control),
				{ op: "test", path: `${at}/path`, value: manifest.path },
				{ op: "replace", path: `${at}/content`, value: text },
			])}`,
		),
	];
}

/** The whole file is replaced, so nobody else may have written to it meanwhile. */
const unchanged = ({ uid, generation }: ControlPlane): readonly object[] =>
	uid === undefined || generation === undefined
		? []
		: [
				{ op: "test", path: "/metadata/uid", value: uid },
				{ op: "test", path: "/metadata/generation", value: generation },
			];

/** The file with the change, or nothing where it does not stand there in a form that can be replaced for certain. */
function rewrite({ text, image }: Found, wanted: Change): string | undefined {
	const withImage = replaceOnce(text, wanted.image && `image: ${image}`, wanted.image && `image: ${wanted.image}`);
	const withInterface = setVariable(withImage, "vip_interface", wanted.interface);
	return setVariable(withInterface, "address", wanted.address);
}

function replaceOnce(text: string | undefined, old: string | undefined, fresh: string | undefined): string | undefined {
	if (old === undefined || fresh === undefined) {
		return text;
	}

	const parts = text?.split(old) ?? [];
	return parts.length === 2 ? parts.join(fresh) : undefined;
}

function setVariable(text: string | undefined, name: string, value: string | undefined): string | undefined {
	if (text === undefined || value === undefined) {
		return text;
	}

	const line = new RegExp(`(- name: ${name}[ \\t]*\\n[ \\t]*value:)[^\\n]*`);
	return line.test(text) ? text.replace(line, `$1 "${value}"`) : undefined;
}

/** What a ClusterClass writes it would write again. */
function inClass({ topology, cluster = "", namespace }: ControlPlane, wanted: Change): NonEmpty<Step> {
	const { className = "", field = "class", cloneSpec } = topology ?? {};
	const target = `cluster/${cluster}`;
	if (wanted.interface !== undefined && cloneSpec !== undefined) {
		const at = `/spec/topology/variables/${cloneSpec}`;
		return [
			run(
				`A ClusterClass writes the manifest, and takes the interface from the Cluster's variable cloneSpec. Write "${wanted.interface}" there. ${rolls}`,
				'write "" for virtualIPNetworkInterface in the same way.',
				"kubectl",
				"patch",
				target,
				...inNamespace(namespace),
				"--type=json",
				`--patch=${JSON.stringify([
					{ op: "test", path: `${at}/name`, value: "cloneSpec" },
					{ op: "add", path: `${at}/value/virtualIPNetworkInterface`, value: wanted.interface },
				])}`,
			),
		];
	}

	const fresh = `${className}-kube-vip`;
	const reference = field === "class" ? { class: fresh } : { classRef: { name: fresh } };
	return [
		run(
			`ClusterClass ${className} writes the manifest, so that the KubeadmControlPlane is not the place to change. Save the class as a file, give it the name ${fresh}, write ${inWords(wanted)} in its patch, and take metadata.uid and metadata.resourceVersion out.`,
			undefined,
			"kubectl",
			"get",
			`clusterclass/${className}`,
			...inNamespace(namespace),
			"--output",
			"yaml",
		),
		run(
			"Create it from that file.",
			undefined,
			"kubectl",
			"create",
			...inNamespace(namespace),
			"--filename",
			`${fresh}.yaml`,
		),
		run(
			`Let the cluster use it. ${rolls}`,
			`name ${className} there again.`,
			"kubectl",
			"patch",
			target,
			...inNamespace(namespace),
			"--type=merge",
			`--patch=${JSON.stringify({ spec: { topology: reference } })}`,
		),
	];
}

/** kubelet watches the folder, and starts the pod anew. */
function onNode({ container, path }: Subject, { image, interface: name }: Change): NonEmpty<Step> {
	const place = { where: "cluster-node", risk: "changes" } as const;
	if (image !== undefined) {
		return [
			{
				...place,
				advice:
					"On a control-plane node that is there already, change the file itself. The kubelet starts kube-vip anew within a minute, and no machine is replaced.",
				command: ["sed", "-i", `s#${container.image}#${image}#`, path],
				undo: "the same with the two images exchanged.",
			},
		];
	}

	return [
		{
			...place,
			advice: `On a control-plane node that is there already, write ${name === undefined ? "the right address" : `"${name}" for vip_interface`} in ${path}. The kubelet starts kube-vip anew within a minute, and no machine is replaced.`,
		},
	];
}

export const rollOut = ({ name, namespace }: ControlPlane): Step =>
	run(
		`Replace the machines of KubeadmControlPlane ${name}, one after the other.`,
		undefined,
		"clusterctl",
		"alpha",
		"rollout",
		"restart",
		`kubeadmcontrolplane/${name}`,
		...inNamespace(namespace),
	);
