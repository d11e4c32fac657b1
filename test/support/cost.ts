/** Lines to parse and sort: work of the kind that facts and checks do. */
const lines = Array.from(
	{ length: 3_500 },
	(_, index) => `${(index * 7_919) % 3_511} 24 0:${index} / /sys/fs/cgroup/x${index} rw,nosuid`,
);
const text = JSON.stringify(lines);

/** Always the same; what it takes here tells how fast this machine is now. */
export const pieceOfWork = (): number =>
	(JSON.parse(text) as string[])
		.map((line) => line.split(" "))
		.sort(([a = ""], [b = ""]) => Number(a) - Number(b))
		.map((words) => words.join(" ").replace(/cgroup\/x(\d+)/, "$1"))
		.join("\n").length;

/** Milliseconds of processor time; limits are meant for a machine on which it takes so long. */
export const pieceTakes = 6;

const rounds = 20;

/**
 * Milliseconds of processor time that some work takes, on the machine that limits are meant for: what else runs here does
 * not count, and a slow machine is slow at the piece of work as well.
 */
export async function costOf(work: () => Promise<void>): Promise<number> {
	const [works, pieces]: [number[], number[]] = [[], []];
	for (let round = 0; round < rounds; round++) {
		pieces.push(await processorTime(() => Promise.resolve(pieceOfWork())));
		works.push(await processorTime(work));
	}

	return (Math.min(...works) / Math.min(...pieces)) * pieceTakes;
}

async function processorTime(work: () => Promise<unknown>): Promise<number> {
	const before = process.cpuUsage();
	await work();
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1_000;
}
