import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import { type Kubernetes, startKubernetes } from "../support/kubernetes/server.ts";
import { managementObjects, newest } from "../support/management.ts";

const bundle = fileURLToPath(new URL("../../dist/main.cjs", import.meta.url));
const rounds = 5;
const sizes = [500, 2_000, 4_000] as const;

interface Measured {
	readonly doctor: number;
	readonly bare: number;
	/** MiB */
	readonly peak: number;
}

const median = (values: readonly number[]): number =>
	[...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Management clusters with so many machines: against bare kubectl for the lists that the program really asked for. */
export async function benchManagement(
	judge: (what: string, value: number, limit: number, unit: string) => void,
): Promise<void> {
	const measured = new Map<number, Measured>();
	for (const workers of sizes) {
		const cluster = await startKubernetes({ objects: managementObjects({ ...newest, workers }) });
		measured.set(workers, await measure(cluster));
		await cluster.close();
	}

	const [small, middle, large] = sizes.map((size) => measured.get(size)!);
	judge(`run --only management, ${sizes[1]} machines`, middle!.doctor / middle!.bare, 2, " × bare kubectl get --raw");
	judge(`peak memory of it`, middle!.peak, 400, " MiB");
	judge(`growth from ${sizes[0]} to ${sizes[2]} machines`, large!.doctor / small!.doctor, sizes[2] / sizes[0], " ×");
}

async function measure(cluster: Kubernetes): Promise<Measured> {
	const kubectl = await findKubectl();
	const folder = mkdtempSync(join(tmpdir(), "bench-"));
	const hook = join(folder, "peak.mjs");
	writeFileSync(hook, "process.on('exit', () => process.stderr.write(`\\npeak ${process.resourceUsage().maxRSS}`))");
	const env = { ...cluster.environment, PATH: `${dirname(kubectl)}:${process.env["PATH"] ?? ""}` };
	const run = (file: string, words: readonly string[]) =>
		execa(file, words, { env, extendEnv: false, stdin: "ignore", cwd: folder, maxBuffer: 2 ** 30 });
	const doctor: number[] = [];
	const bare: number[] = [];
	let peak = 0;
	for (let round = 0; round < rounds; round++) {
		const before = cluster.requests.length;
		const started = performance.now();
		const { stderr } = await run(process.execPath, [
			"--import",
			hook,
			"--",
			bundle,
			"run",
			"--only",
			"management",
			"--fail-on=never",
		]);
		doctor.push(performance.now() - started);
		peak = Math.max(peak, Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024);
		const lists = listsOf(cluster.requests.slice(before));
		const restarted = performance.now();
		for (const list of lists) {
			await run(kubectl, ["get", "--raw", list]);
		}

		bare.push(performance.now() - restarted);
	}

	rmSync(folder, { recursive: true });
	return { doctor: median(doctor), bare: median(bare), peak };
}

/** Each once and whole; but for Secrets, of which kubectl would get more than their metadata. */
function listsOf(requests: Kubernetes["requests"]): readonly string[] {
	const paths = requests.map(({ path, query }) => {
		const own = Object.entries(query).filter(([key]) => key !== "limit" && key !== "continue");
		return own.length === 0 ? path : `${path}?${new URLSearchParams(own).toString()}`;
	});
	return [...new Set(paths)].filter((path) => !path.includes("/secrets"));
}
