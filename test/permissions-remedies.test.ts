import { afterEach, describe, expect, test } from "vitest";
import permissions from "../checks/permissions.ts";
import type { ReportedFinding } from "../src/diagnose.ts";
import { doctor } from "./support/doctor.ts";
import { type Examined, examineWith, worldWith } from "./support/in-process.ts";
import { type Scenario, scenarios, usualVariables } from "./support/permission-scenarios.ts";
import { type Proxmox, startProxmox } from "./support/proxmox/proxmox.ts";
import { goodToken, healthyState } from "./support/proxmox/state.ts";
import { applyCommand, shellWords } from "./support/pveum.ts";

const open: Proxmox[] = [];
afterEach(async () => {
	await Promise.all(open.splice(0).map((proxmox) => proxmox.close()));
});

/** A set-up that remedies change: the cluster, the variables, the manifest. */
interface Setup {
	readonly proxmox: Proxmox;
	variables: Readonly<Record<string, string>>;
	manifest: string | undefined;
}

async function setUp({
	options,
	variables = usualVariables,
	manifest,
	token = goodToken.id,
}: Scenario): Promise<Setup> {
	const { acls } = healthyState();
	const proxmox = await startProxmox({
		delay: 0,
		...options,
		roles: { ...options.roles },
		acls: [...(options.acls ?? acls)],
	});
	open.push(proxmox);
	const login = { PROXMOX_URL: proxmox.url, PROXMOX_TOKEN: token, PROXMOX_SECRET: goodToken.secret };
	return { proxmox, variables: { ...login, ...(manifest === undefined ? variables : {}) }, manifest };
}

const examine = ({ variables, manifest }: Setup): Promise<Examined> =>
	examineWith(worldWith({ variables, manifestText: manifest }), "permissions");

/** Does what the remedy says, step by step. */
async function carryOut(setup: Setup, { remedy }: ReportedFinding): Promise<void> {
	for (const { command, put } of remedy) {
		if (put !== undefined) {
			write(setup, put.line);
		} else if (command?.[0] === "capmox-doctor") {
			await grantLeast(setup);
		} else if (command !== undefined) {
			applyCommand(setup.proxmox, 9, command);
		}
	}
}

function write(setup: Setup, line: string): void {
	const [, name = "", value = ""] = /^export (\w+)='(.*)'$/.exec(line) ?? [];
	const [, field = ""] = /^(\w+): /.exec(line) ?? [];
	if (name === "" && setup.manifest?.includes(`${field}: `) === true) {
		setup.manifest = setup.manifest.replace(new RegExp(`${field}: (?:\\[.*?\\]|\\w+)`), line);
		return;
	}

	if (name === "") {
		expect(line).toBe("pool: capi");
		return;
	}

	setup.variables = { ...setup.variables, [name]: value };
}

/** `env --role` prints a user of its own in place of root's. */
async function grantLeast(setup: Setup): Promise<void> {
	const { stdout } = await doctor(["env", "--role"], { env: setup.variables });
	const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
	for (const words of lines.map(shellWords)) {
		applyCommand(setup.proxmox, 9, words);
		if (words.slice(0, 4).join(" ") === "pveum user token add") {
			setup.variables = { ...setup.variables, PROXMOX_TOKEN: `${words[4]!}!${words[5]!}` };
		}
	}
}

describe("what the remedy of a finding says makes it vanish", () => {
	test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", async (_, scenario) => {
		const setup = await setUp(scenario);
		const { judgement, codes } = await examine(setup);
		expect(codes).toEqual(scenario.codes);
		const { verdict } = judgement;
		for (const finding of verdict.kind === "problem" ? verdict.findings : []) {
			await carryOut(setup, finding);
			// A remedy that only advises is carried out by the scenario.
			Object.assign(setup.proxmox.state, scenario.byHand?.(scenario.options));
			setup.variables = { ...setup.variables, ...scenario.variablesByHand };
			expect((await examine(setup)).codes).not.toContain(finding.code.replace("permissions/", ""));
		}

		const after = await examine(setup);
		expect([after.codes, after.judgement.verdict.kind]).toEqual([[], "pass"]);
	});

	test("every code is among them", () => {
		const fired = new Set(scenarios.flatMap(({ codes }) => codes));
		// Each of these is a single privilege; test/permissions.test.ts takes them one by one.
		const alone = ["no-datastore-allocate-template", "no-datastore-allocate"];
		expect(Object.keys(permissions.findings).filter((code) => !fired.has(code) && !alone.includes(code))).toEqual([]);
	});
});
