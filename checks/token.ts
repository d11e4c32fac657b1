import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { isAccepted, judgeAnswer, unexpectedAnswer } from "./token/answer.ts";
import { judgeCertificate } from "./token/certificate.ts";
import { consequencesOf, judgeVariables, nothingSet, notSet } from "./token/configuration.ts";
import { judgeConnection } from "./token/connection.ts";
import { findings, type TokenFinding } from "./token/findings.ts";
import { judgeSurroundings } from "./token/surroundings.ts";
import { isNoPathOfProxmox, judgeUrl } from "./token/url.ts";
import { judgeSecretShape } from "./token/values.ts";

export default defineCheck({
	id: "token",
	title: "Proxmox accepts the API token",
	group: "proxmox",
	documented: "troubleshooting#api-token",
	needs: ["environment.proxmox"],
	uses: ["proxmox.access"],
	findings,
	diagnose({ "environment.proxmox": environment, "proxmox.access": access }) {
		if (nothingSet(environment)) {
			return notApplicable("no PROXMOX_URL, PROXMOX_TOKEN or PROXMOX_SECRET is set anywhere", notSet(environment));
		}

		const variables = judgeVariables(environment, access);
		const url = judgeUrl(environment, access);
		if (access === undefined) {
			return problems([...variables, ...url, ...judgeSurroundings(environment, access)], () =>
				notApplicable("the Proxmox VE API was not asked"),
			);
		}

		const portExplains = url.some(({ code }) => code === "url-without-port");
		const pathExplains = isNoPathOfProxmox(access) && url.some(({ code }) => code === "url-with-path");
		const redirectExplains =
			access.open.kind === "answered" &&
			access.open.location !== undefined &&
			url.some(({ code }) => code === "url-plain-http");
		const shape = judgeSecretShape(environment, access);
		const faults: TokenFinding[] = [
			...variables,
			...url,
			...(portExplains ? [] : judgeConnection(environment, access)),
			...judgeCertificate(environment, access),
			...shape,
			...(portExplains || pathExplains || redirectExplains
				? []
				: judgeAnswer(environment, access, consequencesOf([...variables, ...shape]))),
		];
		const seen = [...faults, ...judgeSurroundings(environment, access)];
		const isBroken = faults.some((finding) => (finding.severity ?? findings[finding.code].severity) === "error");
		return problems(isBroken || isAccepted(access) ? seen : [unexpectedAnswer(access), ...seen], () =>
			healthy(
				`${access.url} (Proxmox VE ${access.version?.version ?? ""}) accepts ${environment.token.id ?? "the token"}.`,
			),
		);
	},
});
