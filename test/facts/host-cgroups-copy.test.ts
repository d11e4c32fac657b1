import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { refusedByRunc } from "../../checks/cgroups/runc.ts";
import { type CopiedFiles, whatIsCutOff } from "../../src/facts/host-cgroups-copy.ts";
import { classifyCgroups } from "../../src/facts/host-cgroups-layout.ts";
import { casesOr, isThere, namesIn, recordings, unlessThere } from "../support/host.ts";

const mountinfo = [
	"22 1 0:20 / /sys rw - sysfs sysfs rw",
	"26 22 0:21 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755",
	"27 26 0:22 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate",
	"28 26 0:23 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
	"29 26 0:24 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu",
	"30 26 0:25 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices",
	"99 1 0:42 / /mnt/a\\040b rw - cgroup foobar rw,name=foobar",
	"",
].join("\n");
const ownCgroup = "4:name=foobar:/\n3:devices:/a\n2:cpu,cpuacct:/a\n1:name=systemd:/a\n0::/a\n";
const kernel =
	"#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t2\t1\t1\ncpuacct\t2\t1\t1\ndevices\t3\t1\t1\nmemory\t0\t1\t1\n";
const mounts = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\nfoobar /mnt/a\\040b cgroup rw,name=foobar 0 0\n";
const whole: CopiedFiles = { mountinfo, ownCgroup, kernel, mounts };
const without = (text: string, word: string) =>
	text
		.split("\n")
		.filter((line) => !line.includes(word))
		.join("\n");

describe("whatIsCutOff", () => {
	test.each<[string, CopiedFiles]>([
		["all four", whole],
		["without /proc/mounts", { mountinfo, ownCgroup, kernel }],
		["the mounts and the own cgroups alone", { mountinfo, ownCgroup }],
		[
			"a mount that went away, while the hierarchy lives",
			{ mountinfo: without(mountinfo, "name=systemd"), ownCgroup, mounts },
		],
		["cgroup2 that is listed for ever, on a host of v1", { mountinfo: without(mountinfo, "cgroup2"), ownCgroup }],
		["a host without cgroups", { mountinfo: "22 1 0:20 / /sys rw - sysfs sysfs rw\n", ownCgroup: "" }],
		[
			"cgroup v2 alone",
			{
				mountinfo: "26 22 0:21 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
				ownCgroup: "0::/a\n",
				kernel: "cpu\t0\t9\t1\n",
			},
		],
	])("says nothing of %s", (_, files) => {
		expect(whatIsCutOff(files)).toBeUndefined();
	});

	test.each<[string, CopiedFiles, string]>([
		["the last mount", { ...whole, mountinfo: without(mountinfo, "foobar") }, "/proc/mounts has /mnt/a b, too"],
		[
			"the last mount, and no other list",
			{ mountinfo: without(mountinfo, "foobar"), ownCgroup },
			"no mount of name=foobar",
		],
		[
			"all mounts of cgroups",
			{ mountinfo: without(mountinfo, "cgroup"), ownCgroup: "0::/a\n" },
			"no mount of cgroup v2",
		],
		["the own cgroups of v2", { mountinfo, ownCgroup: without(ownCgroup, "0::") }, "no line for cgroup v2"],
		["the own cgroups of a mount", { mountinfo, ownCgroup: without(ownCgroup, "systemd") }, "no line for name=systemd"],
		[
			"the own cgroups of a controller in use",
			{ mountinfo: without(mountinfo, ",devices"), ownCgroup: without(ownCgroup, "devices"), kernel },
			"no line for devices",
		],
	])("misses %s", (_, files, said) => {
		expect(whatIsCutOff(files)).toContain(said);
	});
});

/** What the checks judge by. */
const verdictOf = (files: CopiedFiles) => {
	const found = classifyCgroups(files);
	return JSON.stringify([
		found.layout,
		found.controllers,
		found.flags.withoutSystemd,
		refusedByRunc({ ...found, cgroupVersion: 1 }),
	]);
};
const read = (name: string, path: string) => {
	const url = new URL(`${name}/evidence/proc/${path}`, recordings);
	return existsSync(url) ? readFileSync(url, "utf8") : "";
};

describe(`recorded hosts, cut at the end of any line${unlessThere(recordings)}`, () => {
	const cases = namesIn(recordings).flatMap((name) => [true, false].map((withMounts) => [name, withMounts] as const));
	test.skipIf(!isThere(recordings)).each(casesOr(["none", false] as const, cases))(
		"%s, with /proc/mounts: %s",
		(name, withMounts) => {
			const files = {
				mountinfo: read(name, "self/mountinfo"),
				ownCgroup: read(name, "self/cgroup"),
				kernel: read(name, "cgroups"),
				mounts: withMounts ? read(name, "mounts") : undefined,
			};
			expect(whatIsCutOff(files)).toBeUndefined();
			const verdict = verdictOf(files);
			for (const key of ["mountinfo", "ownCgroup"] as const) {
				const lines = files[key].split(/(?<=\n)/);
				for (let length = 1; length < lines.length; length++) {
					const cut = { ...files, [key]: lines.slice(0, length).join("") };
					expect([length, whatIsCutOff(cut) !== undefined || verdictOf(cut) === verdict]).toEqual([length, true]);
				}
			}
		},
	);
});
