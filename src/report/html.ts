import type { Step } from "../check.ts";
import { type Judgement, type ReportedFinding, shownAs } from "../diagnose.ts";
import {
	adviceOf,
	byGroup,
	countsOf,
	escapeMarkup,
	isAccepted,
	remarksOf,
	standingLines,
	titleOf,
	typed,
	undoLine,
	unseen,
} from "./plain.ts";
import type { Run } from "./report.ts";

/** One page that stands by itself: no script, nothing loaded, light or dark as the reader's system is. */
export function renderHtml(run: Run): string {
	const broken = run.judgements.filter(({ verdict }) => verdict.kind === "problem" || unseen(verdict) !== undefined);
	const others = run.judgements.filter((judgement) => !broken.includes(judgement));
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>capmox-doctor: ${escapeMarkup(countsOf(run))}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>capmox-doctor</h1>
<p>${escapeMarkup(countsOf(run))} · version ${escapeMarkup(run.version)} · ${(run.milliseconds / 1_000).toFixed(1)} s · exit ${run.exitCode}</p>${remarksOf(
		run,
	)
		.map((remark) => `\n<p><strong>${escapeMarkup(remark)}</strong></p>`)
		.join("")}
</header>
<main>
${byGroup(broken)
	.map(([group, judgements]) => `<h2>${escapeMarkup(titleOf(group, run))}</h2>\n${judgements.map(article).join("\n")}`)
	.join("\n")}
${others.length === 0 ? "" : `<h2>Fine, or not applicable</h2>\n<ul class="others">\n${others.map(row).join("\n")}\n</ul>`}
</main>
</body>
</html>
`;
}

const article = ({ check, verdict }: Judgement): string => {
	const shown = shownAs(verdict);
	const reason = unseen(verdict);
	return `<article class="${shown}">
<h3><span class="verdict">${isAccepted(verdict) ? "accepted" : shown}</span> ${escapeMarkup(check.title)} <code>${escapeMarkup(check.id)}</code></h3>
${verdict.kind === "problem" ? verdict.findings.map(section).join("\n") : ""}${reason === undefined ? "" : `<p>Could not look: ${escapeMarkup(reason)}</p>`}
</article>`;
};

const section = (finding: ReportedFinding): string => {
	const { code, severity, confidence, summary, evidence, remedy, knownFrom } = finding;
	return `<section>
<p><strong>${escapeMarkup(summary)}</strong></p>${standingLines(finding)
		.map((line) => `\n<p>${escapeMarkup(line)}</p>`)
		.join("")}
${knownFrom === undefined ? `<ol>\n${remedy.map(item).join("\n")}\n</ol>\n` : ""}<details><summary>${severity}${confidence === "likely" ? " (likely)" : ""} · <code>${escapeMarkup(code)}</code> · what was seen</summary>
<dl>
${evidence
	.map(
		({ from, saw, expected, lines = [] }) =>
			`<dt>${escapeMarkup(from)}</dt><dd>${escapeMarkup(saw)}${lines.length === 0 ? "" : pre(lines.join("\n"))}${expected === undefined ? "" : `<br>expected: ${escapeMarkup(expected)}`}</dd>`,
	)
	.join("\n")}
</dl>
</details>
</section>`;
};

const item = (step: Step): string =>
	`<li>${escapeMarkup(adviceOf(step))}${typed(step).map(pre).join("")}${undoOf(step)}</li>`;

const undoOf = ({ undo }: Step): string =>
	undo === undefined
		? ""
		: typeof undo === "string"
			? `<p>To undo: ${escapeMarkup(undo)}</p>`
			: `<p>To undo:</p>${pre(undoLine(undo))}`;

const pre = (line: string): string => `<pre><code>${escapeMarkup(line)}</code></pre>`;

const row = ({ check, verdict }: Judgement): string =>
	`<li class="${shownAs(verdict)}"><span class="verdict">${shownAs(verdict)}</span> ${escapeMarkup(check.title)} <code>${escapeMarkup(check.id)}</code>${
		verdict.kind === "pass" || verdict.kind === "skip"
			? `<br><small>${escapeMarkup(verdict.kind === "pass" ? verdict.summary : verdict.reason)}</small>`
			: ""
	}</li>`;

const style = `
:root { font: 16px/1.5 system-ui, sans-serif; --line: #8884; --fail: #b3261e; --warn: #8a5a00; --unknown: #7b3fa0; --pass: #1a7f37; --skip: #666; }
@media (prefers-color-scheme: dark) { :root { --fail: #ff8a80; --warn: #f2c14e; --unknown: #d6a2f5; --pass: #6fdd8b; --skip: #aaa; } }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
article { border: 1px solid var(--line); border-left: 4px solid var(--tone); border-radius: 4px; padding: 0 1rem; margin: 1rem 0; }
section + section { border-top: 1px solid var(--line); }
.fail { --tone: var(--fail); } .warn { --tone: var(--warn); } .unknown { --tone: var(--unknown); } .pass { --tone: var(--pass); } .skip { --tone: var(--skip); }
.verdict { color: var(--tone); font-weight: 700; }
.others { list-style: none; padding: 0; }
pre { overflow-x: auto; padding: .5rem; background: #8882; border-radius: 4px; }
dd { margin: 0 0 .5rem 1rem; overflow-wrap: anywhere; }
h3 code, summary code, li code { font-size: .85em; opacity: .8; }
`;
