import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asCopied, type Mount, parseMountinfo, visibleMounts } from "../../src/facts/host-mountinfo.ts";

/** As fs/proc_namespace.c writes them. */
const escape = (text: string): string =>
	text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);

const line = (
	{ id, parent, device, root, mountPoint, options, type, source, superOptions }: Mount,
	optional: readonly string[],
) =>
	[
		id,
		parent,
		device,
		escape(root),
		escape(mountPoint),
		options.join(","),
		...optional,
		"-",
		type,
		escape(source),
		superOptions.map(escape).join(","),
	].join(" ");

const path = fc
	.array(
		fc.string({ minLength: 1, maxLength: 12 }).map((name) => name.replaceAll("/", "_").replaceAll("\0", "_")),
		{
			maxLength: 4,
		},
	)
	.map((names) => `/${names.join("/")}`);
const mount: fc.Arbitrary<Mount> = fc.record({
	id: fc.nat(),
	parent: fc.nat(),
	device: fc.tuple(fc.nat(255), fc.nat(255)).map(([major, minor]) => `${major}:${minor}`),
	root: path,
	mountPoint: path,
	options: fc.constantFrom(["rw"], ["ro", "nosuid", "noexec"]),
	type: fc.constantFrom("cgroup", "cgroup2", "tmpfs", "fuse.lxcfs", "ext4"),
	source: fc.string({ maxLength: 20 }).map((text) => text.replaceAll("\0", "_").replaceAll("\r", "_")),
	superOptions: fc.array(
		fc.string({ minLength: 1, maxLength: 10 }).map((text) => text.replace(/[,\0\r]/g, "_")),
		{
			minLength: 1,
			maxLength: 5,
		},
	),
});
const optional = fc.array(fc.constantFrom("shared:9", "master:1", "propagate_from:2", "unbindable"), { maxLength: 3 });

describe("parseMountinfo", () => {
	test("gives back what the kernel wrote, whatever the names hold", () => {
		fc.assert(
			fc.property(fc.array(fc.tuple(mount, optional), { maxLength: 8 }), (mounts) => {
				const text = mounts.map(([one, fields]) => `${line(one, fields)}\n`).join("");
				const expected = mounts.map(([one]) => one);
				expect(parseMountinfo(text)).toEqual(expected);
			}),
		);
	});

	test("never throws, and drops what is no mount", () => {
		fc.assert(
			fc.property(fc.string({ maxLength: 300 }), (text) => {
				expect(parseMountinfo(text).every(({ mountPoint }) => mountPoint !== "")).toBe(true);
			}),
		);
		expect(parseMountinfo("26 19 0:21 / /sys/fs/cgroup ro shared:9\n\nno mount\n")).toEqual([]);
	});

	test("survives a cut at any character", () => {
		const whole =
			"26 19 0:21 / /a\\040b ro shared:9 - tmpfs tmpfs rw\n27 26 0:22 / /a\\040b/c rw - cgroup x rw,name=x\n";
		for (let length = 0; length <= whole.length; length++) {
			expect(parseMountinfo(whole.slice(0, length)).length).toBeLessThanOrEqual(2);
		}

		expect(parseMountinfo(whole).map(({ mountPoint }) => mountPoint)).toEqual(["/a b", "/a b/c"]);
	});
});

describe("asCopied", () => {
	test("lists each mount with all that is on it before the next", () => {
		const text =
			"3 1 0:3 / /sys rw - sysfs a rw\n2 1 0:2 / /run rw - tmpfs a rw\n1 0 0:1 / / rw - ext4 a rw\n5 2 0:5 / /run/m rw - cgroup a rw,cpu\n4 3 0:4 / /sys/m rw - cgroup a rw,cpu\n";
		expect(asCopied(parseMountinfo(text)).map(({ id }) => id)).toEqual([1, 3, 4, 2, 5]);
	});

	test("loses nothing and repeats nothing, whatever the parents", () => {
		fc.assert(
			fc.property(fc.array(mount, { maxLength: 12 }), (mounts) => {
				expect(new Set(asCopied(mounts))).toEqual(new Set(mounts));
				expect(asCopied(mounts)).toHaveLength(mounts.length);
			}),
		);
	});
});

describe("visibleMounts", () => {
	const all = (text: string) => visibleMounts(parseMountinfo(text), () => true).map(({ id }) => id);

	test.each([
		[
			"a mount on top of another",
			"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /m rw - tmpfs a rw\n3 2 0:3 / /m rw - cgroup2 a rw",
			[1, 3],
		],
		[
			"what lies below a mount that was covered",
			"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /m rw - tmpfs a rw\n4 2 0:4 / /m/cpu rw - cgroup a rw,cpu\n3 2 0:3 / /m rw - cgroup2 a rw",
			[1, 3],
		],
		[
			"a mount above in the same file system",
			"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /m/x rw - cgroup a rw,cpu\n3 1 0:3 / /m rw - tmpfs a rw",
			[1, 3],
		],
		[
			"neighbours",
			"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /m rw - tmpfs a rw\n3 1 0:3 / /mm rw - tmpfs a rw",
			[1, 2, 3],
		],
		["a mount that is its own parent", "1 1 0:1 / / rw - ext4 a rw\n2 1 0:2 / /m rw - tmpfs a rw", [1, 2]],
	])("%s", (_, text, visible) => {
		expect(all(text)).toEqual(visible);
	});
});
