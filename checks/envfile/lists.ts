import { parseAddress } from "../../src/addresses.ts";
import { about } from "./about.ts";
import type { EnvfileFinding } from "./findings.ts";
import { example, type Given, itemsOf, mend, renderList, rewrite } from "./reading.ts";

export const notAList = (given: Given): EnvfileFinding =>
	about(
		"not-a-list",
		given,
		`${given.name} is put into the manifest as it stands, where a list must be.`,
		rewrite("Put square brackets around it, and the whole into single quotes.", given, bracketed(given.value)),
	);

const bracketed = (value: string): string =>
	renderList(
		value
			.replace(/["'[\]]/g, "")
			.split(/[\s,;]+/)
			.filter((item) => item !== ""),
		",",
	);

export const emptyList = (given: Given): EnvfileFinding =>
	about(
		"empty-list",
		given,
		`${given.name} is an empty list; CAPMOX wants at least one entry.`,
		example("Write what belongs there.", given),
	);

export function judgeAddress(given: Given | undefined): EnvfileFinding[] {
	return given === undefined || given.value === "" || parseAddress(given.value) !== undefined
		? []
		: [
				about(
					"not-an-address",
					given,
					`${given.name} is not an IP address.`,
					mend("Write one address, without prefix, port or brackets.", given, addressIn(given.value)),
				),
			];
}

/** The address that was meant, where something is around it. */
const addressIn = (text: string): string | undefined => {
	const bare = text.replace(/["'[\]\s]/g, "").replace(/\/\d+$/, "");
	return parseAddress(bare) === undefined ? undefined : bare;
};

export function judgeDns(given: Given | undefined): EnvfileFinding[] {
	if (given === undefined || given.value === "") {
		return [];
	}

	const servers = itemsOf(given.value);
	if (servers === undefined) {
		return [notAList(given)];
	}

	if (servers.length === 0) {
		return [emptyList(given)];
	}

	const [wrong] = servers.filter((server) => parseAddress(server) === undefined);
	return wrong === undefined
		? []
		: [
				about(
					"not-an-address",
					given,
					`${given.name} holds ${wrong}, which is not an IP address.`,
					example("Write addresses with commas between them.", given),
				),
			];
}
