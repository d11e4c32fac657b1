import type { Finding, Step } from "../src/check.ts";

export const advise = (advice: string): Step => ({ advice, where: "here", risk: "safe" });

const isYaml = (origin: string): boolean => /\.ya?ml(?:, line \d+)?$/.test(origin);

/**
 * A line to write where the variable comes from, in the way of that file; a new one goes into the envfile. What the
 * shell has set wins over any file, so there the user has to do it.
 */
export const write = (advice: string, line: string, origin: string | undefined): Step => {
	if (origin === "the environment") {
		return advise(`${advice} In this shell, and in the file from which it was set: ${line}`);
	}

	const into = origin ?? "envfile";
	return { advice, put: { line: isYaml(into) ? asYaml(line) : line, into }, where: "here", risk: "changes" };
};

/** The same with a value that only the user knows, to be filled in. */
export function writeExample(advice: string, line: string, origin: string | undefined): Step {
	const step = write(advice, line, origin);
	return step.put === undefined ? step : { ...step, put: { ...step.put, isExample: true } };
}

/** `export NAME='value'` as clusterctl.yaml has it. */
const asYaml = (line: string): string =>
	line.replace(/^export (\w+)='(.*)'$/s, (_, name: string, value: string) => `${name}: ${JSON.stringify(value)}`);

/** Whoever let the management cluster lead to a workload cluster has no kubeconfig for its commands. */
export function withKubeconfig<Code extends string>(
	finding: Finding<Code>,
	{ kubectl, fetch }: { readonly kubectl: readonly string[]; readonly fetch?: readonly string[] | undefined },
): Finding<Code> {
	const [program, ...words] = fetch ?? [];
	const [flag = ""] = kubectl;
	return program === undefined || !finding.remedy.some(({ command }) => command?.includes(flag))
		? finding
		: {
				...finding,
				remedy: [
					{
						advice: `Write the kubeconfig of the workload cluster, as this prints it, to ${flag.replace(/^--kubeconfig=/, "")}, for the commands below. It holds all rights: let nobody else read the file, and remove it afterwards.`,
						command: [program, ...words],
						where: "here",
						risk: "safe",
					},
					...finding.remedy,
				],
			};
}
