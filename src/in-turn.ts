/** Runs so many at once, the others as these end. */
export function limit(most: number): <T>(start: () => Promise<T>) => Promise<T> {
	let free = most;
	const waiting: (() => void)[] = [];
	return async (start) => {
		if (free > 0) {
			free--;
		} else {
			await new Promise<void>((resolve) => waiting.push(resolve));
		}

		try {
			return await start();
		} finally {
			const next = waiting.shift();
			if (next === undefined) {
				free++;
			} else {
				next();
			}
		}
	};
}
