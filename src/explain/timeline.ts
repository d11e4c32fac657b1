import type { ManagementMachine, ManagementProxmoxMachine } from "../facts/management-machines.ts";
import type { Listener } from "./recogniser.ts";
import type { Kind, Signature } from "./signature.ts";
import type { Occurrence } from "./tally.ts";
import { type Subject, subjectsOf } from "./text.ts";

export const eventKinds = ["made", "deletion", "condition", "task", "message"] as const;

/** Something that happened to a machine. */
export interface TimelineEvent {
	/** UTC, ISO 8601. */
	readonly time: string;
	readonly kind: (typeof eventKinds)[number];
	/** Masked. */
	readonly text: string;
	/** The object that says so; absent for messages and tasks. */
	readonly object?: string;
	/** A message's signature; how often it came, and when last. */
	readonly id?: string;
	readonly means?: Kind;
	readonly count?: number;
	readonly last?: string;
	/** The log with it. */
	readonly source?: string;
	/** Afterwards a message says that it went well. */
	readonly ended?: boolean;
	/** A condition that is as it should be. */
	readonly well?: boolean;
}

export interface Timeline {
	/** `namespace/name` of the Machine, or of a ProxmoxMachine that has none. */
	readonly machine: string;
	/** `namespace/name` */
	readonly proxmoxMachine?: string;
	readonly vmid?: number;
	readonly node?: string;
	/** Messages name it, and it is in no list any more. */
	readonly gone: boolean;
	readonly events: readonly TimelineEvent[];
}

/** What is known of the machines; a list that could not be read is absent. */
export interface KnownMachines {
	readonly machines?: readonly ManagementMachine[];
	readonly proxmoxMachines?: readonly ManagementProxmoxMachine[];
	/** The one that the lists are of; all where it is absent. */
	readonly namespace?: string | undefined;
}

export interface Timelines {
	/** Machines with a message or something amiss, by name. */
	readonly timelines: readonly Timeline[];
	/** Machines without. */
	readonly others: number;
}

export interface TimelineCollector extends Listener {
	end(mask: (text: string) => string): Timelines;
}

/** A message about one machine. */
interface Said {
	readonly signature: Signature;
	readonly first: string;
	readonly source: string;
	readonly text: string;
	readonly start: number;
	readonly stop: number;
	last: string;
	count: number;
	ended: boolean;
}

interface Story {
	readonly said: Map<string, Said>;
	/** UPIDs that messages name. */
	readonly tasks: Set<string>;
}

const path = ({ namespace, name }: { namespace?: string | undefined; name: string }): string =>
	`${namespace ?? ""}/${name}`;

/** Collects what messages say of each machine. They must begin with the time, as `kubectl logs --timestamps` puts it. */
export function createTimelines(known: KnownMachines): TimelineCollector {
	const machineOf = createLookup(known);
	const stories = new Map<string, Story>();

	function recognised({ place, text, match, inner }: Occurrence): void {
		const machine = machineOf(subjectsOf(text));
		const time = timeAt(place.head);
		if (machine === undefined || time === undefined || inner !== undefined || match.signature.kind === "note") {
			return;
		}

		const story = stories.get(machine) ?? { said: new Map<string, Said>(), tasks: new Set<string>() };
		stories.set(machine, story);
		for (const [upid] of text.matchAll(upids)) {
			story.tasks.add(upid);
		}

		const said = story.said.get(match.signature.id);
		if (said === undefined) {
			const { signature, start, end } = match;
			const kept = { signature, first: time, source: place.source, text, start, stop: end };
			story.said.set(signature.id, { ...kept, last: time, count: 1, ended: false });
		} else {
			said.count++;
			said.last = time;
			said.ended = false;
		}
	}

	return {
		recognised,
		ended(ending, text) {
			const machine = machineOf(subjectsOf(text));
			const about = machine === undefined ? [...stories.values()] : [stories.get(machine)];
			for (const said of about.flatMap((story) => [...(story?.said.values() ?? [])])) {
				// What names no object at all is said of the program, and so of every machine.
				if ((machine !== undefined || subjectsOf(text).length === 0) && said.signature.endedBy?.includes(ending)) {
					said.ended = true;
				}
			}
		},
		end: (mask) => tell(known, stories, mask),
	};
}

/** From the objects that a message names to the machine that it is about. */
function createLookup({ machines = [], proxmoxMachines = [], namespace }: KnownMachines) {
	const owners = new Map<string, string>();
	for (const machine of machines) {
		const { infrastructure, bootstrap } = machine;
		owners.set(`Machine ${path(machine)}`, path(machine));
		for (const part of [infrastructure, bootstrap]) {
			if (part !== undefined) {
				owners.set(`${part.kind} ${path({ namespace: machine.namespace, name: part.name })}`, path(machine));
			}
		}
	}

	for (const machine of proxmoxMachines) {
		const key = `ProxmoxMachine ${path(machine)}`;
		owners.set(key, owners.get(key) ?? ownerOf(machine));
	}

	const find = ({ kind, path: of }: Subject): string | undefined =>
		kind === "IPAddressClaim"
			? owners.get(`ProxmoxMachine ${of.replace(/-net\d{1,3}(?:-.{0,20})?$/, "")}`)
			: owners.get(`${kind === "machine" ? "Machine" : kind} ${of}`);
	return (subjects: readonly Subject[]): string | undefined => {
		const seen = subjects.filter((each) => namespace === undefined || each.path.startsWith(`${namespace}/`));
		return (
			seen.map(find).find((machine) => machine !== undefined) ??
			seen.find(({ kind }) => kind === "Machine" || kind === "machine")?.path ??
			seen.find(({ kind }) => kind === "ProxmoxMachine")?.path
		);
	};
}

function ownerOf(machine: ManagementProxmoxMachine): string {
	const owner = machine.owners.find(({ kind }) => kind === "Machine");
	return owner === undefined ? path(machine) : path({ namespace: machine.namespace, name: owner.name });
}

const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)/;

const timeAt = (head: string): string | undefined => {
	const [time] = stamp.exec(head) ?? [];
	return time === undefined ? undefined : isoOf(new Date(time));
};

const isoOf = (date: Date): string => date.toISOString().replace(".000Z", "Z");

function tell(
	known: KnownMachines,
	stories: ReadonlyMap<string, Story>,
	mask: (text: string) => string,
): { readonly timelines: readonly Timeline[]; readonly others: number } {
	const { machines = [], proxmoxMachines = [] } = known;
	const machineByPath = new Map(machines.map((machine) => [path(machine), machine]));
	const lookUp = createLookup(known);
	const proxmoxByMachine = new Map(
		proxmoxMachines.map((each) => [lookUp([{ kind: "ProxmoxMachine", path: path(each) }]) ?? path(each), each]),
	);
	const all = [...new Set([...machineByPath.keys(), ...proxmoxByMachine.keys(), ...stories.keys()])].sort();
	const told = all.filter(
		(key) => stories.has(key) || isAmiss(machineByPath.get(key)) || isAmiss(proxmoxByMachine.get(key)),
	);
	const timelines = told.map((key): Timeline => {
		const machine = machineByPath.get(key);
		const proxmox = proxmoxByMachine.get(key);
		const events = [
			...(machine === undefined ? [] : eventsOf("Machine", machine, mask)),
			...(proxmox === undefined ? [] : eventsOf("ProxmoxMachine", proxmox, mask)),
			...tasksOf(proxmox, stories.get(key)),
			...messagesOf(stories.get(key), mask),
		];
		return {
			machine: key,
			...(proxmox === undefined ? {} : { proxmoxMachine: path(proxmox) }),
			...(proxmox?.vmid === undefined ? {} : { vmid: proxmox.vmid }),
			...(proxmox?.node === undefined ? {} : { node: proxmox.node }),
			gone:
				known.machines !== undefined &&
				known.proxmoxMachines !== undefined &&
				machine === undefined &&
				proxmox === undefined,
			events: events.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time)),
		};
	});
	return { timelines, others: all.length - told.length };
}

type Known = ManagementMachine | ManagementProxmoxMachine;

/** In deletion, failed, or not ready by its own word. */
const isAmiss = (machine: Known | undefined): boolean =>
	machine !== undefined &&
	(machine.deleting !== undefined ||
		machine.failure !== undefined ||
		("ready" in machine ? !machine.ready : machine.phase !== "Running") ||
		machine.conditions.some(({ type, status }) => ["Ready", "Available"].includes(type) && status !== "True"));

/** Conditions of which False is the good word. */
const negative = new Set(["Paused", "Deleting", "Remediating", "ScalingUp", "ScalingDown", "RollingOut"]);

function eventsOf(object: string, machine: Known, mask: (text: string) => string): readonly TimelineEvent[] {
	const at = (time: string | undefined, kind: "made" | "deletion", text: string): readonly TimelineEvent[] =>
		time === undefined ? [] : [{ time, kind, object, text }];
	return [
		...at(machine.created, "made", `${object} made`),
		...at(machine.deleting, "deletion", `${object} is to be deleted`),
		...machine.conditions.flatMap(({ type, status, reason, message, since }): readonly TimelineEvent[] => {
			const well = status === (negative.has(type) ? "False" : "True");
			if (since === undefined || (negative.has(type) && well)) {
				return [];
			}

			const why = [reason, well ? undefined : message?.replace(/\s+/g, " ")].filter((part) => part !== undefined);
			const text = `${object}: ${type} became ${status}${why.length === 0 ? "" : ` (${why.join(": ")})`}`;
			return [{ time: since, kind: "condition", object, text: shorten(mask(text)), well }];
		}),
	];
}

const upids = /UPID:[A-Za-z0-9.-]{1,63}:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[a-z0-9]{1,40}:[^\s:]{0,80}:/gi;

/** Tasks of Proxmox VE: that which the ProxmoxMachine waits for, and those that messages name. */
function tasksOf(machine: ManagementProxmoxMachine | undefined, story: Story | undefined): readonly TimelineEvent[] {
	const waitedFor = [...(machine?.task ?? "").matchAll(upids)].map(([upid]) => upid);
	return [...new Set([...waitedFor, ...(story?.tasks ?? [])])].map((upid) => {
		const [, node = "", , , started = "", type = "", of = ""] = upid.split(":");
		return {
			time: isoOf(new Date(Number.parseInt(started, 16) * 1_000)),
			kind: "task",
			text: `Proxmox VE began task ${type}${of === "" ? "" : ` of VM ${of}`} on ${node}${waitedFor.includes(upid) ? ", which CAPMOX waits for" : ""}`,
		};
	});
}

function messagesOf(story: Story | undefined, mask: (text: string) => string): readonly TimelineEvent[] {
	return [...(story?.said.values() ?? [])].map((said) => ({
		time: said.first,
		kind: "message",
		id: said.signature.id,
		means: said.signature.kind,
		text: excerpt(said, mask),
		source: said.source,
		count: said.count,
		last: said.last,
		ended: said.ended,
	}));
}

/** The words that were recognised. A part could lack what a secret is known by, so that the whole is masked first. */
function excerpt({ text, start, stop }: Said, mask: (text: string) => string): string {
	const masked = mask(text);
	const words = text.slice(start, stop);
	return shorten(masked.includes(words) ? words : masked.replace(stamp, "").trim());
}

const longest = 300;

const shorten = (text: string): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
