import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { explainText } from "../support/explain.ts";

const folder = new URL("innocent/", import.meta.url);
const files = readdirSync(folder);

test.each(files)("%s is a good start, in which nothing is blamed", (file) => {
	const { recognised } = explainText(readFileSync(new URL(file, folder), "utf8"));
	expect(recognised.map(({ signature }) => signature.id)).toEqual([]);
});

/** Lines that are failures by themselves; what follows in the log says that they were retries. */
const retried =
	/Connect failed|waiting for agent|dial tcp 0.0.0.0:0->|failed to attach volume|retrieving resource lock|config\.yaml|cni plugin|Unable to register|Eviction manager|SSH address|FAILED!|-kubeconfig\\" not found/;
/** What is known to wait. */
const waiting = /Cluster infrastructure is not ready yet|Bootstrap data secret reference|Node IPv4 changed/;

test.each(files)("%s: nor in any line by itself", (file) => {
	const lines = readFileSync(new URL(file, folder), "utf8").split("\n");
	const innocent = lines.filter((line) => !retried.test(line) && !waiting.test(line));
	const blamed = innocent.filter((line) => explainText(line).recognised.length > 0);
	expect(blamed).toEqual([]);
});

test("all of them, one after the other, are still innocent", () => {
	const all = files.map((file) => readFileSync(new URL(file, folder), "utf8")).join("\n");
	expect(explainText(all).recognised.map(({ signature }) => signature.id)).toEqual([]);
});
