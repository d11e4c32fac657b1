import type { Facts } from "../../src/facts/sheet.ts";
import type { Estate, Thing } from "./estate.ts";
import type { Fault } from "./fault.ts";
import { advise, change, look } from "./findings.ts";
import { type Provider, providers } from "./resources.ts";

type Controller = Facts["management.controllers"]["controllers"][number];

/** Where an earlier installation was left at 0 replicas, the one that runs. */
const controllerOf = (estate: Estate, provider: Provider): Controller | undefined => {
	const { label } = providers[provider];
	const own = estate.facts["management.controllers"]?.controllers.filter((each) => each.provider === label) ?? [];
	return own.find(({ ready }) => ready > 0) ?? own.find(({ replicas }) => replicas > 0) ?? own[0];
};

/** `[1, 10]` of `v1.10.10`, where the image tells it. */
export function minorOf(estate: Estate, provider: Provider): readonly [major: number, minor: number] | undefined {
	const [, major, minor] = /^v?(\d+)\.(\d+)\./.exec(controllerOf(estate, provider)?.image.version ?? "") ?? [];
	return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

export const isBelow = (
	version: readonly [number, number] | undefined,
	[major, minor]: readonly [number, number],
): boolean => version !== undefined && (version[0] < major || (version[0] === major && version[1] < minor));

/** Who has to finish the deletion does not run; undefined where it does, or where that could not be seen. */
export function controllerDown(estate: Estate, provider: Provider, thing: Thing): Fault | undefined {
	const all = estate.facts["management.controllers"]?.controllers;
	// Without a single label they were installed in a way of their own, and their absence shows nothing.
	if (all === undefined || all.length === 0) {
		return undefined;
	}

	const controller = controllerOf(estate, provider);
	const { label, name } = providers[provider];
	if (controller === undefined) {
		return {
			code: "controller-down",
			group: provider,
			thing,
			from: `Deployments with the label cluster.x-k8s.io/provider=${label}`,
			saw: "none",
			expected: "one that is ready",
			likely: true,
			summary: (who) => `${who} can only be finished by ${name}, and no Deployment of it is in the management cluster.`,
			steps: () => [
				look("See what is installed.", "kubectl", "get", "providers.clusterctl.cluster.x-k8s.io", "-A"),
				advise(
					`Install ${name} again, in the version that was there; it then finishes by itself. See the check capi-compat for the versions that fit.`,
				),
			],
		};
	}

	return controller.ready > 0 ? undefined : notReady(controller, provider, thing);
}

function notReady({ namespace, name, replicas, ready }: Controller, provider: Provider, thing: Thing): Fault {
	const deployment = `deployment/${name}`;
	const restart =
		replicas === 0
			? change(
					["kubectl", "scale", deployment, "-n", namespace, "--replicas=0"],
					"It was scaled to nothing. Start it again.",
					"kubectl",
					"scale",
					deployment,
					"-n",
					namespace,
					"--replicas=1",
				)
			: look("And why it ended, by its log.", "kubectl", "logs", deployment, "-n", namespace, "--tail=50");
	return {
		code: "controller-down",
		group: provider,
		thing,
		from: `Deployment ${namespace}/${name}`,
		saw: `${ready} of ${replicas} ready`,
		expected: "1 ready",
		summary: (who) => `${who} can only be finished by ${providers[provider].name}, which does not run.`,
		steps: () => [
			look("See why its Pod does not run.", "kubectl", "describe", "pods", "-n", namespace),
			restart,
			advise("When it runs again, it finishes what is in deletion by itself. Take no finalizer off for this."),
		],
	};
}
