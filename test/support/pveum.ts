import type { Proxmox } from "./proxmox/proxmox.ts";
import { rolesOf } from "./proxmox/roles.ts";
import type { Acl, Vm } from "./proxmox/state.ts";

/** Splits a line as a shell does: blanks divide, single quotes hold together. */
export function shellWords(line: string): string[] {
	return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ""));
}

const keyOf = ({ path, role, ...who }: Acl): string =>
	[path, role, ...["user", "group", "token"].map((kind) => new Map(Object.entries(who)).get(kind))].join(" ");

/** What follows `--name`, all others in order. */
function parseOptions(words: readonly string[]): { plain: string[]; options: Record<string, string> } {
	const plain: string[] = [];
	const options: Record<string, string> = {};
	for (let index = 0; index < words.length; index++) {
		const word = words[index]!;
		if (word.startsWith("--")) {
			index++;
			options[word.slice(2)] = words[index]!;
		} else {
			plain.push(word);
		}
	}

	return { plain, options };
}

/** Carries a command line of Proxmox VE out on the stand-in, and refuses what the real one refuses. */
export function applyCommand({ state }: Proxmox, major: number, argv: readonly string[]): void {
	const [program, ...words] = argv;
	const { plain, options } = parseOptions(words);
	const what = [program, ...(program === "ip" ? words : plain).slice(0, 2)].join(" ");
	switch (what) {
		case "pveum role add":
			addRole(plain[2]!, (options["privs"] ?? "").split(","));
			return;
		case "pveum acl modify":
			state.acls.push(...entries(plain[2]!));
			return;
		case "pveum acl delete": {
			const gone = entries(plain[2]!).map(keyOf);
			state.acls = state.acls.filter((acl) => !gone.includes(keyOf(acl)));
			return;
		}
		case "pveum pool add":
			state.pools = { ...state.pools, [plain[2]!]: {} };
			return;
		case "pveum user add":
			state.users[plain[2]!] = {};
			return;
		case "pveum user token":
			token();
			return;
		case "pvesh set /cluster/options":
			setOptions();
			return;
		case `qm template ${plain[1] ?? ""}`:
			changeVm(Number(plain[1]), { template: true, config: { ...vmOf(Number(plain[1]))?.config, template: 1 } });
			return;
		case `qm set ${plain[1] ?? ""}`:
			changeVm(Number(plain[1]), { tags: options["tags"]! });
			return;
		case `pvesm set ${plain[1] ?? ""}`:
			changeStorage(plain[1]!);
			return;
		case "pveum acl list":
		case "pveum user permissions":
		case "pvesm status":
		case "ip -brief link":
		case "capmox-doctor env":
		case `qm config ${plain[1] ?? ""}`:
		case `pvesh get ${plain[1] ?? ""}`:
			return;
		default:
			throw new Error(`the stand-in does not know ${what}`);
	}

	function vmOf(id: number): Vm | undefined {
		return state.vms.find(({ vmid }) => vmid === id);
	}

	function changeVm(id: number, change: Partial<Vm>): void {
		if (vmOf(id) === undefined) {
			throw new Error(`Configuration file 'nodes/pve1/qemu-server/${id}.conf' does not exist`);
		}

		state.vms = state.vms.map((vm) => (vm.vmid === id ? { ...vm, ...change } : vm));
	}

	function changeStorage(name: string): void {
		if (!state.storages.some(({ storage }) => storage === name)) {
			throw new Error(`storage '${name}' does not exist`);
		}

		const { content, nodes, disable } = options;
		state.storages = state.storages.map((storage) =>
			storage.storage === name
				? {
						...storage,
						...(content === undefined ? {} : { content }),
						...(nodes === undefined ? {} : { nodes: nodes.split(",") }),
						...(disable === undefined ? {} : { disabled: disable === "1" }),
					}
				: storage,
		);
	}

	function addRole(name: string, privileges: readonly string[]): void {
		const valid = rolesOf(major, {}).get("Administrator")!;
		const invalid = privileges.filter((privilege) => !valid.has(privilege));
		if (invalid.length > 0) {
			throw new Error(`400 Parameter verification failed. privs: invalid format - invalid privilege '${invalid[0]!}'`);
		}

		if (name in state.roles || name.startsWith("PVE")) {
			throw new Error(`role '${name}' already exists, or may not be named so`);
		}

		state.roles[name] = privileges;
	}

	function entries(path: string): Acl[] {
		return (options["roles"] ?? "").split(",").flatMap((role) => {
			if (role !== "Administrator" && !(role in state.roles)) {
				throw new Error(`role '${role}' does not exist`);
			}

			const rest = { path, role, ...(options["propagate"] === "0" ? { propagate: false } : {}) };
			return [
				...(options["users"] === undefined ? [] : [{ user: options["users"], ...rest }]),
				...(options["tokens"] === undefined ? [] : [{ token: options["tokens"], ...rest }]),
			];
		});
	}

	function token(): void {
		const [, , verb, user, id] = plain;
		const name = `${user!}!${id!}`;
		if (verb === "remove") {
			state.tokens = Object.fromEntries(Object.entries(state.tokens).filter(([each]) => each !== name));
			return;
		}

		state.tokens[name] = {
			secret: "11111111-1111-4111-8111-111111111111",
			...state.tokens[name],
			privsep: options["privsep"] === "1",
		};
	}

	function setOptions(): void {
		if (options["user-tag-access"] !== undefined) {
			state.datacenter["user-tag-access"] = { "user-allow": options["user-tag-access"].replace("user-allow=", "") };
		}

		if (options["registered-tags"] !== undefined || options["delete"] === "registered-tags") {
			state.datacenter["registered-tags"] = (options["registered-tags"] ?? "").split(";").filter((tag) => tag !== "");
		}
	}
}
