import { hostname } from "node:os";
import { basename, resolve } from "node:path";
import { startDeadline } from "../deadline.ts";
import { ProbeError, UsageError } from "../errors.ts";
import { limit } from "../in-turn.ts";
import type { CapmoxVersion, Flavor } from "../knowledge/templates.ts";
import { type Commands, createCommands } from "./commands.ts";
import { withoutCredentials } from "./credentials.ts";
import { currentFolder } from "./current-folder.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { createFiles, type Files } from "./files.ts";
import type { Knocked } from "./knock.ts";
import { type Knowledge, readKnowledge } from "./knowledge.ts";
import { createKubectl, type Kubectl, type KubectlOptions } from "./kubectl.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { keepPrivately, type PrivateFile } from "./private-file.ts";
import type { ProxmoxApi, ProxmoxOptions } from "./proxmox-api.ts";
import { openRecordedHost } from "./recorded.ts";
import { statIfThere } from "./stat.ts";

/** Everything that a probe can ask. Tests put stand-ins in its place; nothing else reaches outside. */
export interface World {
	readonly files: Files;
	readonly commands: Commands;
	/** Of the management cluster. */
	readonly kubectl: Kubectl;
	/** Of the workload cluster that the user named; absent where none is. */
	readonly workload?: Kubectl | undefined;
	/** Of a workload cluster by the text of its kubeconfig, which lies in a private file until `close`. */
	workloadFrom(kubeconfig: string): Kubectl;
	/** Removes what was written for this run. */
	close(): void;
	/** What the user asked for that decides what a probe reads. */
	readonly options: WorldOptions;
	/** Of the host that `files` and `commands` show; of a copied tree its folder's. */
	readonly hostName: string;
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
	/** How far a connection to a server comes; `timeout` in milliseconds. */
	knock(host: string, port: number, timeout: number): Promise<Knocked>;
	now(): Date;
}

/** Milliseconds; an envfile may be a named pipe that nobody writes to. */
const patience = 2_000;

function withinTime<T>(reading: Promise<T>, what: string): Promise<T> {
	return new Promise((resolve, reject) => {
		const callOff = startDeadline(patience, () => {
			reject(new ProbeError("timeout", `${what} could not be read within ${patience / 1_000} s`));
		});
		reading.then(resolve, reject).finally(callOff);
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
	/** Name of a Cluster whose kubeconfig the management cluster is asked for, or `all`. */
	readonly workload?: string | undefined;
	/** Kubeconfig of a workload cluster, and the context in it. */
	readonly workloadKubeconfig?: string | undefined;
	readonly workloadContext?: string | undefined;
	/** Milliseconds for the whole run. */
	readonly timeout?: number | undefined;
	/** A folder that stands in for `/`. */
	readonly root?: string | undefined;
	/** Namespace of the management cluster; all of them where it is absent. */
	readonly namespace?: string | undefined;
	/** A file with the objects of a cluster, or `-`. */
	readonly manifest?: string | undefined;
	/** A file in place of the table of versions that ships. */
	readonly knowledge?: string | undefined;
}

/** Of kubectl, for all workload clusters together: each has four at most, and the management cluster has four more. */
const mostAtOnce = 12;

/** @throws UsageError where `root` is no directory. */
export function openWorld(options: WorldOptions): World {
	const { envFile, kubeconfig, context, root, workloadKubeconfig, workloadContext } = options;
	const recorded = root !== undefined;
	const { files, commands } = recorded
		? openRecordedHost(existingDirectory(root))
		: { files: createFiles(), commands: createCommands() };
	// What is set in this shell says nothing about the host that was copied.
	const processEnvironment = recorded ? { HOME: "/root" } : process.env;
	const kubectlWith = (of: KubectlOptions, by = commands) =>
		createKubectl(withoutCredentials(by, files, of), files, of);
	const inTurn = limit(mostAtOnce);
	const taking: Commands = { ...commands, run: (argv, runOptions) => inTurn(() => commands.run(argv, runOptions)) };
	const reached = { kubeconfig, context, processEnvironment };
	let environment: Promise<Environment> | undefined;
	const kept: PrivateFile[] = [];
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
		kubectl: kubectlWith(reached),
		workload:
			workloadKubeconfig === undefined && workloadContext === undefined
				? undefined
				: kubectlWith(
						{
							kubeconfig: workloadKubeconfig ?? kubeconfig,
							context: workloadContext,
							processEnvironment,
							option: "--workload-kubeconfig",
						},
						taking,
					),
		workloadFrom: (text) => {
			const file = keepPrivately("kubeconfig", text);
			kept.push(file);
			return kubectlWith({ kubeconfig: file.path, processEnvironment }, taking);
		},
		close: () => {
			for (const file of kept.splice(0)) {
				file.remove();
			}
		},
		options,
		hostName: recorded ? basename(resolve(root)) : hostname(),
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
		knock: async (host, port, timeout) => {
			const { knock } = await import("./knock.ts");
			return await knock(host, port, timeout);
		},
		now: () => new Date(),
	};
}

function existingDirectory(root: string): string {
	if (statIfThere(root)?.isDirectory() !== true) {
		throw new UsageError(`--root: there is no directory ${root}`);
	}

	return root;
}
