import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { stringify } from "yaml";

/** A credential plugin, as kubectl runs it: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins */
export interface ExecPlugin {
	readonly command: string;
	readonly args?: readonly string[];
	readonly interactiveMode?: "Never" | "IfAvailable" | "Always";
	readonly installHint?: string;
}

/** Nothing at all is a user without credentials. */
export type User = { readonly token: string } | { readonly exec: ExecPlugin } | Record<string, never>;

/** Where a context leads, and as whom. */
export interface Access {
	readonly server: string;
	/** PEM; without it kubectl trusts what the system trusts. */
	readonly authority?: string | undefined;
	readonly user: User;
	readonly namespace?: string | undefined;
}

/** Writes a kubeconfig; `currentContext` may name a context that is not there, or be left out. */
export async function writeKubeconfig(
	file: string,
	contexts: Readonly<Record<string, Access>>,
	currentContext?: string,
): Promise<string> {
	const entries = Object.entries(contexts);
	const config = {
		apiVersion: "v1",
		kind: "Config",
		...(currentContext !== undefined && { "current-context": currentContext }),
		clusters: entries.map(([name, { server, authority }]) => ({
			name,
			cluster: {
				server,
				...(authority !== undefined && { "certificate-authority-data": Buffer.from(authority).toString("base64") }),
			},
		})),
		users: entries.map(([name, { user }]) => ({ name: `${name}-admin`, user: renderUser(user) })),
		contexts: entries.map(([name, { namespace }]) => ({
			name,
			context: { cluster: name, user: `${name}-admin`, ...(namespace !== undefined && { namespace }) },
		})),
	};
	await writeFile(file, stringify(config), { mode: 0o600 });
	return file;
}

/** Answers at once, as a logged-in cloud CLI does. */
export const workingPlugin = (token: string): ExecPlugin => ({
	command: "echo",
	args: [JSON.stringify({ apiVersion: execVersion, kind: "ExecCredential", status: { token } })],
});

/** Logged out, and not able to ask. */
export const failingPlugin: ExecPlugin = {
	command: "sh",
	args: ["-c", "echo 'ERROR: token expired, run: cloud login' >&2; exit 1"],
};

/** Waits for a person to sign in with a browser, for a minute. */
export const waitingPlugin: ExecPlugin = {
	command: "sh",
	args: [
		"-c",
		"echo 'To sign in, open https://login.example.com/device and enter the code ABCD-EFGH' >&2; exec sleep 60",
	],
};

export const missingPlugin: ExecPlugin = {
	command: "capmox-doctor-no-such-plugin",
	installHint: "Install the plugin with your package manager.",
};

/** `.invalid` never resolves (RFC 6761). */
export const unresolvableServer = "https://management.example.invalid:6443";

/** An address of this host that nobody listens on. */
export async function closedServer(): Promise<string> {
	const server = createServer();
	const port = await new Promise<number>((resolve) => {
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			resolve(typeof address === "object" && address !== null ? address.port : 0);
		});
	});
	await new Promise((resolve) => server.close(resolve));
	return `https://127.0.0.1:${port}`;
}

/** The oldest version that kubectl 1.34 still takes, and the newest that 1.20 knows. */
const execVersion = "client.authentication.k8s.io/v1beta1";

function renderUser(user: User): unknown {
	return "exec" in user ? { exec: { apiVersion: execVersion, interactiveMode: "IfAvailable", ...user.exec } } : user;
}
