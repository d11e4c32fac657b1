import { defineCheck, healthy, notApplicable, problems } from "../src/check.ts";
import { conventionOf } from "./imagebuilder-env/convention.ts";
import { findings } from "./imagebuilder-env/findings.ts";
import { judgeCapmox, judgeImageBuilder, judgeSwapped, notSet } from "./imagebuilder-env/judge.ts";

export default defineCheck({
	id: "imagebuilder-env",
	title: "Image Builder and CAPMOX each get their own names",
	group: "config",
	documented: "troubleshooting#imagebuilder-environment-variables",
	needs: ["environment.proxmox", "environment.imagebuilder"],
	findings,
	diagnose({ "environment.proxmox": proxmox, "environment.imagebuilder": builder }) {
		const others = Object.keys(builder.variables);
		switch (conventionOf(proxmox)) {
			case "none":
				return notApplicable(
					"neither PROXMOX_TOKEN nor PROXMOX_USERNAME is set, so nobody's names are used",
					notSet(proxmox),
				);
			case "swapped":
				return { kind: "problem", findings: [judgeSwapped(proxmox)] };
			case "capmox":
				return problems(judgeCapmox(proxmox), () =>
					healthy(
						`PROXMOX_TOKEN holds a token ID: these are CAPMOX's names. For image-builder, write another file: capmox-doctor env --for image-builder --output FILE.`,
					),
				);
			case "image-builder":
				return problems(judgeImageBuilder(proxmox, builder), () =>
					healthy(
						`PROXMOX_TOKEN holds a secret and PROXMOX_USERNAME the token ID: these are image-builder's names, with ${others.join(", ")}. For CAPMOX, write another file: capmox-doctor env --for capmox --output FILE.`,
					),
				);
			case "unclear":
				return notApplicable(
					"PROXMOX_TOKEN is neither a token ID nor a secret, so it does not show whose names these are; the token check says what is wrong with it",
				);
		}
	},
});
