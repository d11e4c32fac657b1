import type { Evidence, NonEmpty, Step } from "../../src/check.ts";
import { newMachinePath, type TargetKind } from "../../src/knowledge/privileges.ts";
import type { Code, PermissionFinding } from "./findings.ts";
import {
	type Grant,
	grantSteps,
	grantsFor,
	grantsOn,
	type Holder,
	type Permissions,
	pathOf,
	type Target,
} from "./grants.ts";
import { isCutOff, type Lack, pathsOf } from "./judge.ts";
import { onNode } from "./steps.ts";
import { listed, ofTheseFamilies } from "./words.ts";

/** More paths than these only repeat what the first ones show. */
const mostPaths = 6;

/** Turns lacks into findings, one for each code. A role or ACL that several need stands in the remedy of the first. */
export function createReporter(permissions: Permissions, holder: Holder) {
	const grants = grantsFor(permissions);
	const shown = new Map<Grant, Code>();
	const made = new Map<TargetKind, Code>();
	const told = new Set<string>();

	/** What keeps every grant on these paths from having an effect comes first. */
	function denial(targets: readonly Target[]): readonly Step[] {
		const paths = targets.flatMap(pathsOf).filter((path) => isCutOff(permissions, path));
		const fresh = [...new Set(paths.map(parentOfMachines))].filter((path) => !told.has(path));
		for (const path of fresh) {
			told.add(path);
		}

		return fresh.length === 0
			? []
			: [
					onNode(
						`Of what / passes on, nothing arrives on ${listed(fresh)}: most likely NoAccess is granted there, or on the way. It outweighs every role beside it, so take it away first.`,
						"pveum",
						"acl",
						"list",
					),
				];
	}

	/** What is to be granted for these targets, as far as no earlier finding says so already. */
	function remedy(code: Code, targets: readonly Target[]): readonly Step[] {
		const wanted = grantsOn(grants, targets.map(pathOf));
		const fresh = wanted.filter((grant) => !shown.has(grant));
		const roles = [...new Set(fresh.flatMap(({ kinds }) => kinds))].filter((kind) => !made.has(kind));
		const earlier = [
			...new Set(wanted.flatMap((grant) => shown.get(grant) ?? grant.kinds.flatMap((kind) => made.get(kind) ?? []))),
		];
		for (const grant of fresh) {
			shown.set(grant, code);
		}

		for (const kind of roles) {
			made.set(kind, code);
		}

		return [
			...denial(targets),
			...grantSteps(fresh, permissions, holder, roles),
			...(earlier.length === 0
				? []
				: [
						{
							advice: `The commands under ${listed(earlier.map((each) => `permissions/${each}`))} are part of this, too.`,
							where: "here",
							risk: "safe",
						} as const,
					]),
		];
	}

	return {
		remedy,
		report(code: Code, lacks: NonEmpty<Lack>, extra = ""): PermissionFinding {
			const targets = lacks.map(({ target }) => target);
			const [step, ...more] = remedy(code, targets);
			const [first, ...rest] = evidenceOf(lacks, permissions);
			if (first === undefined || step === undefined) {
				throw new Error(`${code} has nothing to show or nothing to advise`);
			}

			return {
				code,
				summary: `${summaryOf(lacks, holder)}${extra}`,
				evidence: [first, ...rest],
				remedy: [step, ...more],
			};
		},
	};
}

const parentOfMachines = (path: string): string => (path === newMachinePath ? "/vms" : path);

export type Reporter = ReturnType<typeof createReporter>;

function summaryOf(lacks: NonEmpty<Lack>, { token }: Holder): string {
	const privileges = listed(lacks.map(({ step }) => step.any.join(" or ")));
	const things = [...new Set(lacks.map(({ target }) => target.what))];
	const where =
		things.length > mostPaths ? `${listed(things.slice(0, 2))} and ${things.length - 2} more` : listed(things);
	const does = [...new Set(lacks.map(({ step }) => step.does))];
	const why = does.length > 2 ? "CAPMOX needs them for each machine" : `CAPMOX ${listed(does)}`;
	const says = [...new Set(lacks.flatMap(({ step }) => step.fails ?? []))];
	return `${token} lacks ${privileges} for ${where}. ${why}${says.length === 0 ? "." : `, and then says "${says[0] ?? ""}".`}`;
}

function evidenceOf(lacks: NonEmpty<Lack>, permissions: Permissions): readonly Evidence[] {
	const { paths } = permissions;
	const byPath = new Map<string, Lack[]>();
	for (const lack of lacks) {
		const own = pathsOf(lack.target);
		const cutOff = own.filter((path) => isCutOff(permissions, path));
		for (const each of cutOff.length > 0 ? cutOff : own) {
			byPath.set(each, [...(byPath.get(each) ?? []), lack]);
		}
	}

	return [...byPath].slice(0, mostPaths).map(([path, own]) => ({
		from: `GET /access/permissions?path=${path}${path === newMachinePath ? ", which stands for VMs to come" : ""}`,
		saw: ofTheseFamilies(
			paths[path] ?? {},
			own.flatMap(({ step }) => step.any),
		),
		expected: listed(own.map(({ step }) => step.any.join(" or "))),
	}));
}
