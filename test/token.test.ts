import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Authority, createAuthority } from "./support/certificates.ts";
import { type DoctorResult, doctor } from "./support/doctor.ts";
import { faults } from "./support/proxmox/faults.ts";
import { type Proxmox, type ProxmoxOptions, startProxmox } from "./support/proxmox/proxmox.ts";
import { goodToken, healthyState } from "./support/proxmox/state.ts";
import { parseReport } from "./support/report-schema.ts";

const { id, secret } = goodToken;
let authority: Authority;
let folder: string;
let ca: string;
beforeAll(async () => {
	authority = await createAuthority();
	folder = mkdtempSync(join(tmpdir(), "token-"));
	ca = join(folder, "pve-root-ca.pem");
	writeFileSync(ca, authority.certificate);
});
afterAll(() => {
	rmSync(folder, { recursive: true });
});

type Variables = Readonly<Record<string, string>>;

interface Look {
	readonly result: DoctorResult;
	readonly codes: readonly string[];
	readonly verdict: string;
	readonly proxmox: Proxmox;
}

/** Verification on and the CA known, unless the case is about that; a 401 is not withheld. */
async function look(
	options: ProxmoxOptions,
	variables: (proxmox: Proxmox) => Variables = () => ({}),
	words: readonly string[] = [],
): Promise<Look> {
	const proxmox = await startProxmox({ authority, delay: 0, ...options });
	try {
		const env = {
			PROXMOX_URL: proxmox.url,
			PROXMOX_TOKEN: id,
			PROXMOX_SECRET: secret,
			PROXMOX_INSECURE: "false",
			PROXMOX_ROOT_CERT_FILE: ca,
			...variables(proxmox),
		};
		const result = await doctor(["check", "token", "--format", "json", ...words], { env });
		const [check] = (await parseReport(result.stdout)).checks;
		const printed = `${result.stdout}${result.stderr}`;
		expect(printed).not.toMatch(/\n\s+at /);
		for (const value of [
			env.PROXMOX_SECRET.trim(),
			Buffer.from(env.PROXMOX_SECRET.trim()).toString("base64").slice(0, 40),
			encodeURIComponent(env.PROXMOX_SECRET.trim()),
		]) {
			expect(value.includes("@") ? "" : printed).not.toContain(value);
		}

		return {
			result,
			codes: check?.findings.map(({ code }) => code.replace("token/", "")) ?? [],
			verdict: check?.verdict ?? "none",
			proxmox,
		};
	} finally {
		await proxmox.close();
	}
}

const generations = ["9.2.11", "9.1.4", "8.4.17", "8.4.16", "7.4.19"] as const;
const isUnified = (generation: string) => generation === "9.2.11" || generation === "8.4.17";

describe.each(generations)("Proxmox VE with pve-manager %s", (generation) => {
	test.concurrent("a good token passes, with two requests, of which only the second carries it", async () => {
		const { verdict, result, proxmox } = await look({ generation });
		expect(verdict).toBe("pass");
		expect(result.exitCode).toBe(0);
		expect(result.stdout).toContain(`(Proxmox VE ${generation.startsWith("7") ? "7.4-19" : generation})`);
		expect(proxmox.requests.map(({ target }) => target)).toEqual(["/api2/json/access/domains", "/api2/json/version"]);
		expect(proxmox.connections).toBe(1);
	});

	const healthy = healthyState();
	const rows: readonly (readonly [string, ProxmoxOptions, Variables, string, string])[] = [
		[
			"the secret is another",
			{},
			{ PROXMOX_SECRET: "22222222-2222-4222-8222-222222222222" },
			"wrong-secret",
			"rejected",
		],
		["the token does not exist", {}, { PROXMOX_TOKEN: "capmox@pve!nope" }, "unknown-token", "rejected"],
		["the user does not exist", {}, { PROXMOX_TOKEN: "nobody@pve!capi" }, "unknown-user", "rejected"],
		["the realm does not exist", {}, { PROXMOX_TOKEN: "capmox@nope!capi" }, "unknown-realm", "unknown-realm"],
		[
			"the token has expired",
			{ tokens: { [id]: { secret, privsep: false, expire: 1_000 } } },
			{},
			"token-expired",
			"rejected",
		],
		[
			"the user is disabled",
			{ users: { ...healthy.users, "capmox@pve": { enabled: false } } },
			{},
			"user-disabled",
			"rejected",
		],
		[
			"the user has expired",
			{ users: { ...healthy.users, "capmox@pve": { expire: 1_000 } } },
			{},
			"user-expired",
			"rejected",
		],
		["there is no !", {}, { PROXMOX_TOKEN: "capmox@pve" }, "no-token-id", "no-token-id"],
		["there is no realm", {}, { PROXMOX_TOKEN: "capmox!capi" }, "no-realm", "no-realm"],
		["the token ID has one character", {}, { PROXMOX_TOKEN: "capmox@pve!c" }, "short-token-id", "short-token-id"],
		[
			"the backslash is left",
			{},
			{ PROXMOX_TOKEN: "capmox@pve\\!capi" },
			"escaped-exclamation-mark",
			"escaped-exclamation-mark",
		],
		["the user stands twice", {}, { PROXMOX_TOKEN: "capmox@pve!capmox@pve!capi" }, "user-twice", "user-twice"],
		["the header is pasted", {}, { PROXMOX_TOKEN: `PVEAPIToken=${id}` }, "header-pasted", "header-pasted"],
		["the secret is pasted behind", {}, { PROXMOX_TOKEN: `${id}=${secret}` }, "secret-appended", "secret-appended"],
		[
			"the secret is in upper case",
			{ tokens: { [id]: { secret: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", privsep: false } } },
			{ PROXMOX_SECRET: "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA" },
			"secret-not-uuid",
			"secret-not-uuid",
		],
		[
			"a character of the secret is missing",
			{},
			{ PROXMOX_SECRET: secret.slice(1) },
			"secret-not-uuid",
			"secret-not-uuid",
		],
		["the values are swapped", {}, { PROXMOX_TOKEN: secret, PROXMOX_SECRET: id }, "swapped", "swapped"],
		["pmxcfs is down", { pmxcfs: "down" }, {}, "access-control-unavailable", "access-control-unavailable"],
	];
	test.concurrent.each(rows)("%s", async (_, options, variables, old, unified) => {
		const { codes, verdict, result } = await look({ generation, ...options }, () => variables);
		expect([codes, verdict, result.exitCode]).toEqual([[isUnified(generation) ? unified : old], "fail", 1]);
	});

	test.concurrent("privilege separation without any privilege is no matter of the token", async () => {
		expect((await look({ generation, tokens: { [id]: { secret, privsep: true } } })).verdict).toBe("pass");
	});
});

type Row = [name: string, variables: Variables, verdict: string, codes: readonly string[], suffix?: string];

describe("values that work in spite of what they look like, and the other way round", () => {
	test.concurrent.each<Row>([
		["in quotes", { PROXMOX_TOKEN: `"${id}"`, PROXMOX_SECRET: `'${secret}'` }, "fail", ["quotes", "quotes"]],
		["a trailing blank", { PROXMOX_SECRET: `${secret} ` }, "warn", ["trailing-blank"]],
		["a trailing line break", { PROXMOX_SECRET: `${secret}\n` }, "fail", ["line-break"]],
		["a blank in front", { PROXMOX_SECRET: ` ${secret}` }, "fail", ["blanks"]],
		["a carriage return", { PROXMOX_TOKEN: `${id}\r` }, "fail", ["line-break"]],
		["%21 in place of !, which the server decodes", { PROXMOX_TOKEN: "capmox@pve%21capi" }, "pass", []],
		["a no-break space behind the secret", { PROXMOX_SECRET: `${secret}\u00A0` }, "fail", ["blanks"]],
		["a secret that is a word of ours", { PROXMOX_SECRET: "json" }, "fail", ["secret-not-uuid"]],
		["a trailing slash of the URL", {}, "pass", [], "/"],
		["/api2/json in the URL", {}, "fail", ["url-with-api-path"], "/api2/json"],
		["/api2/json/ in the URL", {}, "fail", ["url-with-api-path"], "/api2/json/"],
		["the web interface's address", {}, "fail", ["url-with-path"], "/#v1:0:18:4:::::::"],
		["a path that Proxmox VE does not have", {}, "fail", ["url-with-path"], "/version"],
		["an empty token", { PROXMOX_TOKEN: "" }, "fail", ["partly-set"]],
		["a secret that no header can carry", { PROXMOX_SECRET: "“smart”" }, "fail", ["secret-not-uuid"]],
		["True", { PROXMOX_INSECURE: "True" }, "warn", ["insecure-misspelt"]],
	])("%s", async (_, variables, verdict, codes, suffix = "") => {
		const seen = await look({}, (proxmox) => ({ PROXMOX_URL: `${proxmox.url}${suffix}`, ...variables }));
		expect([seen.verdict, seen.codes]).toEqual([verdict, codes]);
	});

	test.concurrent("no scheme", async () => {
		const seen = await look({}, ({ port }) => ({ PROXMOX_URL: `127.0.0.1:${port}` }));
		expect([seen.verdict, seen.codes]).toEqual(["fail", ["url-without-scheme"]]);
	});

	test.concurrent("http:// is redirected, and the token is never sent in the clear", async () => {
		const seen = await look({}, ({ port }) => ({ PROXMOX_URL: `http://127.0.0.1:${port}` }));
		expect([seen.verdict, seen.codes]).toEqual(["fail", ["url-plain-http"]]);
		expect(seen.proxmox.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
	});

	test.concurrent("a user and password in the URL reach no output", async () => {
		const seen = await look({}, ({ port }) => ({ PROXMOX_URL: `https://root:hunter2hunter2@127.0.0.1:${port}` }));
		expect([seen.verdict, seen.codes]).toEqual(["warn", ["url-with-userinfo"]]);
		expect(seen.result.stdout).not.toContain("hunter2");
	});
});

describe("certificates", () => {
	const strict = { PROXMOX_ROOT_CERT_FILE: "" };
	const careless = { PROXMOX_INSECURE: "", PROXMOX_ROOT_CERT_FILE: "" };
	const kinds = [
		["default", "untrusted-ca"],
		["full-chain", "untrusted-ca"],
		["self-signed", "self-signed"],
		["expired", "certificate-expired"],
	] as const;

	test.concurrent.each(kinds)("%s: where CAPMOX verifies, the token is not sent", async (certificate, code) => {
		const { codes, verdict, proxmox } = await look({ certificate }, () => strict);
		expect([codes, verdict, proxmox.requests.length]).toEqual([[code], "fail", 0]);
	});

	test.concurrent.each(kinds)("%s: where CAPMOX goes on, so does the check", async (certificate, code) => {
		const { codes, verdict } = await look({ certificate }, () => careless);
		expect([codes, verdict]).toEqual([[code], "warn"]);
	});

	test.concurrent("trouble with the certificate does not hide a wrong secret", async () => {
		const { codes, verdict } = await look({ generation: "9.1.4" }, () => ({
			...careless,
			PROXMOX_SECRET: "22222222-2222-4222-8222-222222222222",
		}));
		expect([codes, verdict]).toEqual([["wrong-secret", "untrusted-ca"], "fail"]);
	});

	test.concurrent("a name that is not in it: the names that are, are told", async () => {
		const { codes, verdict, result } = await look({ certificate: "wrong-name" });
		expect([codes, verdict]).toEqual([["name-not-in-certificate"], "fail"]);
		expect(result.stdout).toContain("pve.other");
	});

	test.concurrent("a root certificate without effect", async () => {
		expect((await look({}, () => ({ PROXMOX_INSECURE: "true" }))).codes).toEqual(["root-ca-without-effect"]);
	});

	test.concurrent.each([
		["is not there", join(tmpdir(), "no-such-ca.pem")],
		["is no certificate", "package.json"],
		["is a directory", tmpdir()],
	])("a root certificate that %s leaves the verdict unknown", async (_, file) => {
		const { verdict, result } = await look({}, () => ({
			PROXMOX_ROOT_CERT_FILE: file === "package.json" ? join(process.cwd(), file) : file,
		}));
		expect([verdict, result.exitCode]).toEqual(["unknown", 3]);
		expect(result.stdout).toContain("PROXMOX_ROOT_CERT_FILE (the environment): ");
	});
});

describe("other servers never see the token", () => {
	test.concurrent.each([
		["pbs", "other-proxmox-product", true],
		["login-proxy", "not-proxmox", true],
		["pmg", "other-proxmox-product", false],
	] as const)("%s", async (product, code, unseen) => {
		const { codes, verdict, proxmox } = await look({ product });
		expect([codes, verdict]).toEqual([[code], "fail"]);
		expect(proxmox.requests.some(({ authorization }) => authorization !== undefined)).toBe(!unseen);
	});
});

describe("faults never yield a pass", () => {
	test.concurrent.each([
		["hangBeforeTls", faults.hangBeforeTls(), "no-answer"],
		["refuseSource", faults.refuseSource(), "closed-before-tls"],
		["plainHttp", faults.plainHttp(), "plain-http-behind-https"],
		["hang", faults.hang(), "no-answer"],
		["slowDrip", faults.slowDrip(400), "no-answer"],
		["cutBeforeAnswer", faults.cutBeforeAnswer(), "answer-broken"],
		["cutInBody", faults.cutInBody(), "answer-broken"],
		["garbage", faults.garbage(), "answer-broken"],
		["garbageJson", faults.garbageJson(), "unexpected-answer"],
		["truncatedJson", faults.truncatedJson(), "unexpected-answer"],
		["htmlLogin", faults.htmlLogin(), "not-proxmox"],
		["redirect", faults.redirect(), "not-proxmox"],
		["badGateway", faults.badGateway(), "bad-gateway"],
		["serviceUnavailable", faults.serviceUnavailable(), "bad-gateway"],
		["hugeBody", faults.hugeBody(), "answer-broken"],
	] as const)("%s, of everything", async (_, fault, code) => {
		const { codes, verdict, result } = await look({ faults: { "*": fault } });
		expect([codes, verdict, result.exitCode]).toEqual([[code], "fail", 1]);
		expect(result.milliseconds).toBeLessThan(14_000);
	});

	test.concurrent.each([
		["hang", faults.hang(), "no-answer"],
		["cutInBody", faults.cutInBody(), "answer-broken"],
		["truncatedJson", faults.truncatedJson(), "unexpected-answer"],
		["htmlLogin", faults.htmlLogin(), "unexpected-answer"],
		["badGateway", faults.badGateway(), "bad-gateway"],
	] as const)("%s, only of the answer to the token", async (_, fault, code) => {
		const { codes, verdict } = await look({ faults: { "/version": fault } });
		expect([codes, verdict]).toEqual([[code], "fail"]);
	});

	test.concurrent("only of the open question: the token decides", async () => {
		const { codes, verdict } = await look({ faults: { "/access/domains": faults.truncatedJson() } });
		expect([codes, verdict]).toEqual([[], "pass"]);
	});
});

describe("connections", () => {
	const servers: Server[] = [];
	afterAll(() => {
		for (const server of servers) {
			server.close();
		}
	});

	async function closedPort(): Promise<number> {
		const server = createServer();
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const address = server.address();
		await new Promise((resolve) => server.close(resolve));
		return typeof address === "object" && address !== null ? address.port : 0;
	}

	const at = async (url: string) => {
		const result = await doctor(["check", "token", "--format", "json"], {
			env: { PROXMOX_URL: url, PROXMOX_TOKEN: id, PROXMOX_SECRET: secret },
		});
		return { result, codes: (await parseReport(result.stdout)).checks[0]?.findings.map(({ code }) => code) };
	};

	test.concurrent("nothing listens", async () => {
		expect((await at(`https://127.0.0.1:${await closedPort()}`)).codes).toEqual(["token/connection-refused"]);
	});

	test.concurrent("nothing listens on 443, and no port was given", async () => {
		expect((await at("https://127.0.0.1")).codes).toEqual(["token/url-without-port"]);
	});

	test.concurrent("the name does not exist", async () => {
		expect((await at("https://no-such-host.invalid:8006")).codes).toEqual(["token/unknown-host"]);
	});

	test.concurrent.each([
		"https://",
		"https://pve:port",
		"https://a b",
		"ftp://pve:8006",
		"https://[::1",
		"https://127.1:9",
		"https://%31%32%37.0.0.1:9",
		"https:/127.0.0.1:9",
	])("%s is no URL", async (url) => {
		expect((await at(url)).codes).toContain("token/url-malformed");
	});
});

test("a 401 that the server withholds for its three seconds is waited for", async () => {
	const { codes, result } = await look({ generation: "9.1.4", delay: 3 }, () => ({
		PROXMOX_SECRET: "22222222-2222-4222-8222-222222222222",
	}));
	expect(codes).toEqual(["wrong-secret"]);
	expect(result.stdout).toMatch(/after 3\.\d s/);
});

test("the clock of the server is compared", async () => {
	expect((await look({ clockSkew: 3_600 })).codes).toEqual(["clock-skew"]);
	expect((await look({ clockSkew: -60 })).codes).toEqual([]);
});

describe("values come from files", () => {
	const write = (name: string, text: string, mode = 0o600) => {
		const file = join(folder, name);
		writeFileSync(file, text, { mode });
		return file;
	};
	const from = async (file: string, env: Variables = {}) => {
		const result = await doctor(["check", "token", "--format", "json", "--env-file", file], { env });
		return (await parseReport(result.stdout)).checks[0];
	};

	test("an envfile, clusterctl's YAML, Windows line ends; others may not read it", async () => {
		const proxmox = await startProxmox({ authority });
		try {
			const rest = `PROXMOX_INSECURE=false\nPROXMOX_ROOT_CERT_FILE='${ca}'\n`;
			const shell = write(
				"envfile",
				`export PROXMOX_URL="${proxmox.url}"\nexport PROXMOX_TOKEN='${id}' # mine\nexport PROXMOX_SECRET=${secret}\n${rest}`,
			);
			expect((await from(shell))?.verdict).toBe("pass");
			const yaml = write(
				"clusterctl.yaml",
				`PROXMOX_URL: "${proxmox.url}"\nPROXMOX_TOKEN: '${id}'\nPROXMOX_SECRET: ${secret}\nPROXMOX_INSECURE: "false"\nPROXMOX_ROOT_CERT_FILE: ${ca}\n`,
			);
			expect((await from(yaml))?.verdict).toBe("pass");
			const windows = await from(
				write("windows", `PROXMOX_URL=${proxmox.url}\r\nPROXMOX_TOKEN=${id}\r\nPROXMOX_SECRET=${secret}\r\n${rest}`),
			);
			expect([windows?.verdict, windows?.findings.map(({ code }) => code)]).toEqual(["warn", ["token/file-misread"]]);
			const open = await from(
				write("open", `PROXMOX_URL=${proxmox.url}\nPROXMOX_TOKEN=${id}\nPROXMOX_SECRET=${secret}\n${rest}`, 0o644),
			);
			expect([open?.verdict, open?.findings.map(({ code }) => code)]).toEqual(["warn", ["token/readable-by-others"]]);
			const conflict = await from(shell, { PROXMOX_SECRET: "22222222-2222-4222-8222-222222222222" });
			expect(conflict?.findings.map(({ code }) => code)).toEqual(["token/rejected", "token/conflicting-values"]);
		} finally {
			await proxmox.close();
		}
	});
});
