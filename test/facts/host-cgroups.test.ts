import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { refusedByRunc, rootsOf } from "../../checks/cgroups/runc.ts";
import type { CgroupLayout, HostCgroups } from "../../src/facts/host-cgroups.ts";
import { type CgroupSources, classifyCgroups } from "../../src/facts/host-cgroups-layout.ts";
import { isThere, samples, unlessThere } from "../support/host.ts";

const tmpfs = "26 19 0:21 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755";
const v1 = (id: number, directory: string, options: string, parent = 26) =>
	`${id} ${parent} 0:${id} / ${directory.startsWith("/") ? directory : `/sys/fs/cgroup/${directory}`} rw,relatime - cgroup cgroup rw,${options}`;
const v2 = (id: number, path: string, parent = 26) =>
	`${id} ${parent} 0:${id} / ${path} rw - cgroup2 cgroup2 rw,nsdelegate`;
const classify = (lines: readonly string[], more: Partial<CgroupSources> = {}): HostCgroups =>
	classifyCgroups({ mountinfo: lines.join("\n"), ...more });

/** As runc sees them, with a line in /proc/self/cgroup for each. */
const refusals = (cgroups: HostCgroups) =>
	refusedByRunc({
		...cgroups,
		cgroupVersion: 1,
		own:
			cgroups.own.length > 0
				? cgroups.own
				: cgroups.hierarchies.map(({ controllers, name }) => ({ controllers, name, path: "/" })),
	}).map(({ base, errno }) => `${base} ${errno}`);

describe("classifyCgroups", () => {
	test.each<[CgroupLayout, readonly string[]]>([
		["unified", [v2(31, "/sys/fs/cgroup", 19)]],
		["unified", [v2(31, "/sys/fs/cgroup", 19), v1(40, "/mnt/elogind", "name=elogind", 1)]],
		["hybrid", [tmpfs, v2(27, "/sys/fs/cgroup/unified"), v1(28, "systemd", "name=systemd"), v1(29, "cpu", "cpu")]],
		["hybrid-v232", [tmpfs, v2(27, "/sys/fs/cgroup/systemd"), v1(29, "cpu", "cpu")]],
		["legacy", [tmpfs, v1(28, "systemd", "name=systemd"), v1(29, "cpu", "cpu")]],
		["single-legacy", [v1(30, "/sys/fs/cgroup", "cpuset,cpu,memory,devices", 19)]],
		["named-only", [tmpfs, v1(28, "systemd", "name=systemd")]],
		["none", [tmpfs]],
		["none", ["1 0 0:1 / / rw - ext4 /dev/sda1 rw"]],
		["odd", [v1(30, "/cgroup/cpu", "cpu", 1)]],
		["odd", [v2(30, "/mnt/cgroup2", 1)]],
		["odd", [tmpfs, v2(30, "/mnt/cgroup2", 1)]],
	])("%s", (layout, lines) => {
		const found = classify(lines);
		expect(found.layout).toBe(layout);
		expect(found.version).toBe(layout === "unified" ? 2 : 1);
	});

	test("statfs outranks the mounts", () => {
		expect(classify([tmpfs, v1(29, "cpu", "cpu")], { rootType: 0x63677270 }).layout).toBe("unified");
	});

	test("the flags", () => {
		const found = classify(
			[
				tmpfs,
				v1(28, "openrc", "release_agent=/lib/rc/sh/cgroup-release-agent.sh,name=openrc"),
				v1(29, "cpu,cpuacct", "cpuacct,cpu"),
				v1(30, "/run/lxcfs/controllers/memory", "memory", 1),
			],
			{ ownCgroup: "3:name=lost:/\n2:cpu,cpuacct:/\n1:name=openrc:/a:b\n" },
		);
		expect(found.flags).toEqual({
			named: ["openrc", "lost"],
			comounted: [["cpuacct", "cpu"]],
			outside: ["/run/lxcfs/controllers/memory"],
			stray: [],
			withoutSystemd: true,
		});
		expect(found.own.at(-1)).toEqual({ controllers: [], name: "openrc", path: "/a:b" });
		expect(found.view).toEqual({ namespace: "unknown", nestedBy: [] });
	});

	test.each<[string, Partial<CgroupSources>]>([
		["another namespace", { namespace: "cgroup:[4026532500]" }],
		["cgroup.type at the root", { rootCgroupType: "domain\n" }],
		["paths that lead out", { ownCgroup: "0::/../../init.scope\n" }],
	])("seen from inside: %s", (_, more) => {
		expect(classify([v2(31, "/sys/fs/cgroup", 19)], { namespace: "cgroup:[4026531835]", ...more }).view.namespace).toBe(
			"nested",
		);
	});

	test("what a hybrid host leaves to v2 follows from /proc/cgroups where the file is missing", () => {
		const kernel =
			"#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t1\t1\nblkio\t0\t1\t1\nmemory\t0\t1\t0\nfreezer\t0\t1\t1\n";
		const lines = [tmpfs, v2(27, "/sys/fs/cgroup/unified"), v1(29, "cpu", "cpu")];
		expect(classify(lines, { kernel }).unifiedControllers).toEqual(["io"]);
		expect(classify(lines, { kernel, controllers: "" }).unifiedControllers).toEqual([]);
	});
});

describe("runc's rule", () => {
	test.each<[string, readonly string[], readonly string[]]>([
		["as it should be", [v1(28, "systemd", "name=systemd"), v1(29, "cpu,cpuacct", "cpuacct,cpu")], []],
		["a named hierarchy", [v1(28, "openrc", "name=openrc")], ["openrc EINVAL"]],
		["one whose directory has another name", [v1(28, "broken", "name=foobar")], ["broken EINVAL"]],
		["one outside /sys/fs/cgroup", [v1(28, "/mnt/foobar", "name=broken", 1)], ["foobar EINVAL"]],
		["systemd's outside, at a directory of its name", [v1(28, "/mnt/systemd", "name=systemd", 1)], []],
		["systemd's under another name", [v1(28, "elsewhere", "name=systemd")], ["elsewhere EINVAL"]],
		["half of two controllers that are together", [v1(28, "cpu", "cpu,cpuacct")], ["cpu EPERM"]],
		["a controller at a foreign directory", [v1(28, "foo", "net_cls")], ["foo EINVAL"]],
		["one that bears the name of another controller", [v1(28, "pids", "net_cls")], ["pids EPERM"]],
		["all in one", [v1(28, "/sys/fs/cgroup", "cpu,memory", 19)], ["cgroup EINVAL"]],
		["the same hierarchy twice: the first counts", [v1(28, "memory", "memory"), v1(29, "/mnt/m", "memory", 1)], []],
		[
			"the same hierarchy twice, the wrong way round",
			[v1(28, "m", "memory"), v1(29, "memory", "memory")],
			["m EINVAL"],
		],
		[
			"an older mount outside, which a new mount namespace lists after all that is below /sys",
			[v1(28, "/mnt/m", "memory", 1), v1(29, "memory", "memory")],
			[],
		],
		[
			"a younger mount outside, on a file system that is listed before /sys",
			[
				"20 1 0:20 / /run rw - tmpfs tmpfs rw",
				"19 1 0:19 / /sys rw - sysfs sysfs rw",
				"1 0 0:1 / / rw - ext4 a rw",
				v1(29, "memory", "memory"),
				v1(30, "/run/m", "memory", 20),
			],
			["m EINVAL"],
		],
		[
			"lxcfs, which calls its directory name=systemd",
			[v1(28, "/run/lxcfs/controllers/name=systemd", "name=systemd", 1)],
			[],
		],
	])("%s", (_, lines, expected) => {
		expect(refusals(classify([tmpfs, ...lines]))).toEqual(expected);
	});

	test.each<[string, readonly string[], string, readonly string[]]>([
		[
			"a directory of another's name, which is mounted at one of that name, too: twice at one place",
			[v1(28, "memory", "memory"), v1(29, "/x/memory", "name=foo", 1)],
			"2:name=foo:/\n1:memory:/\n",
			["memory EBUSY"],
		],
		[
			"the same, the other way round",
			[v1(29, "/x/memory", "name=foo", 1), v1(28, "memory", "memory")],
			"2:name=foo:/\n1:memory:/\n",
			["memory EBUSY"],
		],
		[
			"a directory of another's name, which is mounted nowhere, and lives",
			[v1(29, "/x/memory", "name=foo", 1)],
			"2:name=foo:/\n1:memory:/\n",
			[],
		],
		["two directories swapped", [v1(28, "memory", "pids"), v1(29, "pids", "memory")], "2:memory:/\n1:pids:/\n", []],
		[
			"pids at a directory called systemd, and name=systemd lives",
			[v1(29, "/x/systemd", "pids", 1)],
			"2:pids:/\n1:name=systemd:/\n",
			[],
		],
		[
			"pids at a directory called systemd, and no name=systemd",
			[v1(29, "/x/systemd", "pids", 1)],
			"2:pids:/\n",
			["systemd EINVAL"],
		],
		[
			"two at directories of one name, of which neither is it",
			[v1(28, "/a/pids", "cpu", 1), v1(29, "/b/pids", "name=b", 1)],
			"3:pids:/\n2:cpu:/\n1:name=b:/\n",
			["pids EBUSY"],
		],
		["the same set in another order", [v1(28, "cpuacct,cpu", "cpu,cpuacct")], "1:cpu,cpuacct:/\n", []],
		[
			"together, and once more alone by a bind",
			[v1(28, "cpu,cpuacct", "cpu,cpuacct"), v1(29, "cpu", "cpu,cpuacct")],
			"1:cpu,cpuacct:/\n",
			[],
		],
		[
			"a directory called after an option",
			[v1(28, "/x/noprefix", "name=a", 1), v1(29, "/x/xattr", "name=b", 1), v1(30, "/x/none", "name=c", 1)],
			"3:name=a:/\n2:name=b:/\n1:name=c:/\n",
			["noprefix EINVAL", "xattr EPERM", "none EINVAL"],
		],
		[
			"a directory called after an option of any file system",
			[v1(28, "/x/sync", "name=a", 1), v1(29, "/x/none,rw", "name=b", 1), v1(30, "ro,pids", "pids")],
			"3:name=a:/\n2:name=b:/\n1:pids:/\n",
			["sync EPERM", "none,rw EINVAL"],
		],
		["a name with other controllers", [v1(28, "/x/cpu,name=a", "name=a", 1)], "1:name=a:/\n", ["cpu,name=a EBUSY"]],
		[
			"in an LXC container of an old kernel, where the directory is the container's",
			[v1(28, "memory/lxc/101", "memory")],
			"1:memory:/lxc/101\n",
			["101 EINVAL"],
		],
		[
			"net_cls and net_prio apart",
			[v1(28, "net_cls", "net_cls"), v1(29, "net_prio", "net_prio")],
			"2:net_cls:/\n1:net_prio:/\n",
			[],
		],
		["cpuset without the prefix of its files", [v1(28, "cpuset", "cpuset,noprefix")], "1:cpuset:/\n", []],
		["freezer elsewhere, at a directory of its name", [v1(28, "/dev/freezer", "freezer", 1)], "1:freezer:/\n", []],
	])("%s", (_, lines, ownCgroup, expected) => {
		expect(refusals(classify([tmpfs, ...lines], { ownCgroup }))).toEqual(expected);
	});

	test("the words of kernels before 5.1", () => {
		const found = {
			...classify([tmpfs, v1(28, "openrc", "name=openrc")], { ownCgroup: "1:name=openrc:/\n" }),
			cgroupVersion: 1 as const,
		};
		expect(refusedByRunc(found, "4.18.0-553.el8_10.x86_64").map(({ errno }) => errno)).toEqual(["ENOENT"]);
		expect(refusedByRunc(found, "5.4.0-216-generic").map(({ errno }) => errno)).toEqual(["EINVAL"]);
		expect(refusedByRunc(found).map(({ errno }) => errno)).toEqual(["EINVAL"]);
		const atOption = {
			...classify([tmpfs, v1(28, "/x/rw", "name=a", 1)], { ownCgroup: "1:name=a:/\n" }),
			cgroupVersion: 1 as const,
		};
		expect(refusedByRunc(atOption, "5.0.21").map(({ errno }) => errno)).toEqual(["ENOENT"]);
		expect(refusedByRunc(atOption, "5.1.0").map(({ errno }) => errno)).toEqual(["EPERM"]);
	});

	test("a hierarchy that is mounted, but not this process's, does no harm", () => {
		const found = classify([tmpfs, v1(28, "cpu", "cpu"), v1(29, "gone", "name=gone")], { ownCgroup: "1:cpu:/\n" });
		expect(refusals(found)).toEqual([]);
	});
});

describe("the folder in which runc looks", () => {
	const deeper = v1(28, "lxc/systemd", "name=systemd");
	const atPlace = v1(29, "devices", "devices");
	const ownCgroup = "3:memory:/\n2:devices:/\n1:name=systemd:/\n";
	const rootsIn = (lines: readonly string[], topBeginsWithV1: boolean | undefined, more: Partial<HostCgroups> = {}) =>
		rootsOf({ ...classify(lines, { ownCgroup }), topBeginsWithV1, ...more }, "cgroupfs");

	test.each<[string, readonly string[], boolean | undefined, readonly string[]]>([
		["a hierarchy comes first", [tmpfs, deeper, atPlace], true, ["/sys/fs/cgroup"]],
		["something else comes first: that of the oldest", [tmpfs, deeper, atPlace], false, ["/sys/fs/cgroup/lxc"]],
		["something else comes first, and the oldest is at its place", [tmpfs, atPlace, deeper], false, ["/sys/fs/cgroup"]],
		["a copy does not tell", [tmpfs, deeper, atPlace], undefined, ["/sys/fs/cgroup", "/sys/fs/cgroup/lxc"]],
		["a copy need not tell", [tmpfs, atPlace, deeper], undefined, ["/sys/fs/cgroup"]],
		[
			"the oldest one, and not the first of a new namespace",
			[tmpfs, v1(28, "/mnt/memory", "memory", 1), atPlace],
			false,
			["/mnt"],
		],
		[
			"one that is not this process's does not count",
			[tmpfs, v1(28, "/a/x", "name=x", 1), atPlace],
			false,
			["/sys/fs/cgroup"],
		],
		[
			"no tmpfs",
			[v1(28, "/cgroup/memory", "memory", 1), v1(29, "/cgroup/devices", "devices", 1)],
			undefined,
			["/cgroup"],
		],
	])("%s", (_, lines, beginsWithV1, expected) => {
		expect(rootsIn(lines, beginsWithV1)).toEqual(expected);
	});

	test("a plain directory that runc will make comes first, then, unless it cannot", () => {
		const writable = tmpfs.replaceAll("ro,", "rw,");
		const absent = { systemdDirectory: "absent" } as const;
		expect(rootsIn([writable, deeper, atPlace], true, absent)).toEqual(["/sys/fs/cgroup/lxc"]);
		expect(rootsIn([tmpfs, deeper, atPlace], true, absent)).toEqual(["/sys/fs/cgroup"]);
		expect(rootsIn([writable, deeper, atPlace], true, { systemdDirectory: "directory" })).toEqual(["/sys/fs/cgroup"]);
	});
});

/** host.md §1.5 and the index of the samples, which the class of each is written down in. */
const expectedOfSamples: Readonly<Record<string, readonly [CgroupLayout, runc: string]>> = {
	"10-vm-debian13-v2": ["unified", ""],
	"11-vm-debian13-systemd-hybrid": ["hybrid", ""],
	"12-vm-hybrid-named-broken-at-foobar": ["hybrid", "foobar EINVAL"],
	"13-vm-hybrid-named-broken-outside-sysfs": ["hybrid", "foobar EINVAL"],
	"14-vm-openrc-hybrid": ["hybrid", "openrc EINVAL"],
	"15-vm-openrc-hybrid-without-openrc-mount": ["hybrid", ""],
	"16-vm-openrc-hybrid-fixed-name-systemd": ["hybrid", ""],
	"20-firecracker-hybrid-named-systemd": ["hybrid", ""],
	"21-named-hierarchy-broken": ["hybrid", "broken EINVAL"],
	"22-inside-new-cgroupns-inherited-mounts": ["hybrid", ""],
	"43-vm-container-v1-cgroupns-private": ["legacy", ""],
	"50-vm-openrc-unified-domain-threaded": ["unified", ""],
	"51-vm-v2-with-stray-elogind": ["unified", "elogind EINVAL"],
	"64-composed-no-cgroup-mounted": ["none", ""],
	"65-composed-single-mount-all-controllers": ["single-legacy", "cgroup EINVAL"],
	"66-composed-unified-overmounts-tmpfs": ["unified", ""],
	"67-composed-wsl2-2.9.9-nested": ["unified", ""],
};

const folder = new URL("mountinfo/", samples);
const read = (name: string): string | undefined => {
	const url = new URL(name, folder);
	return existsSync(url) ? readFileSync(url, "utf8") : undefined;
};

describe(`samples of real hosts${unlessThere(folder)}`, () => {
	test.skipIf(!isThere(folder)).each(Object.entries(expectedOfSamples))("%s", (name, [layout, runc]) => {
		const found = classifyCgroups({
			mountinfo: read(`${name}.mountinfo.txt`) ?? "",
			ownCgroup: read(`${name}.self-cgroup.txt`),
			kernel: read(`${name}.proc-cgroups.txt`),
		});
		expect(found.layout).toBe(layout);
		expect(refusals(found).join()).toBe(runc);
	});

	test.skipIf(!isThere(folder))("every other one is classified, and none as something it cannot be", () => {
		const names = readdirSync(folder).filter((name) => /\.mountinfo(?:-excerpt)?\.txt$/.test(name));
		expect(names.length).toBeGreaterThan(30);
		for (const name of names) {
			const { layout, hierarchies } = classifyCgroups({ mountinfo: read(name) ?? "" });
			const isV1 = hierarchies.some(({ controllers, visible }) => visible && controllers.length > 0);
			expect([name, ["hybrid", "legacy", "single-legacy"].includes(layout)]).toEqual([name, isV1]);
		}
	});
});
