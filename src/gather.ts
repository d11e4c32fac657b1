import { rejectOnAbort } from "./abort.ts";
import { createMask, withoutPasswords } from "./access/mask.ts";
import type { World } from "./access/world.ts";
import { startDeadline } from "./deadline.ts";
import { type Cause, ProbeError, UsageError } from "./errors.ts";
import { mayHoldSecret, secretsWithin, unquote } from "./facts/environment.ts";
import { type Know, type Probe, type Probes, probes, type Reading } from "./facts/probe.ts";
import type { FactName, FactSheet, FactState, Facts } from "./facts/sheet.ts";
import { variables } from "./knowledge/variables.ts";
import { changeTexts, withoutControls } from "./texts.ts";

export interface GatherOptions {
	readonly wanted: Iterable<FactName>;
	/** Ends the whole gathering: what is still open becomes unavailable. Its reason is a ProbeError. */
	readonly signal: AbortSignal;
	/** Called with a fact's name when it starts, and again when it is settled. */
	readonly onProgress?: (fact: FactName, event: "started" | "settled") => void;
	readonly from?: Probes;
}

/**
 * Reads each wanted fact once, all at once, each under its own deadline. Resolves when the last is settled, even where
 * a probe never ends. Rejects only for a UsageError.
 */
export async function gather(
	world: World,
	{ wanted, signal, onProgress, from = probes }: GatherOptions,
): Promise<FactSheet> {
	const started = new Map<FactName, Promise<FactState<Facts[FactName]>>>();
	const mask = await maskOf(world);

	function state<Name extends FactName>(name: Name): Promise<FactState<Facts[Name]>> {
		const running = started.get(name) ?? start(name);
		started.set(name, running);
		return running as Promise<FactState<Facts[Name]>>;
	}

	const know: Know = async (name) => {
		const found = await state(name);
		if (found.state === "unavailable") {
			throw new ProbeError(found.cause, found.lastSeen);
		}

		return found.value;
	};

	async function start<Name extends FactName>(name: Name): Promise<FactState<Facts[Name]>> {
		onProgress?.(name, "started");
		try {
			return await readOne(from[name]);
		} finally {
			onProgress?.(name, "settled");
		}
	}

	async function readOne<T>(probe: Probe<T>): Promise<FactState<T>> {
		let lastSeen = "nothing";
		const deadline = new AbortController();
		const callOff = startDeadline(probe.deadline, () => {
			deadline.abort(new ProbeError("timeout", `no answer within ${probe.deadline / 1_000} s; last seen: ${lastSeen}`));
		});
		const either = AbortSignal.any([signal, deadline.signal]);
		try {
			const { schema, read } = await probe.load();
			const value = await Promise.race([
				read(world, know, either, (seen) => {
					lastSeen = seen;
				}),
				rejectOnAbort(either),
			]);
			return { state: "known", value: clean(schema, value, mask) };
		} catch (error) {
			if (error instanceof UsageError) {
				throw error;
			}

			// A probe that the abort interrupted may say so in its own words; the reason says why.
			return unavailable(either.aborted && either.reason instanceof ProbeError ? either.reason : error, mask);
		} finally {
			callOff();
		}
	}

	const sheet: Record<string, FactState<unknown>> = {};
	await Promise.all(
		[...wanted].map(async (name) => {
			sheet[name] = await state(name);
		}),
	);
	return sheet;
}

/** Where there is less to parse, compiling the schema costs more than it saves. */
const fewTexts = 1_000;

/** Without what the schema does not know, what a server echoed of a secret, and what would drive a terminal. */
function clean<T>(schema: Reading<T>["schema"], value: T, mask: (text: string) => string): T {
	let texts = 0;
	const changed = changeTexts(value, (text) => {
		texts++;
		return mask(withoutControls(text));
	});
	const masked = schema.safeParse(changed, { jitless: texts < fewTexts });
	if (masked.success) {
		return masked.data;
	}

	// A "secret" that is a word of our own, such as json, would blot out the shape of the fact: words stay.
	const wordsStay = (text: string) => (/^[a-z]+(?:-[a-z]+)*$/.test(text) ? text : mask(withoutControls(text)));
	return schema.parse(changeTexts(value, wordsStay));
}

const secretVariables = ["PROXMOX_SECRET", "PROXMOX_TOKEN"] as const;

/** A token ID is no secret, unless the secret was put in its place or pasted behind it. */
export async function maskOf(world: World): Promise<(text: string) => string> {
	let environment: Awaited<ReturnType<World["environment"]>>;
	try {
		environment = await world.environment();
	} catch (error) {
		if (error instanceof ProbeError) {
			return withoutPasswords;
		}

		throw error;
	}

	const values = secretVariables.flatMap((name) => environment.lookUp(name).map(({ value }) => ({ name, value })));
	const passwords = environment.lookUp("PROXMOX_URL").flatMap(({ value }) => {
		const userinfo = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/*)?(.*)@/s.exec(value)?.[1] ?? "";
		return [userinfo, userinfo.replace(/^[^:]*:/, "")];
	});
	const mask = createMask([
		...passwords,
		...variables.flatMap((name) => environment.lookUp(name).flatMap(({ value }) => secretsWithin(value))),
		...values.flatMap(({ name, value }) => {
			const bare = unquote(value);
			return name === "PROXMOX_TOKEN" && !mayHoldSecret(value)
				? []
				: [value, bare, ...bare.split(/[=!,;\s]/).slice(-1)];
		}),
	]);
	return (text) => withoutPasswords(mask(text));
}

function unavailable(
	error: unknown,
	mask: (text: string) => string,
): { state: "unavailable"; cause: Cause; lastSeen: string } {
	if (error instanceof ProbeError) {
		return { state: "unavailable", cause: error.reason, lastSeen: mask(withoutControls(error.message)) };
	}

	const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
	return { state: "unavailable", cause: "bug", lastSeen: mask(withoutControls(text)) };
}
