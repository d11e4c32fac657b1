import { found } from "../../src/check.ts";
import { advise, write } from "../steps.ts";
import type { Access, Environment, TokenFinding } from "./findings.ts";

/** PROXMOX_URL by itself, and by what the server made of it. */
export function judgeUrl({ url }: Environment, access: Access | undefined): TokenFinding[] {
	if (url.presence !== "set") {
		return [];
	}

	const saw = { from: `PROXMOX_URL (${url.origin ?? "the environment"})`, saw: url.text ?? "" };
	const { scheme = "https", host = "pve.example.com", port, path = "" } = url;
	const right = (withPort = port ?? 8006) => `export PROXMOX_URL='https://${host}:${withPort}'`;
	const isWeb = scheme === "http" || scheme === "https";
	if (url.malformed || !isWeb) {
		return [
			found(
				"url-malformed",
				"PROXMOX_URL cannot be read as a URL.",
				{ ...saw, expected: "https://HOST:8006" },
				write("Write the URL anew.", right(), url.origin),
			),
		];
	}

	const results: TokenFinding[] = [];
	if (url.scheme === undefined) {
		results.push(
			found(
				"url-without-scheme",
				`PROXMOX_URL has no scheme. CAPMOX takes it for a path and fails with "unsupported protocol scheme" or "first path segment in URL cannot contain colon".`,
				{ ...saw, expected: `https://${url.text ?? ""}` },
				write("Put https:// in front.", right(), url.origin),
			),
		);
	}

	if (scheme === "http") {
		results.push(plainHttp(access, saw, write("Write https.", right(), url.origin)));
	}

	if (/\/api2(?:\/|$)/.test(path)) {
		results.push(
			found(
				"url-with-api-path",
				"CAPMOX appends /api2/json itself, so that it asks for /api2/json/api2/json/version: a good token gets 501 Not implemented, a bad one gets 401 like any other.",
				{ ...saw, expected: `https://${host}:${port ?? 8006}` },
				write("Take /api2/json off. Image-builder wants it there; keep two files.", right(), url.origin),
			),
		);
	} else if (/[?#]/.test(path)) {
		results.push(
			found(
				"url-with-path",
				"PROXMOX_URL was copied from the browser: what follows ? or # is the web interface's, and hides the API path that CAPMOX appends.",
				{ ...saw, expected: `https://${host}:${port ?? 8006}` },
				write("Keep scheme, host and port.", right(), url.origin),
			),
		);
	} else if (path !== "" && isNoPathOfProxmox(access)) {
		results.push(
			found(
				"url-with-path",
				`Proxmox VE itself answers there, and has no API below ${path}. CAPMOX appends /api2/json to all of PROXMOX_URL.`,
				{ ...saw, expected: `https://${host}:${port ?? 8006}` },
				write("Keep scheme, host and port.", right(), url.origin),
			),
		);
	}

	if (url.userinfo) {
		results.push(
			found(
				"url-with-userinfo",
				"PROXMOX_URL holds a user or password before the @. Proxmox VE does not use them, and URLs end up in logs.",
				{ ...saw, expected: `https://${host}:${port ?? 8006}` },
				write("Take out everything between // and @.", right(), url.origin),
			),
		);
	}

	return [...results, ...withoutPort(port, access, saw, write("Add the port.", right(8006), url.origin))];
}

/** pve-http-server, AnyEvent.pm: what does not begin with /api2 is a file, and this one it does not have. */
export const isNoPathOfProxmox = (access: Access | undefined): boolean =>
	access?.authenticated.kind === "answered" && access.authenticated.reason.startsWith("no such file");

interface Saw {
	readonly from: string;
	readonly saw: string;
}
type Step = ReturnType<typeof write>;

/** Proxmox VE answers 301 there; a reverse proxy may pass plain HTTP on, which works and shows the token to the network. */
function plainHttp(access: Access | undefined, saw: Saw, step: Step): TokenFinding {
	const works = access?.authenticated.kind === "answered" && access.authenticated.status === 200;
	const answer = access?.open.kind === "answered" ? `${access.open.status} ${access.open.reason}` : "no usable answer";
	return {
		...found(
			"url-plain-http",
			works
				? "PROXMOX_URL begins with http://. A reverse proxy takes it, and anyone on the way can read the token."
				: "PROXMOX_URL begins with http://. Proxmox VE answers that with a redirect, on which HTTP clients drop the token.",
			{ ...saw, saw: `${saw.saw} → ${answer}`, expected: "https://" },
			step,
		),
		...(works ? { severity: "warning" as const } : {}),
	};
}

/** pveproxy listens on 8006 only (pve-manager, PVE/Service/pveproxy.pm). */
function withoutPort(port: number | undefined, access: Access | undefined, saw: Saw, step: Step): TokenFinding[] {
	const open = access?.open;
	const nobody = open?.kind === "failed" && open.stage === "tcp";
	const somebodyElse =
		open?.kind === "answered" &&
		access?.authenticated.kind === "not-sent" &&
		access.realms === undefined &&
		open.server?.startsWith("pve-api-daemon") !== true;
	if (port !== undefined || !(nobody || somebodyElse)) {
		return [];
	}

	return [
		found(
			"url-without-port",
			`PROXMOX_URL has no port, so 443 is asked, and ${nobody ? "nothing answers there" : "something else answers there"}. Proxmox VE listens on 8006; CAPMOX does not add it.`,
			{ ...saw, expected: "https://HOST:8006" },
			step,
			advise("Where a reverse proxy is meant to serve 443, it is down or wrongly configured."),
		),
	];
}
