import { found } from "../../src/check.ts";
import { ignitionGate } from "../../src/knowledge/variables.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileFinding, Proxmox } from "./findings.ts";
import { formOf } from "./forms.ts";
import { example, rewrite } from "./reading.ts";

/** What a single flavor wants beside its variables. */
export const judgeFlavor = (cluster: Cluster, proxmox: Proxmox): EnvfileFinding[] => {
	switch (cluster.flavor) {
		case "external-creds":
			return judgeCredentials(proxmox);
		case "flatcar":
			return judgeIgnition(cluster);
		default:
			return [];
	}
};

const apiPath = /^(?:\/.*)?\/api2(?:\/|$)/;

/** external-creds writes PROXMOX_URL, PROXMOX_TOKEN and PROXMOX_SECRET into a Secret, from which CAPMOX logs in for this cluster. */
function judgeCredentials({ url, token, secret }: Proxmox): EnvfileFinding[] {
	const wrong = [
		{
			name: "PROXMOX_URL",
			variable: url,
			saw:
				url.malformed || url.scheme === undefined || url.userinfo
					? "no URL with scheme and host alone"
					: apiPath.test(url.path ?? "")
						? `${url.text ?? "a URL"}, whose /api2 CAPMOX would append once more`
						: undefined,
		},
		{
			name: "PROXMOX_TOKEN",
			variable: token,
			saw:
				token.shape === "token-id"
					? undefined
					: token.shape === "uuid"
						? "a UUID, as for image-builder"
						: "something that is no token ID",
		},
		{
			name: "PROXMOX_SECRET",
			variable: secret,
			saw: secret.shape === "uuid" ? undefined : "something that is no UUID in small letters",
		},
	].filter(({ variable, saw }) => variable.presence === "set" && saw !== undefined);
	return wrong.map(({ name, variable, saw = "" }) =>
		found(
			"wrong-credentials",
			`Flavor external-creds puts ${name} into the cluster's Secret, and CAPMOX cannot log in with what it is now.`,
			{ from: `${name} (${variable.origin ?? "the environment"})`, saw, expected: formOf(name) },
			name === "PROXMOX_URL" && apiPath.test(url.path ?? "") && url.text !== undefined
				? rewrite("Take the path off.", { name, origin: url.origin }, url.text.replace(/\/api2(?:\/.*)?$/, ""))
				: example(`Write ${name} as CAPMOX wants it; capmox-doctor check token says more.`, {
						name,
						origin: variable.origin,
					}),
		),
	);
}

/** As Go's strconv.ParseBool, with which the feature gates are read. */
const isTrue = /^(?:1|t|T|TRUE|true|True)$/;

/** The gate is off unless clusterctl init found the variable (bootstrap-components.yaml, `${EXP_…:=false}`). */
function judgeIgnition({ variables }: Cluster): EnvfileFinding[] {
	const gate = variables[ignitionGate];
	if (gate?.presence === "set" && (gate.value === undefined || isTrue.test(gate.value.trim()))) {
		return [];
	}

	const isOff = gate?.presence === "set";
	return [
		{
			...found(
				"ignition-off",
				`Flavor flatcar needs Ignition, which Cluster API leaves off unless ${ignitionGate} is true when clusterctl init runs. ${isOff ? "It is set to something else" : "It is not set"}. Without it the machines are refused: "can be set only if the KubeadmBootstrapFormatIgnition feature gate is enabled".`,
				{
					from: `${ignitionGate} (${gate?.origin ?? "not set"})`,
					saw: isOff ? (gate.value ?? "") : "nothing",
					expected: "true, before clusterctl init",
				},
				example("Set it, then run clusterctl init.", { name: ignitionGate, origin: gate?.origin }, "true"),
				advise(
					"Where Cluster API runs already without it, add KubeadmBootstrapFormatIgnition=true to --feature-gates of the deployments capi-kubeadm-bootstrap-controller-manager and capi-kubeadm-control-plane-controller-manager.",
				),
			),
			confidence: "likely",
			...(isOff ? {} : { severity: "warning" as const }),
		},
	];
}
