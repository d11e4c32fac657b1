import * as z from "zod";
import { type LineProblem, lineProblems } from "../access/envfile.ts";
import type { Environment } from "../access/environment.ts";
import type { ClusterOptions, World } from "../access/world.ts";
import { readList, readScalar } from "../go-yaml.ts";
import { capmoxVersions, flavors } from "../knowledge/templates.ts";
import { clusterVariables, imageBuilderVariables, secretClusterVariables } from "../knowledge/variables.ts";

/** What a part of VM_SSH_KEYS is; the key itself is not kept. */
const sshKeyShapes = [
	"key",
	"placeholder",
	"private-key",
	"file-name",
	"several-without-comma",
	"yaml-special",
	"empty",
	"damaged",
	"other",
] as const;

const variable = z.object({
	presence: z.enum(["unset", "empty", "set"]),
	origin: z.string().optional(),
	/** As given, blanks included; absent where nothing is, for secrets, SSH keys, and where another variable or a command stands in it unexpanded. */
	value: z.string().optional(),
	/** Another variable or a command stands in the value; it is not expanded here. */
	unexpanded: z.literal(true).optional(),
	/** Of a secret: how YAML takes it where text must be; absent where for text. */
	takenFor: z.enum(["number", "boolean", "null", "broken"]).optional(),
	/** It stands in a file that a shell would read without passing it on. */
	exported: z.literal(false).optional(),
});

/** Fact `environment.cluster`: the variables that CAPMOX's templates read, and which template is meant. */
export const environmentCluster = z.object({
	flavor: z.enum(flavors),
	capmoxVersion: z.enum(capmoxVersions),
	/** By name; one that is set nowhere is absent. */
	variables: z.record(z.string(), variable),
	/** The parts of VM_SSH_KEYS in order. */
	sshKeys: z.array(z.object({ shape: z.enum(sshKeyShapes), type: z.string().optional() })),
	/** A second clusterctl.yaml, of which clusterctl reads nothing. */
	unread: z.string().optional(),
	files: z.array(
		z.object({
			path: z.string(),
			/** Those that concern a variable of a cluster, or the whole file. */
			problems: z.array(
				z.object({ line: z.number().int(), problem: z.enum(lineProblems), name: z.string().optional() }),
			),
		}),
	),
});
export type EnvironmentCluster = z.infer<typeof environmentCluster>;

/** Fact `environment.imagebuilder`: what image-builder reads beside PROXMOX_URL, PROXMOX_USERNAME and PROXMOX_TOKEN. */
export const environmentImagebuilder = z.object({
	/** By name, with origin; one that is set nowhere, or to nothing, is absent. */
	variables: z.record(z.string(), z.object({ origin: z.string(), value: z.string() })),
});
export type EnvironmentImagebuilder = z.infer<typeof environmentImagebuilder>;

/** More than a process may have in one variable of its environment. */
const longest = 131_072;

export function parseEnvironmentCluster(environment: Environment, options: ClusterOptions): EnvironmentCluster {
	const known = new Set(clusterVariables);
	const found = clusterVariables.flatMap((name) => {
		const [winner] = environment.lookUp(name);
		return winner === undefined ? [] : [[name, describe(name, winner)] as const];
	});
	/** A line that another source overrules does no harm. */
	const matters = (name: string, problem: LineProblem, line: number): boolean => {
		const [winner] = environment.lookUp(name);
		return (
			winner === undefined || (winner.problems?.includes(problem) === true && winner.origin.endsWith(`, line ${line}`))
		);
	};
	const [keys] = environment.lookUp("VM_SSH_KEYS");
	return {
		flavor: options.flavor ?? flavors[0],
		capmoxVersion: options.capmoxVersion ?? capmoxVersions[0],
		variables: Object.fromEntries(found),
		sshKeys: keys === undefined || isUnexpanded(keys) ? [] : parseSshKeys(keys.value),
		...(environment.unread === undefined ? {} : { unread: environment.unread }),
		files: environment.files.map(({ path, problems }) => ({
			path,
			problems: problems.filter(
				({ name, problem, line }) =>
					name === undefined ||
					problem === "invalid-yaml" ||
					// It takes the lines behind it with it, whosever variable it is.
					((known.has(name) || problem === "open-quote") && matters(name, problem, line)),
			),
		})),
	};
}

type Winner = ReturnType<Environment["lookUp"]>[number];

const isUnexpanded = ({ problems = [] }: Winner): boolean =>
	problems.includes("reference") || problems.includes("command");

function describe(name: string, winner: Winner): EnvironmentCluster["variables"][string] {
	const { value, origin, exported } = winner;
	const unexpanded = isUnexpanded(winner);
	const isKept = !unexpanded && name !== "VM_SSH_KEYS" && !secretClusterVariables.has(name);
	return {
		presence: value.trim() === "" ? "empty" : "set",
		origin,
		...(isKept && value !== "" ? { value: value.slice(0, longest) } : {}),
		...(unexpanded ? { unexpanded } : {}),
		...(secretClusterVariables.has(name) && !unexpanded && value.trim() !== "" ? takenFor(value) : {}),
		...(exported === false ? { exported } : {}),
	};
}

function takenFor(secret: string): Pick<EnvironmentCluster["variables"][string], "takenFor"> {
	const { kind } = readScalar(secret);
	return kind === "text" ? {} : { takenFor: kind };
}

export function parseEnvironmentImagebuilder(environment: Environment): EnvironmentImagebuilder {
	const found = imageBuilderVariables.flatMap((name) => {
		const [winner] = environment.lookUp(name);
		return winner === undefined || winner.value.trim() === ""
			? []
			: [[name, { origin: winner.origin, value: winner.value.slice(0, 200) }] as const];
	});
	return { variables: Object.fromEntries(found) };
}

/** The templates have `[${VM_SSH_KEYS}]`, so a single entry may keep YAML from reading them all. */
function parseSshKeys(value: string): EnvironmentCluster["sshKeys"] {
	if (value.includes("PRIVATE KEY")) {
		return [{ shape: "private-key" }];
	}

	const list = readList(`[${value}]`);
	if (list?.kind === "list") {
		return list.items.map(({ text }) => describeKey(text));
	}

	const parts = value
		.trim()
		.replace(/,$/, "")
		.split(",")
		.map((part) => describePart(part.trim()));
	return parts.some(({ shape }) => shape !== "key") ? parts : parts.map((part) => ({ ...part, shape: "yaml-special" }));
}

function describePart(part: string): EnvironmentCluster["sshKeys"][number] {
	const list = readList(`[${part}]`);
	const [only] = list?.kind === "list" ? list.items : [];
	if (part === "" || only !== undefined) {
		return only === undefined ? { shape: "empty" } : describeKey(only.text);
	}

	const described = describeKey(part);
	return described.shape === "key" || described.shape === "damaged"
		? { ...described, shape: "yaml-special" }
		: described;
}

const keyTypes =
	/\b(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d+|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(?= )/g;

function describeKey(given: string): EnvironmentCluster["sshKeys"][number] {
	const text = given.trim();
	const types = text.match(keyTypes) ?? [];
	const [type = "", blob = ""] = text.slice(Math.max(0, text.search(keyTypes))).split(/\s+/);
	if (types.length === 0) {
		return {
			shape: /^[~./]|\.pub$/.test(text)
				? "file-name"
				: text.includes("...") || text.includes("…")
					? "placeholder"
					: "other",
		};
	}

	const named = types[0] === type ? { type } : {};
	if (types.length > 1) {
		return { shape: "several-without-comma", ...named };
	}

	return { shape: /^[.…]/.test(blob) ? "placeholder" : isWhole(type, blob) ? "key" : "damaged", ...named };
}

/** RFC 4253, 6.6: a sequence of strings, each with its length in four bytes, of which the first is the type. */
function isWhole(type: string, blob: string): boolean {
	const bytes = Buffer.from(blob, "base64");
	if (bytes.toString("base64").replace(/=+$/, "") !== blob.replace(/=+$/, "")) {
		return false;
	}

	const strings: Buffer[] = [];
	let offset = 0;
	while (offset + 4 <= bytes.length) {
		const length = bytes.readUInt32BE(offset);
		strings.push(bytes.subarray(offset + 4, offset + 4 + length));
		offset += 4 + length;
	}

	return offset === bytes.length && strings.length > 1 && strings[0]?.toString("latin1") === type;
}

export const readEnvironmentCluster = async (world: World): Promise<EnvironmentCluster> =>
	parseEnvironmentCluster(await world.environment(), world.options);

export const readEnvironmentImagebuilder = async (world: World): Promise<EnvironmentImagebuilder> =>
	parseEnvironmentImagebuilder(await world.environment());
