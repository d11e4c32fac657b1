import { defineCheck, error, healthy, warning } from "../../src/check.ts";
import type { Judgement, ReportedFinding, Verdict } from "../../src/diagnose.ts";
import type { Run } from "../../src/report/report.ts";

const define = (id: string, group: "config" | "host" | "proxmox") =>
	defineCheck({
		id,
		title: `The ${id} is as it should be`,
		group,
		documented: "troubleshooting#nothing",
		needs: [],
		findings: { broken: error("It is broken."), worn: warning("It wears out.") },
		diagnose: () => healthy(""),
	});

/** What breaks a format: markup, entities, workflow commands, fences, control characters. */
const hostile = `<b>&amp;"quoted"</b> ::error::x%0A \`\`\` ]]> | _a_ <!-- \u0001 end\nnext line`;

export const finding = (code: string, over: Partial<ReportedFinding> = {}): ReportedFinding => ({
	code,
	severity: "error",
	confidence: "certain",
	summary: "NODE_IP_RANGES ends before it begins.",
	evidence: [{ from: "NODE_IP_RANGES (envfile, line 4)", saw: "[10.0.0.9-10.0.0.5]", expected: "FIRST-LAST" }],
	remedy: [
		{
			advice: "Write it like this.",
			put: { line: "export NODE_IP_RANGES='[10.0.0.5-10.0.0.9]'", into: "envfile, line 4" },
			where: "here",
			risk: "changes",
		},
		{
			advice: "Remove the token.",
			command: ["pveum", "user", "token", "remove", "capmox@pve", "capi"],
			where: "proxmox-node",
			risk: "destroys",
			undo: "create it again",
		},
	],
	...over,
});

const judged = (id: string, group: "config" | "host" | "proxmox", verdict: Verdict): Judgement => ({
	check: define(id, group),
	verdict,
});

const gap = { fact: "proxmox.access", cause: "timeout", lastSeen: `no answer; it said ${hostile}` } as const;

/** Every kind of verdict at once. */
export const everything: Run = {
	version: "1.2.3",
	failOn: "error",
	exitCode: 1,
	milliseconds: 1_234,
	judgements: [
		judged("network-plan", "config", {
			kind: "problem",
			findings: [
				finding("network-plan/broken"),
				finding("network-plan/worn", {
					severity: "warning",
					confidence: "likely",
					summary: hostile,
					evidence: [{ from: `~/a b, line 3`, saw: hostile }],
				}),
			],
			missing: [gap],
		}),
		judged("engine", "host", {
			kind: "problem",
			findings: [
				finding("engine/worn", {
					severity: "warning",
					evidence: [{ from: "docker info", saw: "20.10", lines: ["one <b> ```", "└─ two ::error::"] }],
				}),
			],
			missing: [],
		}),
		judged("kernel", "host", { kind: "pass", summary: "Linux 6.12, as kind wants it." }),
		judged("wsl", "host", { kind: "skip", reason: "this is no WSL | at all" }),
		judged("token", "proxmox", { kind: "unknown", missing: [gap] }),
		judged("rights", "proxmox", { kind: "crashed", message: "TypeError: x is undefined\n    at y" }),
	],
};

/** All that becomes of findings, and of what accepts them. */
export const accepted: Run = {
	...everything,
	judgements: [
		judged("network-plan", "config", {
			kind: "problem",
			findings: [
				finding("network-plan/broken", {
					waived: { reason: hostile, until: "2027-03-01", from: "capmox-doctor.yaml, line 3" },
				}),
				finding("network-plan/worn", {
					severity: "warning",
					waived: { reason: "it is to be like this", from: "capmox-doctor.yaml, line 8" },
				}),
			],
			missing: [],
		}),
		judged("engine", "host", {
			kind: "problem",
			findings: [finding("engine/broken", { knownFrom: "a b.json" })],
			missing: [],
		}),
		judged("rights", "proxmox", {
			kind: "problem",
			findings: [
				finding("rights/broken", {
					expired: [{ reason: "until the move", until: "2026-10-31", from: "capmox-doctor.yaml, line 12" }],
				}),
			],
			missing: [],
		}),
	],
	stale: [
		{ kind: "waiver", from: "capmox-doctor.yaml, line 16", code: "rights/worn", about: hostile },
		{ kind: "waiver", from: "capmox-doctor.yaml, line 20", code: "engine/worn" },
		{ kind: "baseline", from: "a b.json", code: "engine/worn", about: "It wears out." },
	],
};

/** So many findings of each level that no format can take them all. */
export const flood: Run = {
	...everything,
	judgements: [
		judged("network-plan", "config", {
			kind: "problem",
			findings: [
				finding("network-plan/broken"),
				...Array.from({ length: 300 }, (_, index) =>
					finding(index % 2 === 0 ? "network-plan/broken" : "network-plan/worn", {
						severity: index % 2 === 0 ? "error" : "warning",
						summary: `Fault ${index}: ${"word ".repeat(60)}`,
					}),
				),
			],
			missing: [],
		}),
	],
};
