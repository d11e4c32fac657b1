/** Of `GET /nodes/{node}/qemu/{vmid}/config`: what a clone of the VM would touch. */
type Config = Readonly<Record<string, string>>;

const drive = /^(?:(?:ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0)$/;
const isDrive = ([key]: readonly [string, string]): boolean => drive.test(key);
const isCdrom = ([, value]: readonly [string, string]): boolean => value.split(",").includes("media=cdrom");

/** A clone asks for AllocateSpace for every drive but CD-ROMs, and for the storage of saved states (qemu-server, API2/Qemu.pm). */
export function storagesIn(config: Config): string[] {
	const drives = Object.entries(config).filter((entry) => isDrive(entry) && !isCdrom(entry));
	const found = drives.flatMap(([, value]) => storageIn(value) ?? []);
	const { vmstatestorage } = config;
	return [...new Set([...found, ...(vmstatestorage === undefined ? [] : [vmstatestorage])])];
}

/** Storages of every drive; for a clone to another node each of them must be shared, also a CD-ROM's (qemu-server, API2/Qemu.pm). */
export const drivesIn = (config: Config): string[] => [
	...new Set(
		Object.entries(config)
			.filter(isDrive)
			.flatMap(([, value]) => storageIn(value) ?? []),
	),
];

const storageIn = (drive: string): string | undefined => /^(?:file=)?([A-Za-z][A-Za-z0-9._-]*):/.exec(drive)?.[1];

export const hasPhysicalDrive = (config: Config): boolean =>
	Object.entries(config).some((entry) => isDrive(entry) && isCdrom(entry) && /^(?:file=)?cdrom(?:,|$)/.test(entry[1]));

export interface Device {
	readonly bridge: string;
	readonly tag?: number;
	readonly trunks: readonly number[];
}

export function devicesIn(config: Config): Device[] {
	return Object.entries(config).flatMap(([key, value]) => {
		const bridge = /(?:^|,)bridge=([^,]+)/.exec(value)?.[1];
		const tag = /(?:^|,)tag=(\d+)/.exec(value)?.[1];
		const trunks = /(?:^|,)trunks=([^,]+)/.exec(value)?.[1] ?? "";
		return !/^net\d+$/.test(key) || bridge === undefined
			? []
			: [{ bridge, ...(tag === undefined ? {} : { tag: Number(tag) }), trunks: parseTrunks(trunks) }];
	});
}

/** `2;10-12` → 2, 10, 11, 12. */
function parseTrunks(text: string): number[] {
	return text.split(";").flatMap((part) => {
		const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
		return first === undefined
			? []
			: Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, index) => Number(first) + index);
	});
}

export function mappingsIn(config: Config): { readonly name: string; readonly type: "pci" | "usb" }[] {
	return Object.entries(config).flatMap(([key, value]) => {
		const type = /^(hostpci|usb)\d+$/.exec(key)?.[1];
		const name = /(?:^|,)mapping=([^,]+)/.exec(value)?.[1];
		return type === undefined || name === undefined ? [] : [{ name, type: type === "usb" ? "usb" : "pci" }];
	});
}
