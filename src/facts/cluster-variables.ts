import * as z from "zod";
import { type LineProblem, lineProblems } from "../access/envfile.ts";
import type { Environment } from "../access/environment.ts";
import type { ClusterOptions, World } from "../access/world.ts";
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
	"damaged",
	"other",
] as const;

const variable = z.object({
	presence: z.enum(["unset", "empty", "set"]),
	origin: z.string().optional(),
	/** As given; absent for secrets, SSH keys, and where another variable or a command stands in it unexpanded. */
	value: z.string().optional(),
	/** Another variable or a command stands in the value; it is not expanded here. */
	unexpanded: z.literal(true).optional(),
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

/** Longer values are no list of addresses. */
const longest = 4_000;

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
		files: environment.files.map(({ path, problems }) => ({
			path,
			problems: problems.filter(
				({ name, problem, line }) =>
					name === undefined || problem === "invalid-yaml" || (known.has(name) && matters(name, problem, line)),
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
		...(isKept && value.trim() !== "" ? { value: value.slice(0, longest) } : {}),
		...(unexpanded ? { unexpanded } : {}),
		...(exported === false ? { exported } : {}),
	};
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

/** The templates have `[${VM_SSH_KEYS}]`: YAML divides at commas, and takes ` #` and `: ` for itself. */
function parseSshKeys(value: string): EnvironmentCluster["sshKeys"] {
	const parts = value.includes("PRIVATE KEY") ? [value] : value.split(",");
	return parts
		.map((part) => part.trim())
		.filter((part) => part !== "")
		.map(describeKey);
}

const keyTypes =
	/\b(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d+|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(?= )/g;

function describeKey(part: string): EnvironmentCluster["sshKeys"][number] {
	const text = part.replace(/^(["'])(.*)\1$/s, "$2").trim();
	const isQuoted = text !== part;
	const types = text.match(keyTypes) ?? [];
	const [type = "", blob = ""] = text.slice(Math.max(0, text.search(keyTypes))).split(/\s+/);
	if (text.includes("PRIVATE KEY")) {
		return { shape: "private-key" };
	}

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

	if (!isQuoted && (/\s#/.test(text) || /:\s/.test(text))) {
		return { shape: "yaml-special", ...named };
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
