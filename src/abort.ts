/** Rejects with the signal's reason as soon as it is aborted, for what does not listen to it. */
export function rejectOnAbort(signal: AbortSignal): Promise<never> {
	return new Promise((_, reject) => {
		const onAbort = () => {
			reject(signal.reason as Error);
		};
		if (signal.aborted) {
			onAbort();
		} else {
			signal.addEventListener("abort", onAbort, { once: true });
		}
	});
}

/** @throws what called it off where that was a bug of ours; whoever interrupts gives no reason. */
export function throwIfBroken({ aborted, reason }: AbortSignal): void {
	if (aborted && !(reason instanceof DOMException)) {
		throw reason;
	}
}
