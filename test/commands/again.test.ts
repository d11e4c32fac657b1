import { expect, test } from "vitest";
import type { NonEmpty, Step } from "../../src/check.ts";
import { repeatOptions } from "../../src/commands/again.ts";
import { everything, finding } from "../report/run.ts";

const options = {
	envFile: "a.env",
	kubeconfig: "k c",
	context: "mgmt",
	timeout: 1,
	format: "human",
	failOn: "error",
	verbose: false,
	quiet: false,
} as const;

function printed(command: NonEmpty<string>, where: Step["where"] = "here"): readonly string[] | undefined {
	const remedy = [{ advice: "Do it.", command, where, risk: "safe" }] as const;
	const [judgement] = repeatOptions(
		[
			{
				check: everything.judgements[0]!.check,
				verdict: { kind: "problem", findings: [finding("a/broken", { remedy })], missing: [] },
			},
		],
		options,
	);
	return judgement?.verdict.kind === "problem" ? judgement.verdict.findings[0].remedy[0].command : undefined;
}

const both = ["--kubeconfig", "k c", "--context", "mgmt"];

test.each<readonly [NonEmpty<string>, readonly string[]]>([
	[
		["kubectl", "get", "machines"],
		["kubectl", ...both, "get", "machines"],
	],
	[
		["kubectl", "--kubeconfig", "demo.kubeconfig", "get", "nodes"],
		["kubectl", "--kubeconfig", "demo.kubeconfig", "get", "nodes"],
	],
	[
		["kubectl", "get", "--context=demo", "nodes"],
		["kubectl", "get", "--context=demo", "nodes"],
	],
	[
		["clusterctl", "init"],
		["clusterctl", "init", "--kubeconfig", "k c", "--kubeconfig-context", "mgmt"],
	],
	[
		["capmox-doctor", "env", "--role"],
		["capmox-doctor", "env", "--role", "-e", "a.env", ...both],
	],
	[
		["capmox-doctor", "check", "token"],
		["capmox-doctor", "check", "token", "-e", "a.env"],
	],
	[["reboot"], ["reboot"]],
])("%j leads to what was looked at", (command, expected) => {
	expect(printed(command)).toEqual(expected);
});

test("on another machine this one's kubeconfig means nothing", () => {
	expect(printed(["kubectl", "get", "nodes"], "cluster-node")).toEqual(["kubectl", "get", "nodes"]);
});
