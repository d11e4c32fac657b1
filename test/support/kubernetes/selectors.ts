import { isRecord, type KubernetesObject } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { badRequest } from "./status.ts";

type Predicate = (object: KubernetesObject) => boolean;

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
export function parseLabelSelector(selector: string): Predicate {
	const requirements = splitOutsideParentheses(selector).map(parseRequirement);
	return ({ metadata: { labels = {} } }) => requirements.every((matches) => matches(labels));
}

/** Custom resources can be selected by name and namespace only; a built-in one here by any field. */
export function parseFieldSelector(selector: string, { custom }: Resource): Predicate {
	const requirements = selector
		.split(",")
		.filter((part) => part !== "")
		.map((part) => {
			const [, field = "", operator, value = ""] = /^([^=!]+)(!=|==?)(.*)$/.exec(part) ?? [];
			if (operator === undefined) {
				throw badRequest(`invalid selector: '${selector}'; can't understand '${part}'`);
			}

			if (custom && field !== "metadata.name" && field !== "metadata.namespace") {
				throw badRequest(`field label not supported: ${field}`);
			}

			return (object: KubernetesObject) => (readField(object, field) === value) === (operator !== "!=");
		});
	return (object) => requirements.every((matches) => matches(object));
}

function readField(object: KubernetesObject, field: string): string {
	let value: unknown = object;
	for (const key of field.split(".")) {
		value = isRecord(value) ? value[key] : undefined;
	}

	return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function parseRequirement(text: string): (labels: Readonly<Record<string, string>>) => boolean {
	const [, negated, key = "", operator = "", value = ""] =
		/^(!?)\s*([\w./-]+)\s*(?:(!=|==?|in\b|notin\b)\s*(.*))?$/.exec(text.trim()) ?? [];
	const isSet = /^\(.*\)$/.test(value);
	if (key === "" || (operator.endsWith("in") && !isSet) || (negated === "!" && operator !== "")) {
		throw badRequest(`unable to parse requirement: found '${text.trim()}'`);
	}

	const values = isSet ? value.slice(1, -1).split(",") : [value];
	const accepted = new Set(values.map((one) => one.trim()));
	return (labels) => {
		const label = labels[key];
		switch (operator) {
			case "":
				return (label === undefined) === (negated === "!");
			case "!=":
			case "notin":
				return label === undefined || !accepted.has(label);
			default:
				return label !== undefined && accepted.has(label);
		}
	};
}

function splitOutsideParentheses(selector: string): readonly string[] {
	return selector.split(/,(?![^(]*\))/).filter((part) => part.trim() !== "");
}
