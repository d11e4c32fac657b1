import { compare, parse as parseVersion } from "semver";
import * as z from "zod";

const minor = z.string().regex(/^\d+\.\d+$/);
const release = z.string().regex(/^v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/);
const contract = z.string().regex(/^v\d+(?:alpha\d+|beta\d+)?$/);
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const origin = { source: z.string(), date: day } as const;

const capmoxRow = z.strictObject({
	minor,
	latest: release,
	contract,
	/** Cluster API minors that CAPMOX's README approves. */
	capi: z.array(minor),
	/** Those that it refuses. */
	not: z.array(minor),
	leastIpam: release.optional(),
	/** Minors from which an upgrade to this one is documented. */
	after: z.array(minor),
	...origin,
});

const capiRow = z.strictObject({
	minor,
	latest: release,
	contract,
	/** First and last Kubernetes minor. */
	management: z.tuple([minor, minor]),
	workload: z.tuple([minor, minor]),
	/** Kubernetes minor → the patch of Cluster API from which it is supported. */
	least: z.record(minor, release).optional(),
	maintenance: day.optional(),
	endOfLife: day.optional(),
	/** Release → what is wrong with it. */
	broken: z.record(release, z.string()).optional(),
	...origin,
});
export type CapiRow = z.infer<typeof capiRow>;

/** The shape of `compatibility.yaml` and of what `--knowledge` names; strict, so that a misspelt key is not taken for nothing. */
export const compatibility = z.strictObject({
	/** The day on which all of it was compared with its sources. */
	checked: day,
	/** Each list newest first. */
	capmox: z.array(capmoxRow).min(1),
	capi: z.array(capiRow).min(1),
	ipam: z.array(z.strictObject({ minor, latest: release, contract, ...origin })).min(1),
	contracts: z.array(z.strictObject({ contract, endsWith: minor, ...origin })),
	kubernetes: z.array(
		z.strictObject({
			versions: z.array(release),
			/** Cluster API minor → the patch that is needed. */
			least: z.record(minor, release),
			why: z.string(),
			...origin,
		}),
	),
	upgrade: z.strictObject({ mostMinors: z.number(), ...origin }),
});
export type Compatibility = z.infer<typeof compatibility>;

/** Fact `knowledge.compatibility`: the table, where it is from, and today, by which it ages. */
export const knowledgeCompatibility = z.object({
	/** "the built-in table", or the file that `--knowledge` names. */
	from: z.string(),
	today: z.string(),
	table: compatibility,
});

/** `v1.12.11` and `v1.31.5+k3s1` → `1.12`, `1.31`. */
export function minorOf(version: string): string {
	const [, found = ""] = /^v?(\d+\.\d+)/.exec(version) ?? [];
	return found;
}

/** Of two minors or releases: negative where the first is older. */
export const compareVersions = (a: string, b: string): number => compare(full(a), full(b));

const full = (version: string): string => {
	const bare = version.replace(/^v/, "");
	return /^\d+\.\d+$/.test(bare) ? `${bare}.0` : (parseVersion(bare)?.format() ?? "0.0.0");
};

/** How many minors `to` lies behind `from`; those of another major count as far away. */
export function minorsBetween(from: string, to: string): number {
	const [fromMajor = 0, fromMinor = 0] = minorOf(from).split(".").map(Number);
	const [toMajor = 0, toMinor = 0] = minorOf(to).split(".").map(Number);
	return (toMajor - fromMajor) * 100 + toMinor - fromMinor;
}

/** What the README says of a pair: approved, refused; `untested`: Cluster API is newer than any that it names; else nothing. */
export type Listing = "approved" | "refused" | "untested" | "unlisted";

export function listingOf(table: Compatibility, capmox: string, core: string): Listing {
	const row = table.capmox.find((each) => each.minor === minorOf(capmox));
	if (row?.capi.includes(minorOf(core)) === true) {
		return "approved";
	}

	if (row?.not.includes(minorOf(core)) === true) {
		return "refused";
	}

	if (row === undefined) {
		return "unlisted";
	}

	const named = table.capmox.flatMap((each) => [...each.capi, ...each.not]);
	return named.every((each) => compareVersions(each, minorOf(core)) < 0) ? "untested" : "unlisted";
}

/** Older than any row: as the oldest one; newer: as the newest. */
export function contractOf(rows: readonly { minor: string; contract: string }[], version: string): string {
	const row = rows.find((each) => compareVersions(each.minor, minorOf(version)) <= 0) ?? rows.at(-1);
	return row?.contract ?? "";
}

/** Whether a core takes providers of a contract: its own, and older ones until they end. */
export function takesContract(table: Compatibility, core: string, provider: string): boolean {
	if (contractOf(table.capi, core) === provider) {
		return true;
	}

	const ending = table.contracts.find((each) => each.contract === provider);
	const isOlder = table.capi.some((row) => row.contract === provider && compareVersions(row.minor, minorOf(core)) < 0);
	return isOlder && (ending === undefined || compareVersions(minorOf(core), ending.endsWith) < 0);
}

/** Why a Cluster API does not support a Kubernetes, or undefined where it does or nothing is known of it. */
export function rangeFault(
	table: Compatibility,
	core: string,
	kubernetes: string,
	role: "management" | "workload",
): { readonly first: string; readonly last: string; readonly least?: string } | undefined {
	const row = table.capi.find((each) => each.minor === minorOf(core));
	if (row === undefined) {
		return undefined;
	}

	const [first, last] = row[role];
	const wanted = minorOf(kubernetes);
	if (compareVersions(wanted, first) < 0 || compareVersions(wanted, last) > 0) {
		return { first, last };
	}

	const least = row.least?.[wanted];
	return least !== undefined && compareVersions(core, least) < 0 ? { first, last, least } : undefined;
}

/** The patch of Cluster API that a Kubernetes release needs, where this one is older; `least` is absent where none of its minor will do. */
export function patchFault(
	table: Compatibility,
	core: string,
	kubernetes: string,
): { readonly least?: string; readonly why: string; readonly source: string } | undefined {
	const bare = kubernetes.replace(/\+.*$/, "");
	const row = table.kubernetes.find(({ versions }) => versions.includes(bare));
	if (row === undefined) {
		return undefined;
	}

	const least = row.least[minorOf(core)];
	if (least !== undefined) {
		return compareVersions(core, least) < 0 ? { least, why: row.why, source: row.source } : undefined;
	}

	const isOlder = Object.keys(row.least).every((each) => compareVersions(minorOf(core), each) < 0);
	return isOlder ? { why: row.why, source: row.source } : undefined;
}

export const isEndOfLife = (row: CapiRow, today: string): boolean =>
	row.endOfLife !== undefined && row.endOfLife <= today.slice(0, 10);

/** Days since the table was compared with its sources. */
export const ageOf = ({ checked }: Compatibility, today: string): number =>
	Math.floor((Date.parse(today) - Date.parse(`${checked}T00:00:00Z`)) / 86_400_000);

export const daysUntilOld = 180;
