import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { checks } from "../../checks/index.ts";
import { diagnose, type ShownVerdict, shownAs } from "../../src/diagnose.ts";
import { costOf, pieceOfWork, pieceTakes } from "../support/cost.ts";
import { casesOr, gatherFrom, isThere, namesIn, recordings, unlessThere } from "../support/host.ts";

const cgroupChecks = checks.filter(({ id }) => id.startsWith("cgroup-"));
const wanted = cgroupChecks.flatMap(({ needs, uses }) => [...needs, ...uses]);

const outcomeFile = z.object({
	tests: z.array(z.object({ test: z.string(), ok: z.boolean().nullable(), error: z.string().optional() })),
});

const outcomeOf = (name: string) =>
	outcomeFile.parse(JSON.parse(readFileSync(new URL(`${name}/outcome.json`, recordings), "utf8"))).tests;
const cases = casesOr(
	["none"] as const,
	namesIn(recordings).map((name) => [name] as const),
);
const treeOf = (name: string) => fileURLToPath(new URL(`${name}/evidence`, recordings));

async function judge(name: string) {
	const judgements = diagnose(cgroupChecks, await gatherFrom(treeOf(name), wanted));
	const findings = judgements.flatMap(({ verdict }) => (verdict.kind === "problem" ? verdict.findings : []));
	const shown = new Map<string, ShownVerdict>(judgements.map(({ check, verdict }) => [check.id, shownAs(verdict)]));
	return { shown, findings };
}

describe(`recorded hosts: the verdict is what containers met there${unlessThere(recordings)}`, () => {
	test.skipIf(!isThere(recordings)).each(cases)("%s", async (name) => {
		const { shown, findings } = await judge(name);
		// Docker is what kind takes on all of them. `null`: the recording itself was inconclusive.
		const decisive = outcomeOf(name).filter(
			({ test: what, ok }) => /^docker\/(?:daemon|plain\/private|privileged\/private|kind\/)/.test(what) && ok !== null,
		);
		const failed = decisive.filter(({ ok }) => ok === false);
		const verdicts = [...shown.values()];
		if (decisive.length === 0) {
			expect(verdicts).not.toContain("pass");
			expect(verdicts).not.toContain("fail");
		} else if (failed.length > 0) {
			expect(verdicts).toContain("fail");
		} else {
			expect(verdicts).not.toContain("fail");
			expect(verdicts).not.toContain("unknown");
		}

		// A plain container fails by the mounts alone, so nothing but the named hierarchies may explain it.
		const plain = decisive.find(({ test: what }) => what === "docker/plain/private");
		if (plain !== undefined) {
			expect(shown.get("cgroup-named") === "fail").toBe(plain.ok === false);
		}

		// The text that was predicted is the text that Docker printed.
		const said = findings.flatMap(({ evidence }) => evidence).find(({ from }) => from.endsWith("will say"))?.saw;
		if (said !== undefined) {
			const loose = new RegExp(said.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", "[^)]*"));
			expect(failed.some(({ error = "" }) => loose.test(error))).toBe(true);
		}
	});

	test.skipIf(!isThere(recordings))("a rule that never fails would be caught here", () => {
		const outcomes = namesIn(recordings).flatMap(outcomeOf);
		expect(outcomes.filter(({ test: what, ok }) => what === "docker/kind/c252" && ok === false).length).toBeGreaterThan(
			1,
		);
		expect(outcomes.filter(({ test: what, ok }) => what === "docker/kind/c252" && ok === true).length).toBeGreaterThan(
			1,
		);
	});
});

describe(`the whole host group${unlessThere(recordings)}`, () => {
	const group = checks.filter(({ group: name }) => name === "host");
	const needed = group.flatMap(({ needs, uses }) => [...needs, ...uses]);
	const judged = async () => {
		diagnose(group, await gatherFrom(treeOf("hybrid"), needed));
	};
	test.skipIf(!isThere(recordings))("is judged on a recorded tree within 30 ms", async () => {
		expect(group.length).toBeGreaterThan(4);
		expect(await costOf(judged)).toBeLessThan(30);
	});

	test.skipIf(!isThere(recordings))("which would not do for one that takes 30 ms more", async () => {
		const slow = async () => {
			await judged();
			for (let piece = 0; piece < 30 / pieceTakes; piece++) {
				pieceOfWork();
			}
		};
		expect(await costOf(slow)).toBeGreaterThan(30);
	});
});

const podmanCheck = checks.filter(({ id }) => id === "podman");

describe(`recorded hosts: Podman runs a node where the check says so${unlessThere(recordings)}`, () => {
	test.skipIf(!isThere(recordings)).each(cases)("%s", async (name) => {
		const sheet = await gatherFrom(
			treeOf(name),
			podmanCheck.flatMap(({ needs, uses }) => [...needs, ...uses]),
		);
		// Docker is installed on all of them, so that Podman is judged only when asked.
		const [judgement] = diagnose(podmanCheck, sheet, { asked: new Set(["podman"]) });
		const shown = judgement === undefined ? undefined : shownAs(judgement.verdict);
		const decisive = outcomeOf(name).filter(
			({ test: what, ok }) => /^podman\/(?:plain\/|node|kind)/.test(what) && ok !== null,
		);
		if (decisive.length === 0) {
			expect(shown).toBe("unknown");
		} else {
			// A copied tree need not hold containers.conf: then nothing is wrong that is known, and it is no pass.
			expect(shown).toBeOneOf(decisive.some(({ ok }) => ok === false) ? ["fail"] : ["pass", "warn", "unknown"]);
		}
	});
});

describe(`recorded hosts: what kind needs${unlessThere(recordings)}`, () => {
	const kindHost = checks.filter(({ id }) => id === "kind-host");
	const needed = kindHost.flatMap(({ needs, uses }) => [...needs, ...uses]);
	test.skipIf(!isThere(recordings)).each(cases)(
		"%s: kind's containers ran there, so nothing fails; the disk was not recorded, so nothing passes",
		async (name) => {
			const [judgement] = diagnose(kindHost, await gatherFrom(treeOf(name), needed));
			const { verdict } = judgement ?? {};
			expect(["warn", "unknown"]).toContain(verdict === undefined ? undefined : shownAs(verdict));
			expect(verdict?.kind === "problem" || verdict?.kind === "unknown" ? verdict.missing : []).not.toEqual([]);
		},
	);
});
