import { describe, expect, test } from "vitest";
import type { Environment } from "../../src/access/environment.ts";
import { parseEnvironmentProxmox } from "../../src/facts/environment.ts";

const secret = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const shapesOf = (variables: Readonly<Record<string, string>>) => {
	const environment: Environment = {
		files: [],
		lookUp: (name) => (name in variables ? [{ value: variables[name] ?? "", origin: "the environment" }] : []),
	};
	return parseEnvironmentProxmox(environment);
};

describe("no fact keeps what may be a secret", () => {
	test.each([
		["PROXMOX_TOKEN", secret],
		["PROXMOX_TOKEN", `capmox@pve!${secret}`],
		["PROXMOX_TOKEN", `capmox@pve!${secret.slice(0, -1)}`],
		["PROXMOX_TOKEN", `capmox@pve!a${secret.replaceAll("-", "")}`],
		["PROXMOX_TOKEN", `capmox@pve!capi!${secret.slice(1)}`],
		["PROXMOX_TOKEN", "capmox@pve!capi,hunter2hunter2"],
		["PROXMOX_TOKEN", "capmox@pve!capi;hunter2hunter2"],
		["PROXMOX_TOKEN", "capmox@pve!capi=hunter2hunter2"],
		["PROXMOX_TOKEN", "hunter2hunter2"],
		["PROXMOX_SECRET", "hunter2hunter2"],
		["PROXMOX_INSECURE", secret],
		["PROXMOX_URL", "https://root:hunter2hunter2@pve:8006"],
		["PROXMOX_URL", "https://root:hunter2/hunter2@pve:8006"],
		["PROXMOX_URL", "https://root:hunter2#hunter2@pve:8006"],
		["PROXMOX_URL", "https://root:hunter2?hunter2@pve:8006"],
		["PROXMOX_URL", "https:/root:hunter2hunter2@pve:8006"],
		["PROXMOX_URL", "https://pve:8006/?password=hunter2hunter2"],
	])("%s=%s", (name, value) => {
		expect(JSON.stringify(shapesOf({ [name]: value }))).not.toMatch(/hunter2|5f0c3b1e|7d42|f0c3b1e/);
	});

	test("but a token ID is shown, and a user without one", () => {
		for (const id of ["capmox@pve!capi", "capmox@pve", String.raw`capmox@pve\!capi`, "capmox@pve!capmox@pve!capi"]) {
			expect(shapesOf({ PROXMOX_TOKEN: id }).token.id).toBe(id);
		}
	});
});

describe("a URL is read as Go reads it", () => {
	test.each([
		["https://pve.example.com:8006", false],
		["HTTPS://PVE.example.com:8006/", false],
		["pve.example.com:8006", false],
		["https://[::1]:8006", false],
		["https://münchen.example:8006", false],
		["https://10.0.0.1", false],
		["https://127.1:8006", true],
		["https://2130706433:8006", true],
		["https://0x7f.1:8006", true],
		["https://%31%32%37.0.0.1:8006", true],
		["https:/pve:8006", true],
		[String.raw`https:\\pve:8006`, true],
		["https:///pve:8006", true],
		["ftp://pve:8006", true],
		["https://pve:port", true],
	])("%s", (url, malformed) => {
		expect(shapesOf({ PROXMOX_URL: url }).url.malformed).toBe(malformed);
	});
});

describe("blanks as HTTP has them", () => {
	test.each([
		[secret, []],
		[`${secret} `, ["trailing-blank"]],
		[`${secret}\t`, ["trailing-blank"]],
		[`${secret}\u00A0`, ["inner-blank"]],
		[`${secret}\u000B`, ["inner-blank"]],
		[`${secret}\n`, ["line-break"]],
		[` ${secret}`, ["leading-blank"]],
		[`${secret.slice(0, 5)} ${secret.slice(5)}`, ["inner-blank"]],
		[`"${secret}"`, ["quotes"]],
	])("%j", (value, blemishes) => {
		expect(shapesOf({ PROXMOX_SECRET: value }).secret.blemishes).toEqual(blemishes);
	});
});

test("a blank in PROXMOX_INSECURE is a value for CAPMOX, and not true", () => {
	expect(shapesOf({ PROXMOX_INSECURE: " " }).insecure).toMatchObject({ presence: "set", text: "another text" });
	expect(shapesOf({ PROXMOX_INSECURE: "" }).insecure).not.toHaveProperty("text");
});
