import { ProbeError } from "../errors.ts";

/** The answer, or the ProbeError that stands in its place: for a fact of which one part may be missing. */
export const attempt = <T>(asking: Promise<T>): Promise<T | ProbeError> =>
	asking.catch((error: unknown) => {
		if (error instanceof ProbeError) {
			return error;
		}

		throw error;
	});

/** The answer, or undefined where the world did not give one. */
export const ifAnswered = async <T>(asking: Promise<T>): Promise<T | undefined> => {
	const answer = await attempt(asking);
	return answer instanceof ProbeError ? undefined : answer;
};
