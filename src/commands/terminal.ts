import type { FailOn } from "../diagnose.ts";

/** Where a command writes; main.ts builds it from the process. */
export interface Terminal {
	readonly version: string;
	/** Columns for prose. */
	readonly columns: number;
	readonly colour: boolean;
	/** Someone reads stdout on a screen. */
	readonly interactive: boolean;
	/** Someone can be asked: they see stdout, and type into stdin. */
	readonly canAsk: boolean;
	/** Someone watches stderr, so progress is welcome. */
	readonly watched: boolean;
	/** Where GitHub Actions collects what a step has to say; absent elsewhere. */
	readonly stepSummary?: string | undefined;
	out(text: string): void;
	err(text: string): void;
	/** What is said from here on may be lost: something is under way that must not break off half-way. */
	goOn(): void;
}

export const formats = ["human", "json"] as const;
export const reportFormats = ["human", "json", "junit", "sarif", "github", "markdown", "html"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** `--report FORMAT[=FILE]`; without a file it goes to the standard output. */
export interface ReportTarget {
	readonly format: ReportFormat;
	readonly file?: string;
}

export const failOnLevels = ["error", "warning", "never"] as const satisfies readonly FailOn[];

/** The options that every command takes. */
export interface GlobalOptions {
	readonly envFile?: string;
	readonly kubeconfig?: string;
	readonly context?: string;
	readonly namespace?: string;
	readonly workload?: string;
	readonly workloadKubeconfig?: string;
	readonly workloadContext?: string;
	/** A folder that stands in for `/`; only `run` and `check` take it. */
	readonly root?: string;
	/** Of `run`, `check` and `env`. */
	readonly manifest?: string;
	/** A table of versions in place of the built-in one. */
	readonly knowledge?: string;
	/** Milliseconds for the whole run. */
	readonly timeout: number;
	readonly format: (typeof formats)[number];
	/** Of `run` and `check`. */
	readonly report?: readonly ReportTarget[];
	readonly failOn: FailOn;
	readonly verbose: boolean;
	readonly quiet: boolean;
}
