import { describe, expect, test } from "vitest";
import check from "../../checks/podman.ts";
import { exitCode } from "../../src/diagnose.ts";
import { judgeSituation, readSituation } from "../support/situations.ts";

type Patch = Readonly<Record<string, unknown>>;

/** The value with some of its parts replaced, however deep. */
const patched = (value: unknown, patch: unknown): unknown =>
	isMap(value) && isMap(patch)
		? { ...value, ...Object.fromEntries(Object.entries(patch).map(([key, part]) => [key, patched(value[key], part)])) }
		: patch;

const isMap = (value: unknown): value is Patch => typeof value === "object" && value !== null && !Array.isArray(value);

/** A situation after some parts of its facts are replaced. */
function judge(
	name: string,
	change: Patch = {},
	named = false,
): { readonly codes: readonly string[]; readonly exitCode: number } {
	const { sheet, asked } = readSituation({ url: new URL(`../situations/podman/${name}.yaml`, import.meta.url) });
	const facts = Object.fromEntries(
		Object.entries(sheet).map(([fact, state]) => [
			fact,
			state.state === "known" ? { ...state, value: patched(state.value, change[fact] ?? {}) } : state,
		]),
	);
	// The situations are validated; what is put into them here is checked by the codes that come out.
	const { codes, judgement } = judgeSituation(check, facts, asked || named);
	return { codes, exitCode: exitCode([judgement]) };
}

const codesOf = (name: string, change: Patch = {}): readonly string[] => judge(name, change).codes;

const podman = (change: Patch): Patch => ({ "host.podman": change });
const server = (change: Patch): Patch => podman({ server: change });
const limits = (change: Patch): Patch => ({ "host.podman-limits": change });
const system = (change: Patch): Patch => ({ "host.system": change });
const kind = (version: string): Patch => ({ "host.tools": { kind: { state: "found", version } } });
const all = ["cpu", "memory", "pids"];

describe("the nearest healthy neighbour of each finding keeps it silent", () => {
	test.each<[string, string, Patch]>([
		["not-installed", "it is not asked for", podman({ isTaken: false })],
		["namespaces-denied", "the kernel allows them", podman({ namespaces: { unprivileged: true } })],
		["namespaces-denied.apparmor", "AppArmor does not restrict", podman({ namespaces: { apparmorRestricts: false } })],
		["namespaces-denied.apparmor", "it fails for another reason", podman({ said: "Error: no space left on device" })],
		["newuidmap-missing", "it is there", podman({ namespaces: { newuidmap: true } })],
		["kind-too-old", "Podman 5", server({ version: "5.8.2" })],
		["kind-too-old", "kind 0.33", kind("0.33.0")],
		["kind-too-old", "no kind", { "host.tools": { kind: { state: "absent" } } }],
		["outdated", "Podman 4.0", server({ version: "4.0.0", cgroupControllers: all })],
		["cgroup-v1", "cgroup v2", server({ cgroupVersion: 2 })],
		["systemd-hierarchy-missing", "it is there", { "host.cgroups": { flags: { withoutSystemd: false } } }],
		["systemd-hierarchy-missing", "Podman is elsewhere", podman({ place: "elsewhere" })],
		[
			"stray-hierarchy",
			"this shell is in its root",
			{ "host.cgroups": { own: [{ controllers: ["net_cls"], path: "/" }] } },
		],
		["stray-hierarchy", "rootful", { "host.podman": { server: { rootless: false }, user: undefined } }],
		["no-user-manager", "it runs", podman({ user: { manager: { state: "running", cgroup: "/u", controllers: all } } })],
		["no-user-manager", "rootful", server({ rootless: false })],
		["not-delegated", "all are handed over", podman({ user: { manager: { controllers: all } } })],
		["not-delegated", "rootful", server({ rootless: false })],
		["not-delegated-here", "they come down here", server({ cgroupControllers: all })],
		["not-delegated-here", "rootful", server({ rootless: false })],
		["machine-not-delegated", "rootful", server({ rootless: false })],
		["machine-not-delegated", "they come down there", server({ cgroupControllers: all })],
		["machine-too-small", "4 GiB", server({ memoryBytes: 3.9 * 1024 ** 3 })],
		["machine-too-small", "no machine", server({ remote: false })],
		["sub-ids-missing", "a range of 65536", server({ idMapSizes: [1, 65_536], groupMapSizes: [1, 65_536] })],
		["sub-ids-missing", "rootful", server({ rootless: false })],
		["slow-storage", "overlay", server({ storageDriver: "overlay" })],
		["kernel-without-overlay", "Linux 5.11", server({ kernel: "5.11.0-1-amd64" })],
		["kernel-without-overlay", "rootful", server({ rootless: false })],
		["names-unresolved", "it is there", server({ resolvesNames: true })],
		["names-unresolved", "Podman does not tell", server({ resolvesNames: undefined })],
		["iptables-modules", "all are loaded", limits({ missingModules: [] })],
		["pids-limit", "65536", limits({ pids: { limit: 65_536 } })],
		["pids-limit", "no limit", limits({ pids: undefined })],
		["journal-unreadable", "a journal can be read", limits({ readsJournal: true })],
		["journal-unreadable", "logs go to files", limits({ readsJournal: undefined })],
		["few-open-files", "64000", limits({ openFiles: 64_000 })],
	])("%s: %s", (situation, _, change) => {
		const code = `podman/${situation.split(".")[0] ?? ""}`;
		expect(codesOf(`problem.${situation}`)).toContain(code);
		expect(codesOf(`problem.${situation}`, change)).not.toContain(code);
	});

	test("the two ends of delegation have two findings, and one moves into the other", () => {
		const manager = (controllers: readonly string[]) => podman({ user: { manager: { controllers } } });
		expect(codesOf("problem.not-delegated-here", manager(["memory", "pids"]))).toEqual(["podman/not-delegated"]);
		expect(codesOf("problem.not-delegated", manager(all))).toEqual(["podman/not-delegated-here"]);
		expect(
			codesOf("problem.not-delegated", {
				"host.podman": { server: { cgroupControllers: all }, user: { manager: { controllers: all } } },
			}),
		).toEqual([]);
	});

	test("a machine's own files are not this host's: only what Podman reports counts", () => {
		expect(codesOf("problem.not-delegated", podman({ place: "elsewhere", user: undefined }))).toEqual([
			"podman/machine-not-delegated",
		]);
	});

	test("what kind does not use fails no run; who asks about it gets the whole truth", () => {
		const change = podman({ isTaken: false, takenBecause: "the docker command is installed" });
		for (const situation of ["not-answering", "not-delegated", "kind-too-old", "sub-ids-missing"]) {
			expect([situation, judge(`problem.${situation}`).exitCode]).toEqual([situation, 1]);
			expect([situation, judge(`problem.${situation}`, change)]).toMatchObject([
				situation,
				{ codes: [`podman/${situation}`], exitCode: 0 },
			]);
		}

		expect(judge("problem.not-delegated-here.docker-is-taken").exitCode).toBe(0);
		expect(judge("problem.not-delegated-here.docker-is-taken-asked").exitCode).toBe(1);
	});

	test("nothing on cgroup v1 passes, whatever the versions", () => {
		for (const version of ["0.20.0", "0.30.0", "0.31.0", "0.33.0"]) {
			expect(codesOf("problem.cgroup-v1", kind(version))).toContain("podman/cgroup-v1");
		}
	});

	test("OpenRC cannot delegate, so that its remedy is Podman as root", () => {
		expect(codesOf("problem.no-user-manager.openrc", system({ init: "systemd" }))).toEqual(["podman/no-user-manager"]);
	});

	test("an error behind a milder finding on cgroup v1 is still an error", () => {
		// Rootless on v1 is a warning while there is no kind; crun on a hybrid host starts nothing at all.
		const change = {
			"host.tools": { kind: { state: "absent" } },
			"host.cgroups": { layout: "hybrid", unifiedAt: ["/sys/fs/cgroup/unified"], unifiedControllers: ["hugetlb"] },
		};
		const without = { ...change, "host.cgroups": { unifiedControllers: [] } };
		expect(judge("problem.cgroup-v1.rootless", without, true).exitCode).toBe(0);
		expect(judge("problem.cgroup-v1.rootless", change, true).exitCode).toBe(1);
	});
});
