import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What is kept between runs; times in milliseconds since 1970. */
interface State {
	/** When the registry was last asked, whether it answered or not. */
	readonly asked?: number;
	/** When the user was last told. */
	readonly shown?: number;
	/** What the registry answered. */
	readonly newest?: string;
}

const day = 24 * 60 * 60 * 1_000;

/** Settings that programs of npm's world know, and ours. */
const switches = ["CAPMOX_DOCTOR_OFFLINE", "NO_UPDATE_NOTIFIER"];
const automata = ["CI", "CONTINUOUS_INTEGRATION", "BUILD_NUMBER", "TF_BUILD"];

/** Nobody wants to hear of releases, or nobody listens. */
export function isQuietPlace(environment: NodeJS.ProcessEnv): boolean {
	return (
		switches.some((name) => (environment[name] ?? "") !== "") ||
		automata.some((name) => !["", "0", "false"].includes(environment[name] ?? ""))
	);
}

const stateFile = (environment: NodeJS.ProcessEnv) => {
	const { XDG_STATE_HOME: home = "" } = environment;
	// As the specification has it, a relative path is ignored.
	return join(home.startsWith("/") ? home : join(homedir(), ".local", "state"), "capmox-doctor", "newest-release.json");
};

const isLongAgo = (time: unknown, now: number) => typeof time !== "number" || Math.abs(now - time) >= day;

/**
 * Where a newer release is known, a line that says so, once a day. Once a day, too, another process is left behind that
 * asks for the next time: nobody waits for a registry. What goes wrong here is no concern of the user's.
 */
export function announceNewest(
	version: string,
	{ environment, now, askLater }: { environment: NodeJS.ProcessEnv; now: number; askLater: () => void },
): string | undefined {
	try {
		const state = readState(environment);
		const isNews = isNewer(state.newest, version) && isLongAgo(state.shown, now);
		const isDue = isLongAgo(state.asked, now);
		if (isNews || isDue) {
			// Kept first: where it cannot be kept, it would be asked and said at every run.
			writeState({ ...state, ...(isNews ? { shown: now } : {}), ...(isDue ? { asked: now } : {}) }, environment);
		}

		if (isDue) {
			askLater();
		}

		return isNews
			? `capmox-doctor ${state.newest} is out, this is ${version}: npm install --global capmox-doctor\n`
			: undefined;
	} catch {
		return undefined;
	}
}

/** @throws where it cannot be written. */
export const rememberNewest = (newest: string, environment: NodeJS.ProcessEnv): void => {
	writeState({ ...readState(environment), newest }, environment);
};

function readState(environment: NodeJS.ProcessEnv): State {
	try {
		const state: unknown = JSON.parse(readFileSync(stateFile(environment), "utf8"));
		return typeof state === "object" && state !== null ? state : {};
	} catch {
		return {};
	}
}

function writeState(state: State, environment: NodeJS.ProcessEnv): void {
	const file = stateFile(environment);
	mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
	writeFileSync(`${file}.${process.pid}`, JSON.stringify(state));
	renameSync(`${file}.${process.pid}`, file);
}

/** Only of releases: whoever runs a preview knows what they do. */
function isNewer(newest: unknown, version: string): newest is string {
	if (typeof newest !== "string" || !/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(newest)) {
		return false;
	}

	const [left, right] = [newest, version].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
	const differing = [0, 1, 2].find((index) => left?.[index] !== right?.[index]) ?? 0;
	return (left?.[differing] ?? 0) > (right?.[differing] ?? 0);
}
