import { coerce, compare } from "semver";
import { parseAddress, renderAddress } from "../../src/addresses.ts";
import type { Evidence } from "../../src/check.ts";
import { brokenReleases, kubeVipSince, kubeVipTarget, superAdminSince } from "../../src/knowledge/kube-vip.ts";
import type { ControlPlane, VipFinding } from "./findings.ts";
import { advise, change, type Subject, targetImage } from "./steps.ts";

/** What is known around a container that decides whether it can work. */
export interface Surroundings {
	readonly endpoint?: { readonly host: string } | undefined;
	/** The machines have a default route of IPv4; absent where nobody asked. */
	readonly ipv4Route?: boolean | undefined;
	/** The cluster was reached by this address before. */
	readonly initialized: boolean;
	/** Interfaces by other names are known to be there. */
	readonly ignition: boolean;
	/** How many network devices its machines have; absent where nobody asked. */
	readonly devices?: number | undefined;
}

/** Without what stands behind it: v1.2.2-mirror is 1.2.2, and no release before that. */
const numberOf = (version: string) => coerce(version);

/** `undefined` where there is no version to compare. */
function isBefore(version: string | undefined, limit: string): boolean | undefined {
	const found = version === undefined ? null : numberOf(version);
	return found === null ? undefined : compare(found, limit) < 0;
}

const isWithin = (version: string | undefined, from: string, to: string): boolean =>
	isBefore(version, from) === false && (version === undefined ? false : compare(numberOf(version) ?? to, to) <= 0);

export function judgeContainer(subject: Subject, around: Surroundings): readonly VipFinding[] {
	const { container } = subject;
	if (!container.controlPlane) {
		// One that serves Services alone may stand beside another.
		return container.services && subject.control === undefined ? [] : [switchedOff(subject)];
	}

	return [
		...judgeRoutes(subject, around),
		...judgeAddress(subject, around),
		...judgeVariables(subject),
		...judgeRelease(subject),
		...judgeInterface(subject, around),
		...(container.version === undefined ? [untold(subject)] : []),
	];
}

const saysImage = ({ name, container: { image } }: Subject): Evidence => ({ from: name, saw: `image ${image}` });

function judgeRoutes(subject: Subject, { ipv4Route }: Surroundings): readonly VipFinding[] {
	const { container, name } = subject;
	if (
		isBefore(container.version, kubeVipSince.ipv6Routes) !== true ||
		container.interface !== "" ||
		ipv4Route !== false
	) {
		return [];
	}

	return [
		{
			code: "blind-to-ipv6",
			summary: `kube-vip ${container.version ?? ""} cannot start: it looks for the interface with the default route of IPv4, and these machines only have one of IPv6. Its log ends with "unable to detect default interface".`,
			evidence: [
				{
					...saysImage(subject),
					expected: `v${kubeVipSince.ipv6Routes} or newer, which looks at IPv6, too (CAPMOX's document says ${kubeVipSince.ipv6RoutesDocumented}), or an interface`,
				},
				{ from: `${name}, vip_interface`, saw: "empty, so that kube-vip looks for one" },
				{ from: "networks of the control-plane machines", saw: "no gateway of IPv4" },
			],
			remedy: [
				...change(subject, subject.control?.topology === undefined ? targetImage(subject) : { interface: "ens18" }),
				advise(
					`Any release from v${kubeVipSince.ipv6Routes} on will do, and so does the name of the interface in vip_interface, which is ens18 for net0 on Proxmox VE.`,
				),
			],
		},
	];
}

function judgeAddress(subject: Subject, { endpoint, initialized }: Surroundings): readonly VipFinding[] {
	const { name, container } = subject;
	const { address, addressBy = "address" } = container;
	if (endpoint === undefined || (address !== undefined && !differ(address, endpoint.host))) {
		return [];
	}

	return [
		{
			code: "wrong-address",
			// Somebody answered there once, so that it may be a load balancer of which nobody told CAPMOX.
			...(initialized ? { confidence: "likely" } : {}),
			summary:
				address === undefined
					? `kube-vip is told no address, and the cluster is reached by ${endpoint.host}.`
					: `kube-vip brings up ${address}, but the cluster is reached by ${endpoint.host}. ${initialized ? "Nothing else is known to bring that up." : "Nobody will answer there."}`,
			evidence: [
				{ from: `${name}, ${addressBy}`, saw: address ?? "not set" },
				{ from: "Cluster, spec.controlPlaneEndpoint", saw: endpoint.host },
			],
			remedy: [
				...change(subject, { address: endpoint.host }),
				advise(
					"The endpoint of a Cluster cannot be changed. Where kube-vip has the right address and the endpoint the wrong one, the cluster has to be made anew.",
				),
			],
		},
	];
}

/** Of a name nobody knows here which address it stands for. */
function differ(address: string, host: string): boolean {
	const [one, other] = [parseAddress(address), parseAddress(host)];
	return one !== undefined && other !== undefined && renderAddress(one) !== renderAddress(other);
}

const switchedOff = (subject: Subject): VipFinding => ({
	code: "control-plane-off",
	summary: "kube-vip runs, but nothing tells it to bring up the control plane's address: cp_enable is not true.",
	evidence: [{ from: `${subject.name}, cp_enable`, saw: "not true", expected: '"true"' }],
	remedy: [
		advise(`Write "true" for cp_enable in the manifest of kube-vip, ${subject.path}. CAPMOX's templates have it so.`),
	],
});

function judgeVariables(subject: Subject): readonly VipFinding[] {
	const { name, container } = subject;
	const { version, addressBy, address = "", cidr, subnet } = container;
	const shown = version ?? "";
	if (
		addressBy === "vip_address" &&
		subnet === undefined &&
		isBefore(version, kubeVipSince.addressNeedsSubnet) === false
	) {
		return [
			{
				code: "subnet-missing",
				summary: `kube-vip ${shown} does not start: from ${kubeVipSince.addressNeedsSubnet} on vip_address needs vip_subnet beside it.`,
				evidence: [
					saysImage(subject),
					{ from: `${name}, vip_address`, saw: address },
					{
						from: `${name}, vip_subnet`,
						saw: cidr === undefined ? "not set" : `not set; vip_cidr is ${cidr}, which is not read any more`,
						expected: "a mask, or the variable address in place of vip_address",
					},
				],
				remedy: [
					advise(
						`In the manifest of kube-vip, ${subject.path}, write address in place of vip_address, as CAPMOX's templates do: the mask follows from the address then. ${whereToEdit(subject)}`,
					),
				],
			},
		];
	}

	if (cidr === undefined || isBefore(version, kubeVipSince.withoutCidr) !== false) {
		return [];
	}

	return [
		{
			code: "variable-ignored",
			summary: `kube-vip ${shown} does not read vip_cidr. The address comes up with ${subnet === undefined ? "the mask of a single host" : `vip_subnet, ${subnet},`} and not with ${cidr}.`,
			evidence: [saysImage(subject), { from: `${name}, vip_cidr`, saw: cidr, expected: "vip_subnet" }],
			remedy: [
				advise(
					`Call the variable vip_subnet in the manifest of kube-vip, ${subject.path}, or take it out where 32 or 128 is meant. ${whereToEdit(subject)}`,
				),
			],
		},
	];
}

const whereToEdit = ({ control, source }: Subject): string =>
	control === undefined
		? "Then do the same where the file comes from."
		: source.endsWith("cluster")
			? `It stands in ${control.topology === undefined ? `KubeadmControlPlane ${control.name}` : `ClusterClass ${control.topology.className ?? ""}`}; a change there replaces every control-plane machine, one after the other.`
			: `It stands in ${source}.`;

function judgeRelease(subject: Subject): readonly VipFinding[] {
	const { version, services, server } = subject.container;
	const [broken] = brokenReleases.filter(
		(one) =>
			isWithin(version, one.from, one.to) &&
			(!one.servicesOnly || services) &&
			// Told another server, it does not ask by its own address.
			(one.severity === "warning" || server === undefined),
	);
	if (broken === undefined) {
		return [];
	}

	const range = broken.from === broken.to ? broken.from : `${broken.from} to ${broken.to}`;
	return [
		{
			code: "broken-release",
			severity: broken.severity,
			confidence: broken.severity === "error" ? "certain" : "likely",
			summary: `kube-vip ${version ?? ""} ${broken.what}.`,
			evidence: [
				{
					...saysImage(subject),
					expected: `${kubeVipTarget}${broken.fixed === undefined ? "" : `, or v${broken.fixed}`}`,
				},
				{ from: "releases known to be broken", saw: `${range}: ${broken.source}` },
			],
			remedy: change(subject, targetImage(subject)),
		},
	];
}

/** Slots 18 to 23 are those of net0 to net5 (qemu-server, PCI.pm); by q35's bus the name is enp6s18. */
function isUnlikely(name: string, devices = 6): boolean {
	const slot = /^(?:ens|enp\d+s)(\d+)$/.exec(name)?.[1];
	return slot === undefined
		? /^eth\d+$/.test(name)
		: devices <= 6 && (Number(slot) < 18 || Number(slot) >= 18 + devices);
}

/** By the names that Proxmox VE's slots lead to; a guest may be told to use the old ones. */
function judgeInterface(subject: Subject, { initialized, ignition, devices }: Surroundings): readonly VipFinding[] {
	const { interface: name } = subject.container;
	if (initialized || ignition || !isUnlikely(name, devices)) {
		return [];
	}

	const count =
		devices === undefined ? "" : devices === 1 ? "; they have one device" : `; they have ${devices} devices`;

	return [
		{
			code: "unlikely-interface",
			confidence: "likely",
			summary: `kube-vip is to use the interface ${name}. Machines on Proxmox VE call the first one ens18, unless their image was told to keep the old names${count}. On an interface that does not exist kube-vip brings up nothing.`,
			evidence: [
				{
					from: `${subject.name}, vip_interface`,
					saw: name,
					expected: `ens18 for net0${devices === 1 ? "" : ", ens19 for net1"}, or empty`,
				},
			],
			remedy: [
				...change(subject, { interface: "ens18" }),
				advise(
					`Leave it where "ip link" in a machine of this image shows ${name} (net.ifnames=0 on its kernel's command line).`,
				),
			],
		},
	];
}

const untold = (subject: Subject): VipFinding => ({
	code: "version-untold",
	summary: `The image of kube-vip, ${subject.container.image}, names no version. Whether it has one of the known faults cannot be said, and with a tag that moves it may be another one tomorrow.`,
	evidence: [{ ...saysImage(subject), expected: `a release, such as ${kubeVipTarget}` }],
	remedy: [
		advise(
			'What runs now says itself: the first lines of its log hold "Starting kube-vip.io [v…]" or "kube-vip.io version=v…".',
		),
		...change(subject, targetImage(subject)),
	],
});

/** Of a cluster that is up nothing is initialised any more. */
export function judgeSuperAdmin(control: ControlPlane, subject: Subject): readonly VipFinding[] {
	if (control.initialized || !lacksSuperAdmin(control)) {
		return [];
	}

	return [
		{
			code: "super-admin-missing",
			summary: `The first control-plane machine will hang in kubeadm init. From Kubernetes 1.29 on admin.conf has no rights until the API server is up, and the API server is to be reached by the address that kube-vip cannot bring up without them.`,
			evidence: [
				{ from: `${subject.name}, version`, saw: control.kubernetes ?? "" },
				{
					from: `${subject.name}, files and commands`,
					saw: "super-admin.conf is not mentioned",
					expected:
						"/etc/kube-vip-prepare.sh among files and preKubeadmCommands, as in CAPMOX's templates since v0.4.0",
				},
			],
			remedy: [
				advise(
					"Take the file /etc/kube-vip-prepare.sh and the preKubeadmCommand of the same name over from CAPMOX's newest template. It lets the first machine use super-admin.conf, and no other.",
				),
				{
					...advise("On a first machine that hangs already, this does the same."),
					command: [
						"sed",
						"-i",
						"s#path: /etc/kubernetes/admin.conf#path: /etc/kubernetes/super-admin.conf#",
						subject.path,
					],
					where: "cluster-node",
					risk: "changes",
					undo: "the same with the two names exchanged, once kubeadm init is done.",
				},
			],
		},
	];
}

export const lacksSuperAdmin = ({ kubernetes, superAdmin, manifest }: ControlPlane): boolean =>
	isBefore(kubernetes, superAdminSince) === false &&
	!superAdmin &&
	!(manifest.state === "found" && manifest.mountsSuperAdmin);
