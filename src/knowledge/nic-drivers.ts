/** The models that CAPMOX offers, and the driver that takes each in the guest (QEMU's devices; drivers/net of Linux). */
export const driverOf = {
	virtio: "virtio_net",
	e1000: "e1000",
	rtl8139: "8139cp",
	vmxnet3: "vmxnet3",
} as const;
export type Model = keyof typeof driverOf;

export const isModel = (text: string): text is Model => text in driverOf;

/** 8139cp leaves the older chips of this model to 8139too. */
export const modelOf = (driver: string): Model | undefined => {
	switch (driver) {
		case "virtio_net":
			return "virtio";
		case "e1000":
		case "vmxnet3":
			return driver;
		case "8139cp":
		case "8139too":
			return "rtl8139";
		default:
			return undefined;
	}
};

/** How a kernel comes to virtio_net; the drivers of the other models are modules on both. */
export type Loading = "virtio-built-in" | "all-modules";

/** Looked up in each distribution's kernel configuration (CONFIG_VIRTIO_NET); both orders were recorded in virtual machines. 2026-11. */
export const systems: Readonly<Record<Loading, string>> = {
	"virtio-built-in": "where virtio_net is part of the kernel, as on Ubuntu",
	"all-modules": "where every driver is a module, as on Debian 12",
};

export interface Placed {
	readonly name: string;
	readonly driver: string;
}

/** Devices in the order in which their interfaces appear. Not `certain` where modules are loaded side by side. */
export interface Order<Device extends Placed> {
	readonly devices: readonly Device[];
	readonly certain: boolean;
}

/**
 * Each driver takes all of its devices at once, in the order of their slots; which driver comes first is the question.
 * What is built in is there before any module. udev asks for modules slot by slot, and loads several at a time.
 */
export function orderOf<Device extends Placed>(bySlot: readonly Device[], loading: Loading): Order<Device> {
	const drivers = [...new Set(bySlot.map(({ driver }) => driver))];
	const early: readonly string[] =
		loading === "virtio-built-in" ? drivers.filter((driver) => driver === driverOf.virtio) : [];
	const late = drivers.filter((driver) => !early.includes(driver));
	return {
		devices: [...early, ...late].flatMap((driver) => bySlot.filter((device) => device.driver === driver)),
		certain: late.length < 2,
	};
}
