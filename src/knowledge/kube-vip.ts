/**
 * kube-vip's releases, where they decide whether the control plane's address comes up. Read in kube-vip's source and
 * issues, 2026-11; no release was run here.
 */
export const kubeVipSince = {
	/** It looks at the default routes of IPv6, too: pull request 722, 3d559ba, pkg/vip/util.go. */
	ipv6Routes: "0.7.0",
	/** The release that CAPMOX's troubleshooting document names for the same. */
	ipv6RoutesDocumented: "0.7.2",
	/** `vip_cidr` is not read any more; `vip_subnet` took its place. */
	withoutCidr: "0.9.0",
	/** `vip_address` without `vip_subnet` ends it: cmd/kube-vip.go, "checking subnet exists if vip_address defined". */
	addressNeedsSubnet: "1.0.0",
} as const;

/** kubeadm init gives admin.conf its rights only later: kube-vip#684. */
export const superAdminSince = "1.29.0";

/** The newest before the regressions of 1.2; it has everything above. */
export const kubeVipTarget = "v1.1.2";

export interface BrokenRelease {
	/** First and last release that has it. */
	readonly from: string;
	readonly to: string;
	readonly severity: "error" | "warning";
	/** Only where kube-vip serves Services, too. */
	readonly servicesOnly: boolean;
	/** What happens, as the end of a sentence that begins with the release. */
	readonly what: string;
	/** The release that mends it; absent: none is known. */
	readonly fixed?: string;
	readonly source: string;
}

export const brokenReleases: readonly BrokenRelease[] = [
	{
		from: "1.2.2",
		to: "1.2.2",
		severity: "error",
		servicesOnly: false,
		what: "asks the API server by the very address that it has to bring up. On the first start, and after all control-plane nodes were off, it waits for itself for ever",
		fixed: "1.2.3",
		source: "https://github.com/kube-vip/kube-vip/issues/1654",
	},
	{
		from: "1.2.0",
		to: "1.2.3",
		severity: "warning",
		servicesOnly: true,
		what: "goes on running in silence once it has lost the lead for Services, so that their addresses stay away",
		source: "https://github.com/kube-vip/kube-vip/issues/1747",
	},
	{
		from: "1.0.1",
		to: "1.0.3",
		severity: "warning",
		servicesOnly: false,
		what: "was reported to stop electing a leader, and the control plane's address is lost then",
		fixed: "1.0.4",
		source: "https://github.com/kube-vip/kube-vip/issues/1377",
	},
];
