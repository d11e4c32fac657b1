import { describe, expect, test } from "vitest";
import imagebuilderEnv from "../../checks/imagebuilder-env.ts";
import token from "../../checks/token.ts";
import { judgeSituation } from "../support/situations.ts";
import { renderEnvfile, variableFacts } from "../support/variables.ts";
import { type Case, cases } from "./imagebuilder-env.cases.ts";

async function judge(variables: Case["variables"], asked = false) {
	return judgeSituation(imagebuilderEnv, await variableFacts({ envfile: renderEnvfile(variables) }), asked);
}

describe("every mix-up is found, and nothing else", () => {
	test.each(cases.map((each) => [each.is, each] as const))("%s", async (_, { variables, codes }) => {
		const judged = await judge(variables);
		expect(judged.codes).toEqual(codes.map((code) => `imagebuilder-env/${code}`));
		expect(judged.judgement.verdict.kind).toBe(codes.length === 0 ? "pass" : "problem");
	});
});

test("nothing set: skipped in run, a finding when asked by name", async () => {
	expect((await judge({})).judgement.verdict.kind).toBe("skip");
	expect((await judge({ PROXMOX_URL: "https://pve.example.com:8006" }, true)).codes).toEqual([
		"imagebuilder-env/not-set",
	]);
});

test("a token that is neither ID nor secret is the token check's business", async () => {
	expect((await judge({ PROXMOX_TOKEN: "nonsense" }, true)).judgement.verdict.kind).toBe("skip");
});

test("the token check sees the same convention", async () => {
	for (const { variables, codes } of cases) {
		const facts = await variableFacts({ envfile: renderEnvfile(variables) });
		const seen = judgeSituation(
			token,
			{ ...facts, "proxmox.access": { state: "unavailable", cause: "unreachable", lastSeen: "nothing" } },
			false,
		).codes;
		expect(seen.includes("token/swapped")).toBe(codes.includes("names-swapped"));
		const hasApiPath = /\/api2(?:\/|$)/.test(variables["PROXMOX_URL"] ?? "");
		expect(seen.includes("token/url-with-api-path")).toBe(hasApiPath);
	}
});
