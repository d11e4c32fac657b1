const ticks = 10;

/**
 * Calls `onPassed` after so many milliseconds in which Node could listen. While it parses a long list it hears nothing of
 * what arrives, so that such a time counts as one tick, however long it was. Returns what calls it off.
 */
export function startDeadline(milliseconds: number, onPassed: () => void): () => void {
	const tick = milliseconds / ticks;
	let left = ticks;
	const next = () => {
		left--;
		if (left === 0) {
			onPassed();
		} else {
			timer = setTimeout(next, tick);
		}
	};
	let timer = setTimeout(next, tick);
	return () => {
		clearTimeout(timer);
	};
}
