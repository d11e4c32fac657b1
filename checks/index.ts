import type { Check } from "../src/check.ts";
import capiCompat from "./capi-compat.ts";
import cgroupNamed from "./cgroup-named.ts";
import cgroupSystemd from "./cgroup-systemd.ts";
import cgroupV2 from "./cgroup-v2.ts";
import envfile from "./envfile.ts";
import imagebuilderEnv from "./imagebuilder-env.ts";
import kindHost from "./kind-host.ts";
import permissions from "./permissions.ts";
import podman from "./podman.ts";
import token from "./token.ts";

/** Every check, in the order of the reports. */
export const checks: readonly Check[] = [
	envfile,
	imagebuilderEnv,
	cgroupV2,
	cgroupNamed,
	cgroupSystemd,
	podman,
	kindHost,
	token,
	permissions,
	capiCompat,
];
