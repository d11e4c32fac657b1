import { statSync } from "node:fs";
import { ProbeError, UsageError } from "../errors.ts";
import type { CapmoxVersion, Flavor } from "../knowledge/templates.ts";
import { type Commands, createCommands } from "./commands.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { createFiles, type Files } from "./files.ts";
import { type Knowledge, readKnowledge } from "./knowledge.ts";
import { createKubectl, type Kubectl } from "./kubectl.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { ProxmoxApi, ProxmoxOptions } from "./proxmox-api.ts";
import { openRecordedHost } from "./recorded.ts";

/** Everything that a probe can ask. Tests put stand-ins in its place; nothing else reaches outside. */
export interface World {
	readonly files: Files;
	readonly commands: Commands;
	readonly kubectl: Kubectl;
	/** What the user asked for that decides what a probe reads. */
	readonly options: WorldOptions;
	/** The host that `files` and `commands` show. */
	readonly host: {
		/** As Node spells it: `linux`, `darwin`, `win32`. */
		readonly platform: string;
		/** Of the user who asks; absent on Windows and for a copied tree. */
		readonly uid?: number | undefined;
		/** A copied tree stands in for the host. */
		readonly recorded: boolean;
	};
	/** Read once; later calls share the answer. */
	environment(): Promise<Environment>;
	/** What `--manifest` names, read once. Rejects with a UsageError where it cannot be read. */
	manifest(): Promise<Manifest | undefined>;
	/** The table of versions that fit together: what `--knowledge` names, else the one that ships. */
	knowledge(): Promise<Knowledge>;
	proxmox(options: ProxmoxOptions): Promise<ProxmoxApi>;
	now(): Date;
}

/** Deleted under a shell that still stands in it, it has no name any more. */
function currentFolder(): string {
	try {
		return process.cwd();
	} catch (error) {
		throw new UsageError("the current folder does not exist any more; change to another one", { cause: error });
	}
}

/** Milliseconds; an envfile may be a named pipe that nobody writes to. */
const patience = 2_000;

function withinTime<T>(reading: Promise<T>, what: string): Promise<T> {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => {
			reject(new ProbeError("timeout", `${what} could not be read within ${patience / 1_000} s`));
		}, patience);
		reading.then(resolve, reject).finally(() => {
			clearTimeout(timer);
		});
	});
}

/** Which of CAPMOX's templates the variables are meant for. */
export interface ClusterOptions {
	readonly flavor?: Flavor | undefined;
	readonly capmoxVersion?: CapmoxVersion | undefined;
}

export interface WorldOptions extends ClusterOptions {
	readonly envFile?: string | undefined;
	readonly kubeconfig?: string | undefined;
	readonly context?: string | undefined;
	/** A folder that stands in for `/`. */
	readonly root?: string | undefined;
	/** Namespace of the management cluster; all of them where it is absent. */
	readonly namespace?: string | undefined;
	/** A file with the objects of a cluster, or `-`. */
	readonly manifest?: string | undefined;
	/** A file in place of the table of versions that ships. */
	readonly knowledge?: string | undefined;
}

/** @throws UsageError where `root` is no directory. */
export function openWorld(options: WorldOptions): World {
	const { envFile, kubeconfig, context, root } = options;
	const recorded = root !== undefined;
	const { files, commands } = recorded
		? openRecordedHost(existingDirectory(root))
		: { files: createFiles(), commands: createCommands() };
	// What is set in this shell says nothing about the host that was copied.
	const processEnvironment = recorded ? { HOME: "/root" } : process.env;
	let environment: Promise<Environment> | undefined;
	let manifest: Promise<Manifest | undefined> | undefined;
	const readGiven = async () => (options.manifest === undefined ? undefined : await readManifest(options.manifest));
	const read = () =>
		readEnvironment(files, {
			envFile,
			processEnvironment,
			...(recorded ? { workingDirectory: "/", home: "/root" } : { workingDirectory: currentFolder() }),
		});
	return {
		files,
		commands,
		kubectl: createKubectl(commands, files, { kubeconfig, context, processEnvironment }),
		options,
		host: recorded
			? { platform: "linux", recorded }
			: { platform: process.platform, uid: process.getuid?.(), recorded },
		manifest: () => (manifest ??= readGiven()),
		environment: () => (environment ??= withinTime(read(), "the files with the variables")),
		knowledge: () => readKnowledge(options.knowledge),
		// Node's TLS is loaded by whoever talks to Proxmox, and by nobody else.
		proxmox: async (proxmoxOptions) => {
			const { createProxmoxApi } = await import("./proxmox-api.ts");
			return createProxmoxApi(proxmoxOptions);
		},
		now: () => new Date(),
	};
}

function existingDirectory(root: string): string {
	if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
		throw new UsageError(`--root: there is no directory ${root}`);
	}

	return root;
}
