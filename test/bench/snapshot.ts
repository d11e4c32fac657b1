import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { findKubectl } from "../support/kubernetes/kubectl.ts";
import { startKubernetes } from "../support/kubernetes/server.ts";
import { managementObjects, newest } from "../support/management.ts";

const bundle = fileURLToPath(new URL("../../dist/main.cjs", import.meta.url));
const rounds = 3;
const sizes = [500, 2_000, 4_000] as const;

interface Cost {
	/** Milliseconds. */
	readonly time: number;
	/** MiB */
	readonly peak: number;
}

interface Measured {
	/** Bytes. */
	readonly size: number;
	readonly take: Cost;
	readonly judge: Cost;
	readonly anonymize: Cost;
}

/** Snapshots of management clusters with so many machines: taken, judged without the cluster, and anonymised. */
export async function benchSnapshot(
	judge: (what: string, value: number, limit: number, unit: string) => void,
): Promise<void> {
	const measured = new Map<number, Measured>();
	for (const workers of sizes) {
		measured.set(workers, await measure(workers));
	}

	const [small, middle, large] = sizes.map((size) => measured.get(size)!);
	const most = sizes[2] / sizes[0];
	console.log(
		`snapshot of ${sizes[1]} machines: ${(middle!.size / 1_048_576).toFixed(1)} MiB, taken in ${(middle!.take.time / 1_000).toFixed(2)} s, anonymised in ${(middle!.anonymize.time / 1_000).toFixed(2)} s`,
	);
	judge(`run --from, ${sizes[1]} machines`, middle!.judge.time / 1_000, 3, " s");
	judge("peak memory of it", middle!.judge.peak, 300, " MiB");
	judge(`size, from ${sizes[0]} to ${sizes[2]} machines`, large!.size / small!.size, most, " ×");
	judge("time to take it, likewise", large!.take.time / small!.take.time, most, " ×");
	judge("time to judge it, likewise", large!.judge.time / small!.judge.time, most, " ×");
	judge("time to anonymise it, likewise", large!.anonymize.time / small!.anonymize.time, most, " ×");
}

async function measure(workers: number): Promise<Measured> {
	const folder = mkdtempSync(join(tmpdir(), "bench-"));
	const hook = join(folder, "peak.mjs");
	writeFileSync(hook, "process.on('exit', () => process.stderr.write(`\\npeak ${process.resourceUsage().maxRSS}`))");
	const cluster = await startKubernetes({ objects: managementObjects({ ...newest, workers }) });
	const env = { ...cluster.environment, PATH: `${dirname(await findKubectl())}:${process.env["PATH"] ?? ""}` };
	const cost = async (...words: readonly string[]): Promise<Cost> => {
		const costs: Cost[] = [];
		for (let round = 0; round < rounds; round++) {
			const started = performance.now();
			const { stderr } = await execa(process.execPath, ["--import", hook, "--", bundle, ...words], {
				env,
				extendEnv: false,
				stdin: "ignore",
				cwd: folder,
			});
			const time = performance.now() - started;
			costs.push({ time, peak: Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024 });
		}

		return {
			time: costs.map((each) => each.time).sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN,
			peak: Math.max(...costs.map((each) => each.peak)),
		};
	};
	const take = await cost("snapshot", "--only", "management", "-o", "taken.yaml", "--force");
	await cluster.close();
	const judged = await cost("run", "--from", "taken.yaml", "--only", "management", "--fail-on=never");
	const anonymized = await cost("snapshot", "--from", "taken.yaml", "--anonymize", "-o", "other.yaml", "--force");
	const text = readFileSync(join(folder, "taken.yaml"), "utf8");
	if (!text.includes(`"prod-workers-${workers - 1}"`)) {
		throw new Error(`the snapshot of ${workers} machines does not hold the last of them`);
	}

	rmSync(folder, { recursive: true });
	return { size: Buffer.byteLength(text), take, judge: judged, anonymize: anonymized };
}
