import { labels, readInstalled } from "../../checks/capi-compat/installed.ts";
import { openWorld } from "../access/world.ts";
import { ProbeError } from "../errors.ts";
import type { FactSheet, Facts } from "../facts/sheet.ts";
import { gather } from "../gather.ts";
import { ageOf, type Compatibility, daysUntilOld, isEndOfLife, minorOf } from "../knowledge/compatibility.ts";
import type { GlobalOptions, Terminal } from "./terminal.ts";

/** Versions in use, by image or inventory; absent where there is no management cluster, or it does not say. */
interface InUse {
	readonly capmox?: string | undefined;
	readonly core?: string | undefined;
	/** Why nothing is known of it. */
	readonly because?: string | undefined;
}

const wanted = ["knowledge.compatibility", "management.controllers", "management.inventory"] as const;

/** `matrix`: the table of versions that fit together, with the row in use marked. */
export async function matrix(options: GlobalOptions, terminal: Terminal, interrupted: AbortSignal): Promise<number> {
	const world = openWorld(options);
	const overall = new AbortController();
	const timer = setTimeout(() => {
		overall.abort(new ProbeError("timeout", `the ${options.timeout / 1_000} s of --timeout were over`));
	}, options.timeout);
	interrupted.addEventListener("abort", () => {
		overall.abort(new ProbeError("cancelled", "interrupted"));
	});
	try {
		const sheet = await gather(world, { wanted, signal: overall.signal });
		const knowledge = sheet["knowledge.compatibility"];
		if (knowledge?.state !== "known") {
			throw new Error(`the table of versions: ${knowledge?.lastSeen ?? "not read"}`);
		}

		const inUse = inUseOf(sheet, knowledge.value);
		terminal.out(
			options.format === "json"
				? `${JSON.stringify({ ...knowledge.value, inUse }, null, 2)}\n`
				: renderMatrix(knowledge.value, inUse),
		);
		return 0;
	} finally {
		clearTimeout(timer);
		world.commands.killAll();
	}
}

function inUseOf(sheet: FactSheet, knowledge: Facts["knowledge.compatibility"]): InUse {
	const controllers = sheet["management.controllers"];
	if (controllers?.state !== "known") {
		return { because: controllers?.lastSeen };
	}

	const inventory = sheet["management.inventory"];
	const { parts } = readInstalled({
		"knowledge.compatibility": knowledge,
		"management.controllers": controllers.value,
		...(inventory?.state === "known" ? { "management.inventory": inventory.value } : {}),
	});
	return { capmox: parts.get(labels.capmox)?.version, core: parts.get(labels.core)?.version };
}

function renderMatrix({ table, from, today }: Facts["knowledge.compatibility"], inUse: InUse): string {
	const age = ageOf(table, today);
	const lines = [
		...renderCapmox(table, inUse),
		"",
		...renderCapi(table, today, inUse),
		"",
		...renderInUse(inUse),
		`From ${from}, compared with its sources on ${table.checked}, ${age} days ago${age > daysUntilOld ? ": that is long, look for a newer one" : ""}.`,
	];
	return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

const symbols = { approved: "yes", refused: "no", other: "·" } as const;

function renderCapmox(table: Compatibility, inUse: InUse): string[] {
	const minors = table.capi.map(({ minor }) => minor);
	const head = [
		"",
		"CAPMOX",
		...minors.map((minor) => `${minor}${minor === minorOf(inUse.core ?? "") ? "*" : ""}`),
		"IPAM",
	];
	const rows = table.capmox.map(({ minor, latest, capi, not, leastIpam }) => [
		minor === minorOf(inUse.capmox ?? "") ? "*" : "",
		latest,
		...minors.map((each) =>
			capi.includes(each) ? symbols.approved : not.includes(each) ? symbols.refused : symbols.other,
		),
		leastIpam === undefined ? "" : `≥ ${leastIpam}`,
	]);
	return ["CAPMOX with Cluster API: yes and no are CAPMOX's own words, · is none", ...renderTable([head, ...rows])];
}

function renderCapi(table: Compatibility, today: string, inUse: InUse): string[] {
	const rows = table.capi.map((row) => [
		row.minor === minorOf(inUse.core ?? "") ? "*" : "",
		row.latest,
		row.contract,
		row.management.join("–"),
		row.workload.join("–"),
		isEndOfLife(row, today)
			? `ended ${row.endOfLife ?? ""}`
			: row.maintenance !== undefined && row.maintenance <= today.slice(0, 10)
				? `maintenance since ${row.maintenance}`
				: "supported",
	]);
	return [
		"Cluster API with Kubernetes",
		...renderTable([["", "core", "contract", "management", "workload", "life"], ...rows]),
	];
}

function renderTable(rows: readonly (readonly string[])[]): string[] {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
	return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
}

function renderInUse({ capmox, core, because }: InUse): string[] {
	if (capmox !== undefined || core !== undefined) {
		return [`* in use here: CAPMOX ${capmox ?? "(none)"}, Cluster API ${core ?? "(none)"}`];
	}

	return [
		because === undefined
			? "No Cluster API runs on the management cluster."
			: `What is in use was not seen: ${because}`,
	];
}
