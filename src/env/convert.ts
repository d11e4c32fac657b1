import { conventionOf } from "../../checks/imagebuilder-env/convention.ts";
import type { Environment } from "../access/environment.ts";
import { UsageError } from "../errors.ts";
import { mayHoldSecret, parseEnvironmentProxmox, unquote } from "../facts/environment.ts";
import { clusterVariables, imageBuilderVariables, misnomers, secretClusterVariables } from "../knowledge/variables.ts";

export const programs = ["capmox", "image-builder"] as const;
export type Program = (typeof programs)[number];

export interface Assigned {
	readonly name: string;
	readonly value: string;
	readonly isSecret: boolean;
}

export interface Converted {
	readonly assigned: readonly Assigned[];
	/** Names that the program cannot do without and that are not known here. */
	readonly missing: readonly string[];
}

/** What one program's file holds, from whatever names the values have now. */
export function convert(environment: Environment, program: Program): Converted {
	const login = readLogin(environment);
	if (login.url === undefined && login.id === undefined && login.secret === undefined) {
		throw new UsageError(
			"there is nothing to write: neither PROXMOX_URL nor a token is set; see capmox-doctor check token",
		);
	}

	const wanted = program === "capmox" ? forCapmox(environment, login) : forImageBuilder(environment, login);
	return {
		assigned: wanted.flatMap(({ name, value, isSecret = false }) =>
			value === undefined ? [] : [{ name, value, isSecret }],
		),
		missing: wanted.flatMap(({ name, value, isRequired = false }) => (isRequired && value === undefined ? [name] : [])),
	};
}

interface Wanted {
	readonly name: string;
	readonly value: string | undefined;
	readonly isSecret?: boolean;
	readonly isRequired?: boolean;
}

interface Login {
	/** Without /api2/json. */
	readonly url: string | undefined;
	readonly id: string | undefined;
	readonly secret: string | undefined;
}

/** A value that is really known: not empty, and with nothing in it that only a shell would fill in. */
function valueOf(environment: Environment, name: string): string | undefined {
	const [winner] = environment.lookUp(name);
	const { value = "", problems = [] } = winner ?? {};
	return value.trim() === "" || problems.includes("reference") || problems.includes("command") ? undefined : value;
}

function readLogin(environment: Environment): Login {
	const look = (name: string): string | undefined => {
		const value = valueOf(environment, name);
		return value === undefined ? undefined : unquote(value);
	};
	const url = look("PROXMOX_URL")
		?.replace(/\/api2(?:\/.*)?$/i, "")
		.replace(/\/+$/, "");
	switch (conventionOf(parseEnvironmentProxmox(environment))) {
		case "capmox":
		case "none":
			return { url, id: look("PROXMOX_TOKEN"), secret: look("PROXMOX_SECRET") };
		case "image-builder":
			return { url, id: look("PROXMOX_USERNAME"), secret: look("PROXMOX_TOKEN") };
		case "swapped":
			return { url, id: look("PROXMOX_SECRET"), secret: look("PROXMOX_TOKEN") };
		case "unclear":
			throw new UsageError(
				"PROXMOX_TOKEN is neither a token ID nor a secret, so it cannot be put anywhere; see capmox-doctor check token",
			);
	}
}

function forCapmox(environment: Environment, { url, id, secret }: Login): Wanted[] {
	const others = clusterVariables.filter((name) => !misnomers.some((misnomer) => misnomer === name));
	const fallbacks: Readonly<Record<string, string>> = { PROXMOX_SOURCENODE: "PROXMOX_NODE", BRIDGE: "PROXMOX_BRIDGE" };
	return [
		{ name: "PROXMOX_URL", value: url, isRequired: true },
		{ name: "PROXMOX_TOKEN", value: id, isRequired: true, isSecret: mayHoldSecret(id ?? "") },
		{ name: "PROXMOX_SECRET", value: secret, isRequired: true, isSecret: true },
		...["PROXMOX_INSECURE", "PROXMOX_ROOT_CERT_FILE"].map((name) => ({ name, value: valueOf(environment, name) })),
		...others.map((name) => ({
			name,
			value: valueOf(environment, name) ?? valueOf(environment, fallbacks[name] ?? name),
			isSecret: secretClusterVariables.has(name) || (valueOf(environment, name)?.includes("PRIVATE KEY") ?? false),
		})),
	];
}

function forImageBuilder(environment: Environment, { url, id, secret }: Login): Wanted[] {
	const fallbacks: Readonly<Record<string, string>> = { PROXMOX_NODE: "PROXMOX_SOURCENODE", PROXMOX_BRIDGE: "BRIDGE" };
	return [
		{ name: "PROXMOX_URL", value: url === undefined ? undefined : `${url}/api2/json`, isRequired: true },
		{ name: "PROXMOX_USERNAME", value: id, isRequired: true, isSecret: mayHoldSecret(id ?? "") },
		{ name: "PROXMOX_TOKEN", value: secret, isRequired: true, isSecret: true },
		...imageBuilderVariables.map((name) => ({
			name,
			value: valueOf(environment, name) ?? valueOf(environment, fallbacks[name] ?? name),
			isRequired: name === "PROXMOX_NODE",
		})),
	];
}

/** Single quotes keep everything as it is, also the ! that an interactive shell would take for its history. */
export const renderEnvfile = (program: Program, { assigned, missing }: Converted): string =>
	[
		`# ${program === "capmox" ? "CAPMOX's" : "image-builder's"} variables, written by capmox-doctor. Read this file only where that program runs.`,
		...assigned.map(({ name, value }) => `export ${name}='${value.replaceAll("'", "'\\''")}'`),
		...missing.map((name) => `# Not known, fill it in: export ${name}=''`),
		"",
	].join("\n");
