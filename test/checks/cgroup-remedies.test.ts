import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusedByRunc } from "../../checks/cgroups/runc.ts";
import { checks } from "../../checks/index.ts";
import { classifyCgroups } from "../../src/facts/host-cgroups-layout.ts";
import type { FactSheet } from "../../src/facts/sheet.ts";
import { judgeSituation } from "../support/situations.ts";

const top = "/sys/fs/cgroup";

/** A host of cgroup v1 on which the printed commands can be typed. */
interface Mounted {
	readonly id: number;
	readonly parent: number;
	readonly path: string;
	readonly options: string;
}
const tmpfs: Mounted = { id: 26, parent: 19, path: top, options: "" };

const lineOf = ({ id, parent, path, options }: Mounted): string =>
	`${id} ${parent} 0:${id} / ${path} rw - ${id === tmpfs.id ? "tmpfs tmpfs" : "cgroup cgroup"} rw${options === "" ? "" : `,${options}`}`;

function mount(mounts: readonly Mounted[], path: string, options: string): readonly Mounted[] {
	const below = mounts.findLast((other) => other.path === path);
	const parent = below?.id ?? (path.startsWith(`${top}/`) ? tmpfs.id : 1);
	return [
		...mounts,
		{ id: Math.max(...mounts.map(({ id }) => id)) + 1, parent, path, options: options.replace("none,", "") },
	];
}

function umount(mounts: readonly Mounted[], path: string): readonly Mounted[] {
	const gone = mounts.findLast((other) => other.path === path);
	expect(`umount ${path}: ${gone === undefined ? "not mounted" : "done"}`).toBe(`umount ${path}: done`);
	return mounts.filter((other) => other !== gone);
}

function type(mounts: readonly Mounted[], command: readonly string[]): readonly Mounted[] {
	const [program, ...words] = command.filter((word) => word !== "sudo");
	const path = words.at(-1) ?? "";
	return program === "umount"
		? umount(mounts, path)
		: program === "mount" && words[0] === "-t"
			? mount(mounts, path, words[3] ?? "")
			: mounts;
}

const live = ["name=systemd", "cpu,cpuacct", "memory", "devices", "pids", "net_cls", "name=session", "name=limits"];

function sheetOf(mounts: readonly Mounted[], alive: readonly string[]): FactSheet {
	const found = classifyCgroups({
		mountinfo: mounts.map(lineOf).join("\n"),
		ownCgroup: alive.map((keys, index) => `${index + 1}:${keys}:/\n`).join(""),
		rootType: 0x01021994,
		typesAreComplete: true,
	});
	const known = <T>(value: T) => ({ state: "known", value }) as const;
	return {
		"host.hierarchies": known({ ...found, cgroupVersion: 1 as const }),
		"host.provider": known({
			engine: "docker" as const,
			chosenBecause: "the docker command is installed",
			answers: true,
			version: "26.1.5",
			place: "here" as const,
			placeBecause: "Docker runs on this host's kernel",
			cgroupVersion: 1 as const,
			rootless: false,
			runtime: { name: "runc", assumed: false },
			privateCgroups: false,
		}),
		"host.tools": known({
			kind: { state: "found" as const, version: "0.30.0" },
			kubectl: { state: "absent" as const },
			clusterctl: { state: "absent" as const },
		}),
		"host.system": known({
			platform: "linux",
			uid: 0,
			init: "sysvinit" as const,
			kernel: "6.1.0",
			kernelArguments: [],
		}),
	};
}

function commandsOf(id: string, mounts: readonly Mounted[], alive: readonly string[]): readonly (readonly string[])[] {
	const check = checks.find((each) => each.id === id);
	const { verdict } = judgeSituation(check ?? expect.fail(), sheetOf(mounts, alive), false).judgement;
	return verdict.kind === "problem"
		? verdict.findings.flatMap(({ remedy }) =>
				remedy.flatMap(({ command, risk }) => (command === undefined || risk === "safe" ? [] : [command])),
			)
		: [];
}

const directory = fc
	.constantFrom("systemd", "cpu,cpuacct", "memory", "devices", "pids", "net_cls", "broken", "elsewhere")
	.chain((name) => fc.constantFrom(`${top}/${name}`, `/mnt/${name}`));
const arrangement = fc.uniqueArray(fc.tuple(fc.constantFrom(...live), directory), {
	minLength: 1,
	maxLength: 9,
	selector: ([, path]) => path,
});

describe("the printed remedies, typed one after the other", () => {
	test.each([[["cgroup-named", "cgroup-systemd"]], [["cgroup-systemd", "cgroup-named"]]])(
		"leave nothing to complain of and no command that fails: %s",
		(order) => {
			fc.assert(
				fc.property(arrangement, (places) => {
					const start = places.reduce<readonly Mounted[]>(
						(mounts, [options, path]) => mount(mounts, path, options),
						mount([tmpfs], `${top}/blkio`, "blkio"),
					);
					const alive = [...new Set(["name=systemd", "blkio", ...places.map(([options]) => options)])];
					// A user judges again after each round; a fault may come to light when another is gone.
					let mounts = start;
					for (let round = 0; round < 8; round++) {
						for (const id of order) {
							// Two findings of one report may both clear the same directory; the second time umount says so.
							const commands = commandsOf(id, mounts, alive);
							mounts = commands
								.filter((command, index) => commands.findIndex((other) => other.join() === command.join()) === index)
								.reduce(type, mounts);
						}
					}

					const end = classifyCgroups({ mountinfo: mounts.map(lineOf).join("\n") });
					expect(
						refusedByRunc({
							...end,
							own: alive.map((keys) => ({
								controllers: keys.startsWith("name=") ? [] : keys.split(","),
								name: /^name=(.*)/.exec(keys)?.[1],
								path: "/",
							})),
							cgroupVersion: 1,
						}),
					).toEqual([]);
					expect(end.flags.withoutSystemd).toBe(false);
					// What engines need is not taken away on the way.
					for (const needed of ["cpu,cpuacct", "memory", "devices", "pids"].filter((keys) =>
						places.some(([options]) => options === keys),
					)) {
						expect(mounts.map(({ options }) => options)).toContain(needed);
					}
				}),
				{ numRuns: 200 },
			);
		},
	);
});
