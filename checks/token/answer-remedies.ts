import { advise, write, writeExample } from "../steps.ts";
import { type Access, changeOnNode, type Environment, namesOf, onNode, type TokenCode } from "./findings.ts";

type Step = ReturnType<typeof advise>;
type Steps = readonly [Step, ...Step[]];

export const nodeAddress = ({ url }: Environment): Step =>
	writeExample(
		"Give the address of a Proxmox VE node.",
		"export PROXMOX_URL='https://pve.example.com:8006'",
		url.origin,
	);

const readLog = onNode(
	"Read the reason in the log of the node that answered; it names user and token.",
	"journalctl",
	"-u",
	"pveproxy",
	"--since",
	"-1h",
	"--grep",
	"authentication failure",
);

/** What to do about each code. */
export function remedies(code: TokenCode, environment: Environment, access: Access): Steps {
	const { user, id } = namesOf(environment);
	const list = onNode("See which tokens the user has, and when they expire.", "pveum", "user", "token", "list", user);
	const users = onNode("See whether the user exists, is enabled, and when it expires.", "pveum", "user", "list");
	const keep = advise(
		"Then put the new secret into PROXMOX_SECRET here, and into the Secret capmox-manager-credentials of the management cluster.",
	);
	const create = (advice: string) =>
		changeOnNode(
			`pveum user token remove ${user} ${id}`,
			advice,
			"pveum",
			"user",
			"token",
			"add",
			user,
			id,
			"--privsep",
			"0",
		);
	const remove: Step = {
		...onNode(
			`Where the secret is lost, remove the token: a secret cannot be read again. Everything that uses ${user}!${id} must get the new one.`,
			"pveum",
			"user",
			"token",
			"remove",
			user,
			id,
		),
		risk: "destroys",
	};
	const renew: Steps = [remove, create("Create it again; the new secret is shown this once."), keep];
	switch (code) {
		case "wrong-secret":
			return [list, ...renew];
		case "unknown-token":
			return [list, create("Or create this one; its secret is shown this once."), keep];
		case "unknown-user":
			return [
				users,
				changeOnNode(`pveum user delete ${user}`, "Create the user, then its token.", "pveum", "user", "add", user),
				keep,
			];
		case "unknown-realm":
			return [
				onNode("See which realms there are.", "pveum", "realm", "list"),
				write(
					"Name the right one behind the @.",
					`export PROXMOX_TOKEN='${user.split("@")[0] ?? "capmox"}@${access.realms?.find(({ type }) => type === "pve")?.realm ?? "pve"}!${id}'`,
					environment.token.origin,
				),
			];
		case "token-expired":
			return [
				list,
				changeOnNode(
					"set the former time with --expire",
					"Let it live on; 0 means for ever.",
					"pveum",
					"user",
					"token",
					"modify",
					user,
					id,
					"--expire",
					"0",
				),
			];
		case "user-disabled":
			return [
				users,
				changeOnNode(
					`pveum user modify ${user} --enable 0`,
					"Enable the user.",
					"pveum",
					"user",
					"modify",
					user,
					"--enable",
					"1",
				),
			];
		case "user-expired":
			return [
				users,
				changeOnNode(
					"set the former time with --expire",
					"Let the user live on; 0 means for ever.",
					"pveum",
					"user",
					"modify",
					user,
					"--expire",
					"0",
				),
			];
		case "rejected":
			return [readLog, list, ...renew];
		case "token-malformed":
			return [
				readLog,
				write(
					"Write token ID and secret anew, each in single quotes.",
					`export PROXMOX_TOKEN='${user}!${id}'`,
					environment.token.origin,
				),
			];
		case "other-proxmox-product":
			return [nodeAddress(environment)];
		case "not-implemented":
			return [nodeAddress(environment), advise("Or let the reverse proxy pass /api2/json on as it is.")];
		case "no-ticket":
		case "forbidden":
		case "not-proxmox":
		case "bad-gateway":
			return [
				writeExample(
					"Go past the reverse proxy, straight to a node.",
					"export PROXMOX_URL='https://pve.example.com:8006'",
					environment.url.origin,
				),
				advise("Or let it pass the header Authorization and the path /api2/json untouched."),
			];
		case "node-unreachable":
			return [
				onNode(
					"See whether all services of the node run.",
					"systemctl",
					"status",
					"pvedaemon",
					"pveproxy",
					"pve-cluster",
				),
				onNode("See which nodes are online.", "pvecm", "status"),
			];
		case "access-control-unavailable":
			return [
				onNode("See why pve-cluster is down.", "journalctl", "-u", "pve-cluster", "--since", "-1h"),
				{ ...onNode("Start it.", "systemctl", "restart", "pve-cluster"), risk: "changes" },
			];
		default:
			return [
				onNode(
					"Read the log of the API's server.",
					"journalctl",
					"-u",
					"pveproxy",
					"-u",
					"pvedaemon",
					"--since",
					"-1h",
				),
			];
	}
}
