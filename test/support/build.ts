import { execFileSync } from "node:child_process";

/** Tests drive the bundle that ships, so it is rebuilt before every run. */
export default function setup(): void {
	execFileSync(process.execPath, ["esbuild.config.js"], { stdio: "inherit" });
}
