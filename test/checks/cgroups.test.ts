import { describe, expect, test } from "vitest";
import { checks } from "../../checks/index.ts";
import { shownAs } from "../../src/diagnose.ts";
import type { FactName, Facts } from "../../src/facts/sheet.ts";
import { kindReleases } from "../../src/knowledge/kind.ts";
import { judgeSituation, readSituation } from "../support/situations.ts";

type Change = { readonly [Name in FactName]?: Partial<Facts[Name]> };

/** The codes of a situation after something in it is changed. */
function codesOf(id: string, name: string, change: Change = {}): readonly string[] {
	const { sheet, asked } = readSituation({ url: new URL(`../situations/${id}/${name}.yaml`, import.meta.url) });
	const changed = Object.fromEntries(
		Object.entries(sheet).map(([fact, state]) => [
			fact,
			state.state === "known" ? { ...state, value: { ...state.value, ...change[fact as FactName] } } : state,
		]),
	);
	const check = checks.find((each) => each.id === id);
	return check === undefined ? [] : judgeSituation(check, changed, asked).codes;
}

const crun = { name: "crun", assumed: false };
const runc = { name: "runc", assumed: false };
const hierarchy = (mountPoint: string, ...controllers: readonly string[]) => ({
	mountPoint,
	controllers: [...controllers],
	root: "/",
	visible: true,
});

const kind = (version: string): Change => ({
	"host.tools": { kind: { state: "found", version }, kubectl: { state: "absent" }, clusterctl: { state: "absent" } },
});

describe("the nearest healthy neighbour of each finding keeps it silent", () => {
	test.each<[string, string, Change]>([
		["kubelet-refuses-v1", "problem.kubelet-refuses-v1", kind("0.30.0")],
		["rootless-on-v1", "problem.rootless-on-v1", { "host.provider": { rootless: false } }],
		["podman-refuses-v1", "problem.podman-refuses-v1", { "host.provider": { version: "5.8.2" } }],
		["crun-refuses-hybrid", "problem.crun-refuses-hybrid", { "host.cgroups": { unifiedControllers: [] } }],
		["crun-refuses-hybrid", "problem.crun-refuses-hybrid", { "host.provider": { runtime: runc } }],
		["no-cgroups", "problem.no-cgroups", { "host.cgroups": { layout: "legacy" } }],
		["mounted-elsewhere", "problem.mounted-elsewhere", { "host.cgroups": { layout: "hybrid" } }],
		["no-controllers", "problem.no-controllers", { "host.cgroups": { layout: "legacy" } }],
		[
			"devices-missing",
			"problem.devices-missing",
			{ "host.cgroups": { hierarchies: [hierarchy("/sys/fs/cgroup/devices", "devices")] } },
		],
		["devices-missing", "problem.devices-missing.elsewhere", { "host.provider": { runtime: crun } }],
		[
			"devices-missing",
			"problem.devices-missing.elsewhere",
			{ "host.cgroups": { hierarchies: [hierarchy("/sys/fs/cgroup/devices", "devices")] } },
		],
		["crun-refuses-layout", "problem.crun-refuses-layout", { "host.provider": { runtime: runc } }],
		["crun-refuses-layout", "problem.crun-refuses-layout", { "host.cgroups": { layout: "legacy" } }],
		["no-cgroup-namespaces", "problem.no-cgroup-namespaces", { "host.system": { kernel: "4.18.0-553.el8_10.x86_64" } }],
		["mounted-elsewhere", "problem.mounted-elsewhere.crun", { "host.provider": { runtime: runc } }],
		["devices-missing", "problem.devices-missing", { "host.provider": { engine: "podman" } }],
		["docker-cgroup-threaded", "problem.docker-cgroup-threaded", { "host.provider": { cgroupDriver: "systemd" } }],
		[
			"docker-cgroup-threaded",
			"problem.docker-cgroup-threaded",
			{ "host.cgroups": { dockerCgroup: { type: "domain", hasProcesses: false } } },
		],
		[
			"controllers-missing",
			"problem.controllers-missing",
			{ "host.cgroups": { controllers: ["cpu", "memory", "pids"] } },
		],
		["v1-deprecated", "problem.v1-deprecated", { "host.provider": { cgroupVersion: 2 } }],
	])("%s: %s", (code, situation, change) => {
		expect(codesOf("cgroup-v2", situation)).toContain(`cgroup-v2/${code}`);
		expect(codesOf("cgroup-v2", situation, change)).not.toContain(`cgroup-v2/${code}`);
	});

	test("a mount that is refused comes before the rules for devices, and a missing cgroup before both", () => {
		const { sheet, asked } = readSituation({
			url: new URL("../situations/cgroup-named/problem.foreign-directory.exchanged.yaml", import.meta.url),
		});
		const state = sheet["host.hierarchies"];
		const check = checks.find(({ id }) => id === "cgroup-named");
		if (state?.state !== "known" || check === undefined) {
			throw new Error("cgroup-named has no hierarchies");
		}

		const saidWith = (...more: readonly ReturnType<typeof hierarchy>[]) => {
			const rest = state.value.hierarchies.filter(({ controllers }) => !controllers.includes("pids"));
			const value = { ...state.value, hierarchies: [...rest, ...more] };
			return judgeSituation(check, { ...sheet, "host.hierarchies": { ...state, value } }, asked).text;
		};
		expect(saidWith(hierarchy("/sys/fs/cgroup/pids", "pids"))).toContain("devices.list");
		expect(saidWith(hierarchy("/mnt/limits", "pids"))).toContain("data: limits");
		expect(saidWith(hierarchy("/sys/fs/cgroup/a/limits", "pids"))).toContain("unable to apply");
	});

	test.each([
		["cgroup-v2", "problem.devices-missing.oldest-is-deeper", "host.cgroups"],
		["cgroup-named", "problem.foreign-directory.deeper", "host.hierarchies"],
	] as const)(
		"%s: where a copy does not tell in which folder runc looks, it neither passes nor fails",
		(id, name, fact) => {
			const { sheet, asked } = readSituation({ url: new URL(`../situations/${id}/${name}.yaml`, import.meta.url) });
			const state = sheet[fact];
			const check = checks.find((each) => each.id === id);
			if (state?.state !== "known" || check === undefined) {
				throw new Error(`${id} has no ${fact}`);
			}

			const deeperFirst = [
				...state.value.hierarchies.filter(({ mountPoint }) => mountPoint.includes("/lxc/")),
				...state.value.hierarchies.filter(({ mountPoint }) => !mountPoint.includes("/lxc/")),
			].map((mount, age) => ({ ...mount, age }));
			const unsure = { ...state.value, hierarchies: deeperFirst, topBeginsWithV1: undefined };
			const { judgement, codes } = judgeSituation(check, { ...sheet, [fact]: { ...state, value: unsure } }, asked);
			expect([shownAs(judgement.verdict), codes.length]).toEqual(["warn", 1]);
		},
	);

	test.each<[string, boolean]>([
		["problem.foreign-directory.hidden", true],
		["problem.foreign-directory.exchanged", true],
		["problem.foreign-directory.deeper", false],
	])("with the driver systemd, %s stops containers: %s", (name, stops) => {
		expect(codesOf("cgroup-named", name)).toEqual(["cgroup-named/foreign-directory"]);
		expect(codesOf("cgroup-named", name, { "host.provider": { cgroupDriver: "systemd" } })).toEqual(
			stops ? ["cgroup-named/foreign-directory"] : [],
		);
	});

	test("with the driver systemd the devices controller may be anywhere", () => {
		expect(
			codesOf("cgroup-v2", "problem.devices-missing.elsewhere", { "host.provider": { cgroupDriver: "systemd" } }),
		).not.toContain("cgroup-v2/devices-missing");
	});

	test("an engine elsewhere is judged by its own word: this host's files do not count", () => {
		const elsewhere: Change = { "host.provider": { place: "elsewhere", cgroupVersion: 2, answers: true } };
		for (const name of ["no-cgroups", "mounted-elsewhere", "no-controllers", "devices-missing"]) {
			expect(codesOf("cgroup-v2", `problem.${name}`, elsewhere)).toEqual([]);
		}
	});
});

describe("kind's version decides what cgroup v1 means", () => {
	test.each(kindReleases.map((release) => [release.kind, release.kubernetes] as const))(
		"kind %s",
		(version, kubernetes) => {
			const refuses = Number(kubernetes.split(".")[1]) >= 35;
			expect(codesOf("cgroup-v2", "problem.v1-deprecated", kind(version))[0]).toBe(
				refuses ? "cgroup-v2/kubelet-refuses-v1" : "cgroup-v2/v1-deprecated",
			);
		},
	);

	test.each(["0.33.0", "0.33.0-alpha+0a1b2c", "1.0.0"])(
		"a kind newer than the table, %s, is no older than its newest",
		(version) => {
			expect(codesOf("cgroup-v2", "problem.v1-deprecated", kind(version))[0]).toBe("cgroup-v2/kubelet-refuses-v1");
		},
	);

	test("the releases stand newest first, so that the first that fits is the right one", () => {
		const minors = kindReleases.map(({ kind: version }) => Number(version.split(".")[1]));
		expect(minors).toEqual([...minors].sort((a, b) => b - a));
	});
});
