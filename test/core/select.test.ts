import { expect, test } from "vitest";
import type { Check } from "../../src/check.ts";
import { select } from "../../src/commands/select.ts";

const check = (id: string, group: Check["group"]): Check => ({
	id,
	group,
	title: id,
	documented: "test",
	needs: [],
	uses: [],
	findings: {},
	diagnose: () => ({ kind: "healthy", summary: "" }),
});
const checks = [
	check("token", "proxmox"),
	check("cgroup-v2", "host"),
	check("cgroup-named", "host"),
	check("kube-vip", "workload"),
];
const ids = (...words: string[]) => select(words, checks).map(({ id }) => id);

test("ids, groups and globs, in the order of the reports and once each", () => {
	expect(ids("kube-vip", "token")).toEqual(["token", "kube-vip"]);
	expect(ids("host")).toEqual(["cgroup-v2", "cgroup-named"]);
	expect(ids("cgroup-*", "host", "tok?n")).toEqual(["token", "cgroup-v2", "cgroup-named"]);
	expect(ids("*")).toHaveLength(4);
});

test.each([
	["tokn", 'there is no check or group "tokn", did you mean token?; see capmox-doctor list'],
	["kubevip", 'there is no check or group "kubevip", did you mean kube-vip?; see capmox-doctor list'],
	["xyzzy", 'there is no check or group "xyzzy"; see capmox-doctor list'],
	["", 'there is no check or group ""; see capmox-doctor list'],
	["(", 'there is no check or group "("; see capmox-doctor list'],
	["management", "group management has no checks yet; see capmox-doctor list"],
])("%j names nothing: one line with the nearest names", (word, message) => {
	expect(() => ids(word)).toThrow(message);
});
