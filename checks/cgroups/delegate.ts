import type { NonEmpty, Step } from "../../src/check.ts";
import type { System } from "./host.ts";
import { advise, asRoot, change, write } from "./steps.ts";

const folder = "/etc/systemd/system/user@.service.d";

/** Has systemd hand the controllers that kind asks for to users; those of a rootless engine are among them. */
export function delegateToUsers(system: System): NonEmpty<Step> {
	// systemd 244 was the first to hand on cpuset.
	const cpuset = (system.systemdVersion ?? 244) >= 244 ? " cpuset" : "";
	return [
		change(
			"Make the folder for the setting.",
			asRoot(system, "rmdir", folder),
			...asRoot(system, "mkdir", "-p", folder),
		),
		write(
			"Tell systemd to hand them on.",
			`[Service]\nDelegate=cpu${cpuset} io memory pids`,
			`${folder}/delegate.conf`,
		),
		change("Have systemd read it.", undefined, ...asRoot(system, "systemctl", "daemon-reload")),
		advise("Log out of all sessions of this user and in again, or reboot: a running user manager keeps what it has."),
	];
}
