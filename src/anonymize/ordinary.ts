const english = `
a about after all also an and another any are as at away be because been before below behind between but by can cannot
could did do does done down each either else ends every for from had has have here how if in into is it its itself just
last left like line lines made makes many may me more most must my neither never new next no none nor not nothing now of
off old on once one only or other others our out over own part read ready reads said same saw says see seen set should
since so some still such than that the their them then there these they this those through to told too two under until up
us use used user users uses usual was way we were what when where whether which while who whole whose why will with within
without would yes yet you your first second third zero three four five six true false
`;

/** Of networks, files and programs. */
const technical = `
access account address addresses admin administrator agent alias allowed answer answers api app application apps arm arpa
auth authentication authority bash bin block boot bridge bridges broken bus ca cache card cd certificate certificates cgroup
cgroups ci cidr client clock cluster clusters cn cname com command commands conf config configuration connect connection
container containers control controller controllers core cpu cpuacct cpuset custom daemon data database datacenter datastore
debian dc de default demo desktop dev development device devices dir directory disabled disk disks dns docker domain
drive eno ens env envfile environment error errors eth etc expired fail failed failure fedora file files firewall flavor
folder forbidden found free freezer fs gateway get git global go group groups guest guests guest-agent head home host hosts
hostname html http https hugetlb id image imagebuilder images info init insecure install installed instance interface
internal internet invalid io ip ips iso issuer job journal json kernel key keys kind known kube kubeconfig lab lan layer lib
library limit linux list listed loc local localdomain localhost localnetwork log login logs loop lvm lxc mac machine machines mail main manage
managed management manager manifest mapped mapping master memory message metal mgmt misc mnt mode module modules mount
mounted name named names namespace namespaces net netcls network networks nfs node nodes ntp null object objects open opt
option org origin os ou output owner pam password path paths pci perfevent permission permissions phys physical pids
plane plugin pod pods policy pool pools port ports post prefix primary private privilege proc process prod production
profile project provider proxy public put range ranges rbd rdma realm reason refused registry release remote request reset
resource resources response role roles root rootful rootless route router run runtime sbin scope script sdn secondary secret
secrets secure self serial server servers service services session setup shared shell single slice snap snippets sock socket
source src srv ssd ssh ssl stable staging start state static status stop storage storages sub subnet svc swap sys system
tag tags talosctl tcp temp template templates test tests thin throttle timeout tls tmp token tokens tool tools type ubuntu udp
uid unified unix unknown unnamed unreachable unused url usb username userinfo usr value var variable variables version video
virtual virtualization vlan vm vms vnet volume volumes volume vpn web with windows wlan work worker workers workload world
alpha beta rc sha bootstrap infrastructure addon controlplane webhook webhooks validate validating validation mutate mutating
mutation convert configuration ingress operator routes replica replicas upid schedule vip plndr lock clonespec cali vxlan
cls prio perf event limits share common gnome terminal application wrong www yaml yml zone zones zfs cloud openrc elogind named lxcfs mullvad split tunnel splittunnel
`;

/** Products and their words. */
const products = `
alpine apiserver arch backup calico capi capiprovider capmox capmoxsystem capmoxmanagercredentials cdrom ceph cephfs cilium cifs cluster clusterctl
cni colima containerd coredns cri crio crun environment etcd flannel flatcar glusterfs image-builder ipam iscsi
kubelet kubeadm kubectl kubernetes lxd manager metallb minikube moby nerdctl nginx orbstack packer pbs pdm pmg podman proxmox
proxmoxcluster proxmoxmachinetemplate pve pveproxy pvedaemon pvesh pvesm pveum qemu qm rke runc scsi sata ide virtio snapd
swarm systemd talos traefik vmbr docker0 br cnipodman virbr bond veth tailscale wg tun tap lxcbr enp ens eno wl wlp lo
deployment endpointslices machinedeployment machineset machinepool machinehealthcheck kubeadmconfig kubeadmconfigtemplate
kubeadmcontrolplane proxmoxmachine inclusterippool globalinclusterippool ipaddress ipaddressclaim clusterclass v1beta v1alpha ionos ghcr
datastore dir btrfs lvmthin zfspool nfs proxmoxve ve k3s k8s x86 kmsg http2 apiv2 api2 ipv4 ipv6 net0 net1 cgroup2
`;

/** Words that stand everywhere and so identify nobody; as a part of a name they stay. */
export const ordinaryWords: ReadonlySet<string> = new Set(
	`${english} ${technical} ${products}`.split(/\s+/).filter((word) => word !== ""),
);
