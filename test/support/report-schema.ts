import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Report } from "../../src/report/schema.ts";
import { doctor } from "./doctor.ts";

let validate: ValidateFunction | undefined;

/** Parses what `--format json` printed, after it passed the schema that `capmox-doctor schema` prints. */
export async function parseReport(stdout: string): Promise<Report> {
	validate ??= new Ajv2020({ strict: true, allErrors: true }).compile(
		JSON.parse((await doctor(["schema"])).stdout) as object,
	);
	const value: unknown = JSON.parse(stdout);
	if (!validate(value)) {
		throw new Error(`the report breaks its schema: ${JSON.stringify(validate.errors)}`);
	}

	return value as Report;
}
