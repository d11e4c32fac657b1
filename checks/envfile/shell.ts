import { found } from "../../src/check.ts";
import { readBy } from "../../src/knowledge/templates.ts";
import { advise } from "../steps.ts";
import type { Cluster, EnvfileFinding, Proxmox } from "./findings.ts";
import { example } from "./reading.ts";

/** PROXMOX_URL and PROXMOX_SECRET came from this shell, and PROXMOX_TOKEN, which holds a !, did not. */
export function historyExpansion({ url, token, secret }: Proxmox): EnvfileFinding[] {
	const fromShell = [url, secret].every(({ presence, origin }) => presence === "set" && origin === "the environment");
	return token.presence === "unset" && fromShell
		? [
				{
					...found(
						"history-expansion",
						'PROXMOX_URL and PROXMOX_SECRET are set in this shell, but PROXMOX_TOKEN is not. Inside double quotes, or without any, an interactive bash or zsh takes the ! for its history, says "event not found", and sets nothing.',
						{
							from: "PROXMOX_TOKEN (the environment)",
							saw: "not set, while PROXMOX_URL and PROXMOX_SECRET are",
							expected: "a token ID: user@realm!tokenid",
						},
						example("Write it into an envfile, in single quotes.", { name: "PROXMOX_TOKEN", origin: undefined }),
						advise("Then read that file in this shell, with: source ./envfile. A file that is read in has no history."),
					),
					confidence: "likely",
				},
			]
		: [];
}

/** A plain `NAME=value` in a file sets a variable of the shell, not of the programs that it starts. */
export function notExported(cluster: Cluster): EnvfileFinding[] {
	const read = new Set(readBy(cluster.flavor, cluster.capmoxVersion).map(({ name }) => name));
	const [first, ...rest] = Object.entries(cluster.variables).flatMap(([name, { exported, origin, value }]) =>
		exported === false && read.has(name) ? [{ name, origin: origin ?? "envfile", value }] : [],
	);
	if (first === undefined) {
		return [];
	}

	return [
		found(
			"not-exported",
			`${rest.length === 0 ? first.name : `${first.name} and ${rest.length} more`} ${rest.length === 0 ? "is" : "are"} set without export. A shell that reads the file keeps ${rest.length === 0 ? "it" : "them"} for itself, and clusterctl says that nothing is set.`,
			{
				from: `${first.name} (${first.origin})`,
				saw: `${first.name}=… without export`,
				expected: `export ${first.name}=…`,
			},
			advise("Put export in front of each line. Or read the file like this: set -a; source ./envfile; set +a"),
		),
	];
}
