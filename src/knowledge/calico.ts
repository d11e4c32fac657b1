/** Calico and kube-proxy, where they decide about nodes' addresses. Read in their sources and release notes, 2026-11. */
export const calicoSince = {
	/** kubernetes-internal-ip takes the mask of the interface, and not /32: pull requests 6228 and 6234 of 2022-06. */
	internalIpMask: "3.24.0",
} as const;

export const kubernetesSince = {
	/** Mode ipvs of kube-proxy is deprecated and to be removed: KEP-5495. */
	ipvsDeprecated: "1.35.0",
	/** Mode nftables, which takes its place, is generally available: KEP-3866. */
	nftables: "1.33.0",
} as const;
