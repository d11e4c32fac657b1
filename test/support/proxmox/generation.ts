/** What of the server's behaviour depends on its release. A release is written as pve-manager's version: "9.2.11", "8.4.17", "7.4-19". */
export interface Generation {
	readonly version: string;
	readonly major: number;
	/** Every failed check answers "Authentication failed!" (pve-manager 9.1.5 and 8.4.17; commits 26c10a2e, d3973e63). */
	readonly hidesReasons: boolean;
	/** Error bodies repeat the reason (libpve-http-server-perl 5.2.0; commits 9a2112e, 9b59e1f). */
	readonly explainsInBody: boolean;
	/** Plain HTTP on the TLS port is redirected instead of cut (libpve-http-server-perl 4.2-1, bug #4494). */
	readonly redirectsPlainHttp: boolean;
	/** `GET /pools?poolid=` and nested pools (pve-manager 8.1; commit 4448f8d3). */
	readonly listsOnePool: boolean;
	/** A caller may name itself in `GET /access/permissions?userid=` (libpve-access-control 8.2.0). */
	readonly showsOwnPermissions: boolean;
}

type Version = readonly [major: number, minor: number, patch: number];

export function generationOf(text: string): Generation {
	const version = parseVersion(text);
	const [major, minor, patch] = version;
	return {
		// pve-manager became a native package, whose version has no revision after a hyphen, with release 8.
		version: major < 8 ? `${major}.${minor}-${patch}` : `${major}.${minor}.${patch}`,
		major,
		hidesReasons: isAtLeast(version, major === 8 ? [8, 4, 17] : [9, 1, 5]),
		explainsInBody: isAtLeast(version, [8, 3, 0]),
		redirectsPlainHttp: isAtLeast(version, [7, 4, 0]),
		listsOnePool: isAtLeast(version, [8, 1, 0]),
		showsOwnPermissions: isAtLeast(version, [8, 3, 0]),
	};
}

function parseVersion(text: string): Version {
	const match = /^(\d+)\.(\d+)[.-](\d+)$/.exec(text);
	if (match === null) {
		throw new Error(`'${text}' is not a pve-manager version such as 9.2.11 or 7.4-19`);
	}

	return [Number(match[1]), Number(match[2]), Number(match[3])];
}

function isAtLeast(version: Version, wanted: Version): boolean {
	const difference = version.map((part, index) => part - (wanted[index] ?? 0)).find((part) => part !== 0);
	return difference === undefined || difference > 0;
}
