/** Colours and cursor movements of a terminal, and the links that some programs print. */
const escapes = /\u001B(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\u0007\u001B]{0,2000}(?:\u0007|\u001B\\))/g;

export const withoutEscapes = (text: string): string => (text.includes("\u001B") ? text.replace(escapes, "") : text);

const unclean = /[^ -~]|\\/;

/**
 * The text that patterns are written for: no colours, plain quotes without backslashes however often they were escaped
 * (klog, JSON, JSON in JSON), escaped line ends and runs of blanks as one blank.
 */
export function clean(line: string): string {
	// Most lines hold nothing to undo but runs of blanks.
	if (!unclean.test(line)) {
		return line.replace(/ {2,}/g, " ").trim();
	}

	let text = withoutEscapes(line)
		.replace(/[\u201C\u201D]/g, '"')
		.replace(/[\u2018\u2019]/g, "'");
	if (text.includes("\\")) {
		text = text
			.replace(/\\+(["'`])/g, "$1")
			.replace(/\\+u001b\[[0-9;]{0,20}m/gi, "")
			.replace(/\\+u00(3c|3e|26|27|22)/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
			.replace(/\\+[nrt]/g, " ");
	}

	return text.replace(/[\s\u00A0]{2,}|[\t\r\n\u00A0]/g, " ").trim();
}

const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
const iso = /\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?/;
const stamps = [
	// What kubectl logs --timestamps puts in front knows the year.
	/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)(?= )/,
	/^(?:\S{1,80} ){0,4}?[IWEF](\d{4} \d\d:\d\d:\d\d(?:\.\d+)?)/,
	iso,
	new RegExp(`(?:${months}) +\\d{1,2} \\d\\d:\\d\\d:\\d\\d`),
	/\b\d\d:\d\d:\d\d(?:\.\d+)?\b/,
];

/** When a line was written, as it says itself: `2026-08-21T09:10:00Z`, `08-21 09:10:11.5` (klog knows no year). */
export function timeOf(text: string): string | undefined {
	const head = text.slice(0, 300);
	const epoch = /"ts": ?(\d{10})(\d{3})?(\.\d+)?/.exec(head);
	if (epoch !== null) {
		const milliseconds = Number(epoch[1]) * 1000 + Number(epoch[2] ?? Number(epoch[3] ?? 0) * 1000);
		return new Date(Math.round(milliseconds)).toISOString();
	}

	for (const stamp of stamps) {
		const found = stamp.exec(head);
		if (found !== null) {
			return found[1] === undefined ? found[0] : found[1].replace(/^(\d\d)(\d\d)/, "$1-$2");
		}
	}

	return undefined;
}

/** An object in a controller's line: `ProxmoxMachine="default/prod-md-0-x"`, or as JSON. */
const subject =
	/\b(ProxmoxMachine|ProxmoxCluster|Machine|KubeadmConfig|KubeadmControlPlane|IPAddressClaim|Cluster|machine|cluster)"?[=:] ?"?(?:\{"name": ?"([^"]{1,253})","namespace": ?"([^"]{1,253})"|([a-z0-9.-]{1,253}\/[a-z0-9.-]{1,253}))/;
const subjects = new RegExp(subject, "g");

/** An object that a line names. */
export interface Subject {
	readonly kind: string;
	/** `namespace/name` */
	readonly path: string;
}

/** The object that a controller's line is about, `default/prod-md-0-x`; what is said of one ends nothing of another. */
export const subjectOf = (text: string): string => readSubject(subject.exec(text) ?? [])?.path ?? "";

/** All objects that a line names; the one that it is about comes first. */
export const subjectsOf = (text: string): readonly Subject[] =>
	[...text.matchAll(subjects)].map(readSubject).filter((found) => found !== undefined);

function readSubject([, kind, name, namespace, path]: readonly string[]): Subject | undefined {
	return kind === undefined ? undefined : { kind, path: path ?? `${namespace ?? ""}/${name ?? ""}` };
}
