import { ProbeError } from "../errors.ts";
import type { Commands } from "./commands.ts";
import { createFiles, type Files } from "./files.ts";

/** Which file of a copied tree holds what a command printed: the beginning of its argument vector → the name below `cmd/` or `nic/`. */
const outputs: readonly (readonly [command: string, file: string])[] = [
	["docker info", "docker-info.json"],
	["docker version", "docker-version.json"],
	["docker context inspect", "docker-context.json"],
	["docker network inspect bridge", "docker-network-bridge.json"],
	["docker network inspect kind", "docker-network-kind.json"],
	["podman network inspect podman", "podman-network-podman.json"],
	["podman network inspect kind", "podman-network-kind.json"],
	["podman info", "podman-info.json"],
	["podman version", "podman-version.json"],
	["kind version", "kind-version"],
	["kubectl version", "kubectl-version.json"],
	["clusterctl version", "clusterctl-version.json"],
	["systemctl --version", "systemctl-version"],
	["systemctl is-active firewalld", "systemctl-is-active-firewalld"],
	["uname -r", "uname-r"],
	["ip -j address", "ip-j-addr.json"],
	["ip -j -d link", "ip-j-link.json"],
	["dmesg", "dmesg"],
	["dmesg", "dmesg-eth"],
];

/** A host as files: what `/` held below the folder, and what commands printed in `cmd/`. Nothing of the live host is asked. */
export function openRecordedHost(root: string): { readonly files: Files; readonly commands: Commands } {
	const tree = createFiles(root);
	const files: Files = {
		...tree,
		stat: async (path) => (await tree.stat(path)) ?? (await recordedStat(tree, path)),
		readLink: async (path) =>
			(await tree.readLink(path)) ??
			(path === "/proc/self/ns/cgroup" ? (await tree.readText("/cmd/lsns-cgroup"))?.split("\n")[0]?.trim() : undefined),
		statfs: async (path) => {
			const type = await recordedType(tree, path);
			return type === undefined ? undefined : { type };
		},
	};
	return { files, commands: createRecordedCommands(tree) };
}

/** `cmd/stat-run-systemd-system` and the like: `stat -c "%n %F"`, or its complaint. */
async function recordedStat(tree: Files, path: string): Promise<Awaited<ReturnType<Files["stat"]>>> {
	const text = await tree.readText(`/cmd/stat${path.replaceAll("/", "-")}`);
	const kind = text?.startsWith(`${path} `) === true ? text.slice(path.length + 1).trim() : undefined;
	return kind === undefined ? undefined : { mode: 0, isFile: kind.startsWith("regular") };
}

/** `cmd/stat-f-all` has lines of `path type-name hexadecimal-type`; of `/sys/fs/cgroup` there may be a file of its own. */
async function recordedType(tree: Files, path: string): Promise<number | undefined> {
	const lines = (await tree.readText("/cmd/stat-f-all"))?.split("\n") ?? [];
	const words = lines.map((line) => line.trim().split(/\s+/)).find(([name = ""]) => name.replace(/\/$/, "") === path);
	const own = words ?? (await tree.readText(`/cmd/stat-f${path.replaceAll("/", "-")}`))?.trim().split(/\s+/);
	const type = Number.parseInt(own?.at(-1) ?? "", 16);
	return Number.isNaN(type) ? undefined : type;
}

async function firstText(tree: Files, paths: readonly string[]): Promise<string | undefined> {
	for (const path of paths) {
		const text = await tree.readText(path, { maxBytes: 16 * 1_048_576 });
		if (text !== undefined) {
			return text;
		}
	}

	return undefined;
}

function createRecordedCommands(tree: Files): Commands {
	return {
		killAll: () => undefined,
		serve: ([file]) => Promise.reject(new ProbeError("not-set-up", `${file} is not started for a copied tree`)),
		run: async (argv) => {
			const line = argv.join(" ");
			const names = outputs.filter(([beginning]) => line.startsWith(beginning)).map(([, file]) => file);
			const text = await firstText(
				tree,
				names.flatMap((name) => [`/cmd/${name}`, `/nic/${name}`]),
			);
			if (text === undefined) {
				const where = names[0] === undefined ? "" : `: there is no cmd/${names[0]} in it`;
				throw new ProbeError(
					"not-found",
					`the copied tree does not tell what ${argv.slice(0, 2).join(" ")} prints${where}`,
				);
			}

			// No JSON is empty. A command that is missing says so on the other stream, which may not have been kept.
			const [name = ""] = names;
			if (text.trim() === "" && name.endsWith(".json")) {
				throw new ProbeError(
					"not-found",
					`the copied tree does not tell what ${argv.slice(0, 2).join(" ")} prints: cmd/${name} is empty`,
				);
			}

			// Standard output and error stand together; a non-zero exit is noted on the last line.
			const [, printed = text, exit = "0"] = /^(.*?)\n?\(exit (\d+)\)\s*$/s.exec(text) ?? [];
			const missing = exit === "127" || /: command not found|executable file not found/.test(printed);
			if (missing) {
				throw new ProbeError("tool-missing", `${argv[0]} is not installed, or not in PATH`);
			}

			return { exitCode: Number(exit), stdout: printed, stderr: exit === "0" ? "" : printed };
		},
	};
}
