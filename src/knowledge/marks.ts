/** A tag that CAPMOX gives the VMs that it makes: internal/service/vmservice/ip.go, and go-proxmox's own of its ISO. */
export const isOwnTag = (tag: string): boolean => /^(?:go-proxmox\+cloud-init|ip_net\d+_.+)$/.test(tag);
