import { parseAddress } from "../addresses.ts";
import type { Kind } from "./fields.ts";
import { wordPattern } from "./words.ts";

export type Place = "name" | "part" | "plain";

/** What takes the place of each thing that is recognised. */
export interface StandIns {
	/** `prefix` where a slash and a length follow. */
	address(text: string, prefix?: number): string;
	/** Six pairs of hexadecimal digits. */
	mac(text: string): string;
	/** A UUID, a fingerprint, the ID of a container. */
	hex(text: string): string;
	/** `name`: it stands where names stand · `part`: in a sentence, as a part of something longer · `plain`: by itself. */
	word(word: string, place: Place): string;
}

/** In a sentence, these are names whatever is in them: the node of a task, URLs, users with a realm, homes; and base64. */
const composite =
	/(UPID(?::|%3A)[\w.-]+|[a-z][a-z0-9+.-]*:\/{2,3}[^\s"'<>]+|[^\s'"@:/=,;()]+@[a-z][\w.-]*(?:!\w[\w.-]*)?|\/(?:home|Users)\/[^\s/:,'"]+|(?<![\w+/-])[a-z0-9]{16,}={0,2}(?![\w+/=-]))/i;

/** Links into documentation tell nothing of a set-up. */
const documentation =
	/^https?:\/\/(?:[\w-]+\.)*(?:github\.com|kubernetes\.io|k8s\.io|docker\.com|proxmox\.com|podman\.io)(?:[/:?#]|$)/i;

/** File systems of the kernel's own, where nobody gives names. */
const systemPath = /^\/(?:sys|proc|dev|run)(?:\/|$)/;

/** The text with a stand-in for all that is recognised in it. */
export function rewrite(text: string, kind: Kind, by: StandIns): string {
	switch (kind) {
		case "keep":
			return text;
		case "withhold":
			return text === "" ? text : "[left out]";
		case "name":
		case "address":
			return rewriteAtoms(text, kind, by);
		case "path":
			return systemPath.test(text) ? rewriteSentence(text, by) : rewriteAtoms(text, "name", by);
		case "qualified":
			return rewriteQualified(text, by);
		case "text":
		case "variable":
		case "annotation":
			return rewriteSentence(text, by);
	}
}

/** Of Kubernetes, and of projects whose API groups stand in many clusters. */
const publicDomain =
	/(?:^|\.)(?:k8s\.io|x-k8s\.io|kubernetes\.io|ionos\.com|cert-manager\.io|projectcalico\.org|cilium\.io|coreos\.com|metal3\.io)$/i;

/** `DOMAIN`, `DOMAIN/NAME`. A hook's name is of whoever holds the machine back, of which Cluster API's own is one; a word without a dot is Kubernetes' own. */
function rewriteQualified(text: string, by: StandIns): string {
	const slash = text.includes("/") ? text.indexOf("/") : text.length;
	const [domain, name] = [text.slice(0, slash), text.slice(slash)];
	if (domain.includes(".") && !publicDomain.test(domain)) {
		return rewriteAtoms(text, "name", by);
	}

	return domain.includes(".hook.") && name !== "/kcp-cleanup" ? domain + rewriteAtoms(name, "name", by) : text;
}

const rewriteSentence = (text: string, by: StandIns): string =>
	text
		.split(composite)
		.map((part, index) => {
			const isComposite = index % 2 === 1;
			if (isComposite && documentation.test(part)) {
				return part;
			}

			return /^[a-z0-9]{16,}={0,2}$/i.test(part)
				? rewriteEncoded(part, by)
				: rewriteAtoms(part, isComposite ? "name" : "text", by);
		})
		.join("");

/** A long word, or text in base64, which then holds words of its own. */
function rewriteEncoded(text: string, by: StandIns): string {
	const decoded = Buffer.from(text, "base64").toString("latin1");
	return /^[\s\x20-\x7e]+$/.test(decoded)
		? Buffer.from(rewriteSentence(decoded, by)).toString("base64")
		: rewriteAtoms(text, "text", by);
}

const atom = new RegExp(
	[
		// In a URL's query; the letters that follow are no part of it.
		"(?<escape>%[0-9a-f]{2})",
		"(?<reverse>(?<![0-9a-z])(?:(?:\\d{1,3}\\.){4}in-addr|(?:[0-9a-f]\\.){32}ip6)(?=\\.arpa(?![0-9a-z])))",
		// systemd.net-naming-scheme(7): x and the MAC.
		"(?<card>(?<![0-9a-z])(?:en|wl|ww)x[0-9a-f]{12}(?![0-9a-z]))",
		"(?<hex>(?:[0-9a-f]{2}:){7,}[0-9a-f]{2}|(?<![0-9a-z])(?:[0-9a-f]{8}[-_](?:[0-9a-f]{4}[-_]){3}[0-9a-f]{12}|(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\\d)[0-9a-f]{12,64})(?![0-9a-z]))",
		"(?<mac>(?<![0-9a-f:-])[0-9a-f]{2}(?<separator>[:-])[0-9a-f]{2}(?:\\k<separator>[0-9a-f]{2}){4}(?![0-9a-f:-]))",
		"(?<address>(?<![\\w:.])(?=[0-9a-f]*:[0-9a-f]*:)[0-9a-f:]+(?:\\.\\d{1,3}){0,3}(?![\\w:])|(?:(?<=%[0-9a-f]{2})|(?<![a-z0-9]|\\d\\.))\\d{1,3}(?:\\.\\d{1,3}){2,}(?![a-z0-9])|(?<![0-9.]|\\d-)(?:\\d{1,3}-){3}\\d{1,3}(?![.-]?\\d))(?:/(?<prefix>\\d{1,3})(?!\\d))?",
		`(?<word>${wordPattern})`,
	].join("|"),
	"giu",
);

type Groups = Partial<Record<"escape" | "reverse" | "card" | "hex" | "mac" | "address" | "prefix" | "word", string>>;

function rewriteAtoms(text: string, kind: "name" | "address" | "text", by: StandIns): string {
	return text.replace(atom, (...found: unknown[]) => {
		const [whole, { escape, reverse, card, hex, mac, address, prefix, word }] = [
			String(found[0]),
			found.at(-1) as Groups,
		];
		if (escape !== undefined) {
			return escape;
		}

		if (reverse !== undefined) {
			return rewriteReverse(reverse, by);
		}

		if (card !== undefined) {
			return card.slice(0, 3) + by.mac(card.slice(3));
		}

		if (hex !== undefined) {
			return by.hex(hex);
		}

		if (mac !== undefined) {
			return by.mac(mac);
		}

		if (word !== undefined) {
			return by.word(word, kind === "text" ? placeIn(text, Number(found.at(-3)), word) : "name");
		}

		const other = address === undefined ? undefined : rewriteAddress(address, prefix, kind === "address", by);
		return other === undefined ? rewriteWords(whole, kind, by) : `${other}${prefix === undefined ? "" : `/${prefix}`}`;
	});
}

/** What looked like an address is none: a time, a version. */
const rewriteWords = (text: string, kind: "name" | "address" | "text", by: StandIns): string =>
	text.replace(new RegExp(wordPattern, "gu"), (word) => by.word(word, kind === "text" ? "plain" : "name"));

function rewriteAddress(text: string, prefix: string | undefined, isMeant: boolean, by: StandIns): string | undefined {
	if (parseAddress(text) !== undefined) {
		return by.address(text, prefix === undefined ? undefined : Number(prefix));
	}

	// Hosts are often named after their address.
	if (/^\d+(?:-\d+){3}$/.test(text) && parseAddress(text.replaceAll("-", ".")) !== undefined) {
		return by.address(text.replaceAll("-", ".")).replaceAll(".", "-");
	}

	// 10.0.0.300 and 10.0.0 are wrong, and stay wrong in the same way.
	const parts = text.split(".");
	const network = parts.slice(0, 3).map(Number);
	if (!isMeant || network.length < 3 || network.some((part) => !(part <= 255))) {
		return undefined;
	}

	const other = by
		.address(`${network.join(".")}.0`)
		.split(".")
		.slice(0, 3);
	return [...other.map((part, index) => (/^0\d/.test(parts[index] ?? "") ? `0${part}` : part)), ...parts.slice(3)].join(
		".",
	);
}

/** The name by which DNS finds the name of an address: RFC 1035, section 3.5, and RFC 3596, section 2.5. */
function rewriteReverse(text: string, by: StandIns): string {
	const parts = text.split(".");
	const domain = parts.pop() ?? "";
	const digits = parts.reverse().join("");
	const address = domain === "in-addr" ? parts.join(".") : (digits.match(/.{4}/g) ?? []).join(":");
	const other = parseAddress(by.address(address));
	const others =
		other?.family === 6 ? Array.from(other.value.toString(16).padStart(32, "0")) : by.address(address).split(".");
	return [...others.reverse(), domain].join(".");
}

/** The fr of zirkon.fr and the db of db-1 are parts, the on of "on 10.0.0.1" is not. */
const placeIn = (text: string, offset: number, word: string): Place =>
	/[-_.@]/.test(text.charAt(offset - 1)) ||
	/^(?:\d|[-_.]\w)/.test(text.slice(offset + word.length, offset + word.length + 2))
		? "part"
		: "plain";
