import { execFile } from "node:child_process";
import { rememberNewest } from "./access/newest-release.ts";

/**
 * Asks the registry for the newest release, and keeps the answer for the next run. Left behind by that process, so it has
 * no terminal and nobody waits. npm is asked, because it knows the user's registry, proxy, certificates and login.
 */
execFile(
	"npm",
	["view", "capmox-doctor", "version", "--no-update-notifier"],
	// npm is a script on Windows.
	{ timeout: 60_000, shell: process.platform === "win32" },
	(error, stdout) => {
		if (error === null) {
			rememberNewest(stdout.trim(), process.env);
		}
	},
);
