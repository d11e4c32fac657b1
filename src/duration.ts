const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

/** 30s, 2m or 500ms in milliseconds; without a unit, seconds. Undefined where it is none, or too long for a timer. */
export function toMilliseconds(text: string): number | undefined {
	const [, number = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
	const milliseconds = Number(number) * (units[unit] ?? 0);
	// setTimeout counts in 32 bits.
	return number === "" || milliseconds < 1 || milliseconds > 2 ** 31 - 1 ? undefined : milliseconds;
}
