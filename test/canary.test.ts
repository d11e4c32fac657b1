import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { directory } from "../checks/directory.ts";
import { tracesOf } from "./support/canary.ts";
import { createAuthority } from "./support/certificates.ts";
import { doctor } from "./support/doctor.ts";
import { findKubectl } from "./support/kubernetes/kubectl.ts";
import { type Kubernetes, startKubernetes } from "./support/kubernetes/server.ts";
import { type Proxmox, startProxmox } from "./support/proxmox/proxmox.ts";
import { goodToken } from "./support/proxmox/state.ts";

/** No output of any command holds one of these. Each is of a kind of its own, and none is a word. */
const canaries = {
	secret: "5e0c9f6a-71d3-4b8e-a2f4-0c6d9be81375",
	odd: 'Kx7+"/ä=&?%\\Wq9#Zt4vBn',
	urlPassword: "hT5nQ8wLx2Vc",
	proxyPassword: "Zm9Kf4RtY7uJp",
	bgpPassword: "Gd3Hs8LkQ1wEz",
	privateKey: "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE",
	githubToken: "ghp_9aB3cD7eF1gH5iJ2kL6mN0pQ4rS8tU",
	otherSecret: "wJalrXUtnFEMI7K1MDENGbPxRfiCYzk3",
	commented: "Pq4Rs7Tu1Vw8Xy3Z",
	kubeToken: "sha256~Yj6Nf2Ks9Dp4Lw7Qx1Zb",
	pluginToken: "Vx3Jd8Gm5Rc1Tn6B",
	clusterSecret: "Uo7Ih4Ey9Ra2Wi5K",
	commandLine: "Lc6Xo1Bv8Mn3Qz7P",
	registryPassword: "Ds9Fk2Hj5Ga8Lq4W",
	manifestSecret: "Nt1Pc7Vb4Zx9Mk6S",
} as const;

const folder = mkdtempSync(join(tmpdir(), "canary-"));
afterAll(() => {
	rmSync(folder, { recursive: true });
});

/** A folder with these files. */
function place(name: string, files: Readonly<Record<string, string>>): string {
	const home = join(folder, name);
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(home, path)), { recursive: true });
		writeFileSync(join(home, path), text);
	}

	return home;
}

interface Scene {
	readonly env: Readonly<Record<string, string>>;
	readonly cwd: string;
	/** For commands that look. */
	readonly options?: readonly string[];
}

const ids = directory.map(({ id }) => id);

/** Every command that says anything of a set-up, in every form; `run` says no more than `check` with all names. */
const lines: readonly (readonly string[])[] = [
	["check", ...ids, "-v"],
	["check", ...ids, "--format", "json"],
	["snapshot", "-o", "-", "--anonymize"],
	["env", "--for", "capmox"],
	["env", "--for", "image-builder"],
	["env", "--role"],
];

const formats = ["junit", "sarif", "github", "markdown", "html"] as const;

async function expectSilence({ env, cwd, options = [] }: Scene): Promise<readonly string[]> {
	const saved = join(cwd, "saved.yaml");
	const reportsOf = (name: string) => formats.map((format) => [format, join(cwd, `${name}.${format}`)] as const);
	const asked = (reports: ReturnType<typeof reportsOf>) =>
		reports.flatMap(([format, file]) => ["--report", `${format}=${file}`]);
	const [live, later] = [reportsOf("live"), reportsOf("later")];
	const summary = join(cwd, "summary.md");
	const outputs: string[] = [];
	const say = async (words: readonly string[]) => {
		const { stdout, stderr, exitCode } = await doctor(words, { env: { ...env, GITHUB_STEP_SUMMARY: summary }, cwd });
		expect([words.join(" "), tracesOf(stdout + stderr, canaries)]).toEqual([words.join(" "), []]);
		expect([words.join(" "), exitCode, stderr]).not.toEqual([words.join(" "), 70, stderr]);
		outputs.push(stdout + stderr);
	};
	await Promise.all([
		...lines.map(async (words) => {
			const takes = words[0] === "env" ? options.filter((option) => option.startsWith("--env-file")) : options;
			await say([...words, ...takes, ...(words.includes("-v") ? asked(live) : [])]);
		}),
		say(["snapshot", "-o", saved, ...options]),
	]);
	expect(tracesOf(readFileSync(saved, "utf8"), canaries)).toEqual([]);
	await Promise.all(
		[
			["run", "-v", "--from", saved, ...asked(later)],
			["diff", saved, saved, "-v"],
			["diff", saved, saved, "--format", "json"],
		].map(say),
	);
	for (const [format, file] of [...live, ...later, ["summary", summary] as const]) {
		expect([format, tracesOf(readFileSync(file, "utf8"), canaries)]).toEqual([format, []]);
	}

	return outputs;
}

test("the search finds a secret in each form, whole or cut", () => {
	const { odd } = canaries;
	const bytes = Buffer.from(`user:${odd}@host`);
	for (const text of [
		odd,
		odd.slice(3, 15),
		`x ${odd.slice(0, 12)}\n        ${odd.slice(12)}`,
		bytes.toString("base64"),
		Buffer.from(`u:${odd}`).toString("base64"),
		Buffer.from(`us:${odd}`).toString("base64url"),
		encodeURIComponent(odd),
		JSON.stringify({ odd }),
		Buffer.from(odd).toString("hex").toUpperCase(),
	]) {
		expect(tracesOf(text, canaries)).not.toEqual([]);
	}

	expect(tracesOf("nothing of the kind", canaries)).toEqual([]);
});

const envfile = (secret: string, port: number) =>
	[
		`export PROXMOX_URL='https://root:${canaries.urlPassword}@127.0.0.1:${port}/?x=${canaries.urlPassword}'`,
		`export PROXMOX_TOKEN='${goodToken.id}'`,
		`export PROXMOX_SECRET='${secret}' # formerly ${canaries.commented}`,
		`export HTTPS_PROXY=http://proxy:${canaries.proxyPassword}@proxy.example.com:3128`,
		`export NO_PROXY=http://u:${canaries.proxyPassword}@10.0.0.1`,
		`export METALLB_IPV4_BGP_SECRET=${canaries.bgpPassword}`,
		`export VM_SSH_KEYS="-----BEGIN OPENSSH PRIVATE KEY----- ${canaries.privateKey}"`,
		"export NODE_IP_RANGES=[10.0.0.5-10.0.0.50]",
		"export TEMPLATE_VMID=9000",
		"export BRIDGE=vmbr0",
		"export PROXMOX_SOURCENODE=pve1",
		`export ${canaries.commented} what is this`,
		`PASSWORD=${canaries.otherSecret} curl`,
		"export GATEWAY=$(pass show gateway",
		"",
	].join("\n");

const clusterctl = stringify({
	GITHUB_TOKEN: canaries.githubToken,
	providers: [{ name: "x", url: `https://u:${canaries.registryPassword}@registry.example.com/x.yaml` }],
	METALLB_IPV6_BGP_SECRET: canaries.bgpPassword,
});

describe("variables, and a server that echoes what it is sent", () => {
	let echo: ReturnType<typeof createServer>;
	let port = 0;
	beforeAll(async () => {
		const { certificate, key } = await (await createAuthority()).issue({ commonName: "pve", names: ["127.0.0.1"] });
		echo = createServer({ cert: certificate, key }, (request, response) => {
			const sent = request.headers.authorization;
			if (sent === undefined) {
				response.setHeader("Server", "pve-api-daemon/3.0");
				response.end('{"data":[{"realm":"pve","type":"pve"}]}');
				return;
			}

			const latin = sent.replace(/[^\x20-\x7E]/g, "");
			response.setHeader("Server", `pve-api-daemon/3.0 ${latin}`);
			response.setHeader("Location", `https://x/?a=${encodeURIComponent(sent)}&b=${Buffer.from(sent).toString("hex")}`);
			response.writeHead(401, `no such token ${latin} ${Buffer.from(sent).toString("base64")}`);
			response.end(`<title>${sent}</title> ${JSON.stringify(sent)} ${Buffer.from(sent).toString("base64url")}`);
		});
		await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
		const address = echo.address();
		port = typeof address === "object" && address !== null ? address.port : 0;
	});
	afterAll(() => {
		echo.close();
	});
	const others = {
		AWS_SECRET_ACCESS_KEY: canaries.otherSecret,
		DOCKER_HOST: `tcp://u:${canaries.registryPassword}@127.0.0.1:1`,
	};

	test.each(["secret", "odd"] as const)(
		"in files: %s",
		async (name) => {
			const cwd = place(`files-${name}`, {
				envfile: envfile(canaries[name], port),
				".cluster-api/clusterctl.yaml": clusterctl,
			});
			const outputs = await expectSilence({ cwd, env: { ...others, HOME: cwd } });
			expect(outputs.join("")).toContain("[secret]");
			expect(outputs.join("")).toContain("127.0.0.1");
		},
		90_000,
	);

	test.each([
		[
			"the secret is a part of the token",
			{ PROXMOX_TOKEN: `${goodToken.id}=${canaries.secret}`, PROXMOX_SECRET: goodToken.id },
		],
		[
			"the header was pasted",
			{ PROXMOX_TOKEN: `PVEAPIToken=${goodToken.id}=${canaries.odd}`, PROXMOX_SECRET: canaries.secret },
		],
		["image-builder's names", { PROXMOX_USERNAME: goodToken.id, PROXMOX_TOKEN: canaries.secret, PROXMOX_NODE: "pve1" }],
		[
			"in the wrong places",
			{
				PROXMOX_TOKEN: goodToken.id,
				PROXMOX_SECRET: canaries.secret,
				PROXMOX_INSECURE: canaries.secret,
				PROXMOX_NODE: canaries.secret,
				CLUSTER_NAME: canaries.secret,
				KIND_EXPERIMENTAL_PROVIDER: canaries.secret,
			},
		],
	])(
		"in the environment: %s",
		async (name, variables) => {
			const cwd = place(name, { empty: "" });
			const env = { PROXMOX_URL: `https://u:${canaries.urlPassword}@127.0.0.1:${port}`, ...others, ...variables };
			await expectSilence({ cwd, env });
		},
		90_000,
	);
});

describe("a management cluster", () => {
	let proxmox: Proxmox;
	let cluster: Kubernetes;
	let path: string;
	beforeAll(async () => {
		proxmox = await startProxmox({ delay: 0 });
		path = `${dirname(await findKubectl())}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
		const data = { secret: Buffer.from(canaries.clusterSecret).toString("base64") };
		cluster = await startKubernetes({
			serves: ["infrastructure.cluster.x-k8s.io/v1alpha1", "cluster.x-k8s.io/v1beta1"],
			objects: [
				{
					apiVersion: "v1",
					kind: "Secret",
					metadata: { name: "capmox-manager-credentials", namespace: "capmox-system" },
					data,
				},
				{
					apiVersion: "infrastructure.cluster.x-k8s.io/v1alpha1",
					kind: "ProxmoxMachineTemplate",
					metadata: { name: "worker", namespace: "default", annotations: { note: canaries.clusterSecret } },
					spec: {
						template: {
							spec: {
								sourceNode: "pve1",
								templateID: 9000,
								network: { default: { bridge: "vmbr0" } },
								password: canaries.clusterSecret,
							},
						},
					},
				},
				{
					apiVersion: "cluster.x-k8s.io/v1beta1",
					kind: "Machine",
					metadata: {
						name: "held",
						namespace: "default",
						uid: "0f9a3c52-7b1e-4d2a-8c41-111111111111",
						deletionTimestamp: "2026-08-20T08:00:00Z",
						finalizers: ["machine.cluster.x-k8s.io"],
						labels: { "cluster.x-k8s.io/cluster-name": "prod" },
						annotations: {
							"pre-drain.delete.hook.machine.cluster.x-k8s.io/other": `https://u:${canaries.registryPassword}@x/ --password=${canaries.commandLine}`,
						},
					},
					spec: { clusterName: "prod", bootstrap: {} },
					status: {
						phase: "Deleting",
						failureMessage: `Authorization: Bearer ${canaries.pluginToken}`,
						conditions: [
							{
								type: "InfrastructureReady",
								status: "False",
								reason: "DeletionFailed",
								message: `GET https://root:${canaries.urlPassword}@pve:8006: 401, sent PVEAPIToken=capmox@pve!capi=${canaries.clusterSecret}`,
								lastTransitionTime: "2026-08-20T08:00:00Z",
							},
						],
					},
				},
			],
			logs: { "capmox-system/capmox": `secret=${canaries.clusterSecret}` },
		});
	}, 60_000);
	afterAll(async () => {
		await cluster.close();
		await proxmox.close();
	});
	const env = () => ({
		PROXMOX_URL: proxmox.url,
		PROXMOX_TOKEN: goodToken.id,
		PROXMOX_SECRET: goodToken.secret,
		PATH: path,
		HOME: cluster.environment.HOME,
	});
	/** Of a user with a token, a client key and a password. */
	const kubeconfig = (name: string, server: string, user: unknown) =>
		join(
			place(name, {
				config: stringify({
					apiVersion: "v1",
					kind: "Config",
					"current-context": "m",
					clusters: [
						{
							name: "m",
							cluster: { server, "certificate-authority-data": Buffer.from(cluster.authority).toString("base64") },
						},
					],
					users: [{ name: "m", user }],
					contexts: [{ name: "m", context: { cluster: "m", user: "m" } }],
				}),
			}),
			"config",
		);

	test("its Secrets and what else it holds", async () => {
		const cwd = place("cluster", { empty: "" });
		const outputs = await expectSilence({ cwd, env: { ...env(), KUBECONFIG: cluster.kubeconfig } });
		expect(outputs.join("")).toContain("the management cluster");
		expect(outputs.join("")).toContain("PVEAPIToken=capmox@pve!capi=[secret]");
	}, 90_000);

	test("the credentials of its kubeconfig, echoed by the server", async () => {
		const undo = cluster.fail({ kind: "status", code: 403, message: `bearer ${canaries.kubeToken} may not do that` });
		const cwd = place("echo", { empty: "" });
		const KUBECONFIG = kubeconfig("echo-config", cluster.url, { token: canaries.kubeToken });
		await expectSilence({ cwd, env: { ...env(), KUBECONFIG } });
		undo();
	}, 90_000);

	test("what a credential plugin says, and a server's address with a password", async () => {
		const cwd = place("plugin", { empty: "" });
		const script = `echo 'ERROR: Unauthorized: refresh token ${canaries.pluginToken} expired; --password=${canaries.pluginToken}' >&2; exit 1`;
		const exec = {
			apiVersion: "client.authentication.k8s.io/v1beta1",
			interactiveMode: "Never",
			command: "sh",
			args: ["-c", script],
		};
		const KUBECONFIG = kubeconfig("plugin-config", cluster.url, { exec });
		await expectSilence({ cwd, env: { ...env(), KUBECONFIG } });
		const server = cluster.url.replace("https://", `https://u:${canaries.registryPassword}@`).replace(/:\d+$/, ":1");
		await expectSilence({
			cwd,
			env: { ...env(), KUBECONFIG: kubeconfig("url-config", server, { token: canaries.kubeToken }) },
		});
	}, 90_000);
});

test("a copied host: command lines, proxies, endpoints", async () => {
	const root = place("root", {
		"proc/cmdline": `ro systemd.unified_cgroup_hierarchy=1 cryptkey=${canaries.commandLine} rd.luks.key=${canaries.commandLine}\n`,
		"proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
		"proc/self/cgroup": "0::/user.slice\n",
		"proc/1/comm": "systemd\n",
		"etc/os-release": "ID=debian\nVERSION_ID=13\n",
		"etc/docker/daemon.json": JSON.stringify({ proxies: { "https-proxy": `http://p:${canaries.proxyPassword}@x:1` } }),
		"root/.docker/config.json": JSON.stringify({
			auths: { "registry.example.com": { auth: canaries.registryPassword } },
			proxies: {
				default: {
					httpsProxy: `http://p:${canaries.proxyPassword}@x:1`,
					noProxy: `localhost,http://p:${canaries.proxyPassword}@y`,
				},
			},
		}),
		"cmd/uname-r": "6.12.0\n",
		"cmd/stat-f-all": "/sys/fs/cgroup cgroup2fs 63677270\n",
		"cmd/docker-info.json": JSON.stringify({
			ServerVersion: "28.0.0",
			HttpProxy: `http://p:${canaries.proxyPassword}@x:1`,
			HttpsProxy: `http://p:${canaries.proxyPassword}@x:1`,
			NoProxy: `localhost,http://p:${canaries.proxyPassword}@y`,
			RegistryConfig: { Mirrors: [`https://u:${canaries.registryPassword}@mirror`] },
			Warnings: [`WARNING: pulled with https://u:${canaries.registryPassword}@mirror/v2`],
			CgroupVersion: "2",
			CgroupDriver: "systemd",
			KernelVersion: "6.12.0",
			OperatingSystem: "Debian",
			DockerRootDir: "/var/lib/docker",
			Driver: "overlay2",
			DefaultRuntime: "runc",
			Labels: [`secret=${canaries.commandLine}`],
			ClientInfo: { Version: "28.0.0", Context: "default" },
		}),
		"cmd/docker-context.json": JSON.stringify([
			{ Name: "default", Endpoints: { docker: { Host: `tcp://u:${canaries.registryPassword}@10.0.0.1:2376` } } },
		]),
		envfile: `export PROXMOX_TOKEN=${canaries.odd}\nexport HTTPS_PROXY=http://p:${canaries.proxyPassword}@x:1\n`,
	});
	const cwd = place("beside", { empty: "" });
	const outputs = await expectSilence({ cwd, env: {}, options: ["--root", root] });
	expect(outputs.join("")).toContain("28.0.0");
}, 90_000);

describe("a manifest, and what is wrong with it", () => {
	const secret = `apiVersion: v1\nkind: Secret\nmetadata: { name: x }\nstringData: { secret: ${canaries.manifestSecret} }\n`;
	const template = (extra: string) =>
		`apiVersion: infrastructure.cluster.x-k8s.io/v1alpha1\nkind: ProxmoxMachineTemplate\nmetadata: { name: w }\nspec:\n  template:\n    spec:\n      sourceNode: pve1\n      templateID: 9000\n${extra}`;
	test.each([
		["whole", `${secret}---\n${template("")}`],
		["broken", `${secret}---\n${template("")}  password: "${canaries.manifestSecret}\n: [\n`],
		["with a tag of its own", template(`      description: !secret ${canaries.manifestSecret}\n`)],
		["not rendered", template(`      description: \${PROXMOX_SECRET:=${canaries.manifestSecret}}\n`)],
		["of another shape", template(`      allowedNodes: ${canaries.manifestSecret}\n`)],
	])("%s", async (name, text) => {
		const cwd = place(`manifest ${name}`, { "cluster.yaml": text });
		for (const words of [["run"], ["check", "permissions"], ["snapshot", "-o", "-"], ["env", "--role"]]) {
			const { stdout, stderr } = await doctor([...words, "--manifest", "cluster.yaml"], {
				cwd,
				env: { PROXMOX_URL: "https://127.0.0.1:1" },
			});
			expect([words.join(" "), tracesOf(stdout + stderr, canaries)]).toEqual([words.join(" "), []]);
		}
	});
});

test("errors of usage, and the commands that look at nothing", async () => {
	const cwd = place("usage", {
		"bad.yaml": `schema: capmox-doctor/snapshot/v1\nhost: ${canaries.otherSecret}\n`,
		envfile: `export PROXMOX_SECRET=${canaries.secret}\n`,
	});
	for (const words of [
		["list", "--format", "json"],
		["list", "--findings"],
		["explain", "token"],
		["schema"],
		["--help"],
		["demo"],
		["run", "--from", "bad.yaml"],
		["run", "--env-file", "nowhere"],
		["run", "--root", "nowhere"],
		["check", "tokn"],
	]) {
		const { stdout, stderr } = await doctor(words, {
			cwd,
			env: { PROXMOX_SECRET: canaries.odd, PROXMOX_TOKEN: canaries.secret },
		});
		expect([words.join(" "), tracesOf(stdout + stderr, canaries)]).toEqual([words.join(" "), []]);
	}
});
