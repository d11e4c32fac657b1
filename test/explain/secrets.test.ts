import fc from "fast-check";
import { expect, test } from "vitest";
import { maskShapes } from "../../src/explain/secrets.ts";

const uuid = "5f0c3b1e-7d42-4a55-9c1a-2f6be8d01a37";
const key = "0123456789abcdef".repeat(4);

test.each([
	["a header", `Authorization: PVEAPIToken=capmox@pve!capi=${uuid}`, uuid],
	["a token ID with its secret", `401 no such user ('capmox@pve!capi=${uuid}')`, uuid],
	["a variable", `export PROXMOX_SECRET="${uuid}"`, uuid],
	["a variable that is no UUID", "PROXMOX_SECRET='hunter-2-and-more'", "hunter-2-and-more"],
	["image-builder's variable", `PROXMOX_TOKEN=${uuid}`, uuid],
	["a UUID by itself", `the server said ${uuid.toUpperCase()}`, uuid.toUpperCase()],
	["JSON", `{"user":"x","password":"open sesame"}`, "sesame"],
	["JSON with a secret", `{"token_secret": "${uuid}"}`, uuid],
	["a value with a quote in it", `{"password":"open"sesame 1","user":"x"}`, "sesame"],
	["a flag of another program", "run --proxmox-secret open-sesame-1 --x", "sesame"],
	["a short name", "PM_PASS=open-sesame", "sesame"],
	["a sentence", `the password is "open sesame"`, "sesame"],
	["a bearer token", "Authorization: Bearer abc.def-ghi_jkl012345", "abc.def-ghi"],
	[
		"a token of a service account",
		"token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl",
		"eyJpc3MiOiJrdWJlIn0",
	],
	["a join token", "kubeadm join 10.0.0.9:6443 --token abcdef.0123456789abcdef --x", "0123456789abcdef"],
	["a join token by itself", "token abcdef.0123456789abcdef was made", "0123456789abcdef"],
	["a certificate key", `--certificate-key ${key}`, key],
	["a certificate key in YAML", `certificateKey: ${key}`, key],
	["a password in a URL", "https://root:s3cr3t@pve:8006/", "s3cr3t"],
	["a ticket", "PVEAuthCookie=PVE:root@pam:66AB1234::c2lnbmF0dXJlc2lnbmF0dXJl", "c2lnbmF0dXJlc2lnbmF0dXJl"],
	["a token of GitHub", "GITHUB_TOKEN=ghp_0123456789abcdefghij0123456789abcdefghij", "ghp_0123456789"],
	[
		"a key",
		"-----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXk= -----END OPENSSH PRIVATE KEY-----",
		"b3BlbnNzaC1rZXk",
	],
	["a kubeconfig", `client-key-data: ${"QUJD".repeat(60)}`, "QUJDQUJD"],
])("hides %s", (_, line, secret) => {
	expect(maskShapes(line)).not.toContain(secret);
	expect(maskShapes(line)).toContain("[secret]");
});

test.each([
	`providerID="proxmox://${uuid}"`,
	`reconcileID="${uuid}"`,
	`--discovery-token-ca-cert-hash sha256:${key}`,
	`kindest/node@sha256:${key}`,
	'failed to get credentials secret: secrets "prod-creds" not found',
	'E0801 10:00:00.123456 1 controller.go:329] "Reconciler error" controllerGroup="infrastructure.cluster.x-k8s.io"',
	"https://pve.example.com:8006/api2/json/version",
	"error retrieving bootstrap data: secret `value` key is missing",
	"invalid token value!",
	'{"password":"","user":"x"}',
	"tests: pass: 120 fail: 0",
	"the password is wrong",
])("leaves what is none: %s", (line) => {
	expect(maskShapes(line)).toBe(line);
});

test("takes its time by the length of the line only", () => {
	for (const piece of [
		"token=",
		"a",
		"PVEAPIToken=x",
		"password: ",
		"://a:",
		uuid.slice(0, 30),
		"secret_",
		"-----BEGIN PRIVATE KEY-----",
	]) {
		const started = performance.now();
		maskShapes(piece.repeat(Math.ceil(50_000 / piece.length)));
		expect(performance.now() - started).toBeLessThan(1_500);
	}
});

test("a secret in a known shape survives nowhere", () => {
	fc.assert(
		fc.property(fc.uuid(), fc.string(), fc.string(), (secret, one, two) => {
			fc.pre(!one.includes(secret) && !two.includes(secret));
			expect(maskShapes(`${one} PROXMOX_SECRET=${secret} ${two}`)).not.toContain(secret);
		}),
	);
});
