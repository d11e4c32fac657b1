import * as z from "zod";
import { kinds } from "../explain/signature.ts";
import { eventKinds } from "../explain/timeline.ts";

const seen = z.object({
	source: z.string(),
	line: z.int().min(1),
	time: z.string().optional().describe("As the line has it; klog's has no year"),
});

const recognised = z.object({
	id: z.string().describe("Of the signature; an id is for ever"),
	finding: z.string().optional().describe("check/code that says the same"),
	check: z.string().optional().describe("The check that would prove it on this system"),
	kind: z.enum(kinds).describe("wrapper: each of its lines names a deeper cause, or one that is not known"),
	component: z.string(),
	cause: z.string(),
	remedy: z.string(),
	count: z.int().min(1),
	first: seen,
	last: seen,
	lines: z.array(z.string()).min(1).describe("Some of the lines, secrets masked"),
	wraps: z.array(z.string()).describe("Ids of the causes that its lines name behind it"),
	follows: z.array(z.string()).describe("Ids of what was seen, too, and that it follows from"),
	versions: z.string().optional(),
	source: z.string().optional(),
});

const event = z.object({
	time: z.string().describe("UTC, ISO 8601"),
	kind: z.enum(eventKinds),
	text: z.string().describe("Secrets masked"),
	object: z.string().optional().describe("The kind of object that says so"),
	id: z.string().optional().describe("Of a message's signature"),
	means: z.enum(kinds).optional().describe("Of a message, as kind of recognised"),
	count: z.int().min(1).optional(),
	last: z.string().optional(),
	source: z.string().optional(),
	ended: z.boolean().optional().describe("Afterwards a message says that it went well"),
	well: z.boolean().optional().describe("The condition is as it should be"),
});

const timeline = z.object({
	machine: z.string().describe("namespace/name of the Machine, or of a ProxmoxMachine without one"),
	proxmoxMachine: z.string().optional(),
	vmid: z.int().optional(),
	node: z.string().optional().describe("Of Proxmox VE"),
	gone: z.boolean().describe("Messages name it, and it does not exist any more"),
	events: z.array(event).describe("In time order"),
});

/** The JSON of `explain` for logs. Within v1 fields are only added. */
export const explanationSchema = z.object({
	schema: z.literal("capmox-doctor/explain/v1"),
	version: z.string().describe("Version of capmox-doctor"),
	recognised: z.array(recognised).describe("The deepest cause first"),
	ended: z.array(recognised).describe("Retries that ended well"),
	notes: z.array(recognised).describe("No failures: what helps to read one"),
	unrecognised: z
		.array(z.object({ line: z.string(), count: z.int().min(1) }))
		.describe("Lines that may be errors, by kind; the most frequent first"),
	timelines: z.array(timeline).optional().describe("With --live: machines that messages name, or that are not well"),
	unread: z
		.array(z.object({ name: z.string(), reason: z.string() }))
		.optional()
		.describe("With --live: what could not be looked at"),
	summary: z.object({
		sources: z.array(z.string()),
		lines: z.int(),
		bytes: z.int(),
		unrecognised: z.int().describe("How many lines that may be errors were not recognised"),
	}),
	exitCode: z.int(),
});
export type ExplanationReport = z.infer<typeof explanationSchema>;
