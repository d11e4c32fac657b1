import type { Commands } from "./commands.ts";
import type { Files } from "./files.ts";
import { type KubectlOptions, kubeconfigsOf } from "./kubectl.ts";
import { createMask } from "./mask.ts";

/** Keys of a kubeconfig whose values are secret, in YAML or JSON; and `value`, for the environment of a credential plugin. */
const secretValue =
	/["']?\b(?:token|password|client-key-data|id-token|refresh-token|access-token|client-secret|value)["']?:\s*["']?([^"'\s#,}]+)/g;

/** How kubectl's own lines begin; others are a credential plugin's, and may hold anything. */
const ownLine = /^(?:error|unable|the connection|the server|you must|get |[EWIF]\d{4} )/i;

/** kubectl, but what it says of a failure holds no credential of its kubeconfig, and nothing that a plugin said. */
export const withoutCredentials = (commands: Commands, files: Files, options: KubectlOptions): Commands => ({
	...commands,
	run: async (argv, runOptions) => {
		const output = await commands.run(argv, runOptions);
		if (output.exitCode === 0) {
			return output;
		}

		const texts = await Promise.all(kubeconfigsOf(options).map((path) => files.readText(path).catch(() => undefined)));
		const secrets = texts.flatMap((text) => [...(text ?? "").matchAll(secretValue)].map(([, value = ""]) => value));
		const lines = output.stderr.split("\n");
		const own = lines.filter((line) => ownLine.test(line.trim()));
		return { ...output, stderr: createMask(secrets)((own.length === 0 ? lines : own).join("\n")) };
	},
});
