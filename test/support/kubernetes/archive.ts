import { gunzipSync, inflateRawSync } from "node:zlib";

/** One member of a `.tgz`: blocks of 512 bytes, a header before each member's data (POSIX ustar). */
export function readTarMember(archive: Buffer, member: string): Buffer {
	const tar = gunzipSync(archive);
	for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
		const size = Number.parseInt(readText(tar, at + 124, 12), 8);
		const start = at + 512;
		if (readText(tar, at, 100) === member) {
			return tar.subarray(start, start + size);
		}

		at = start + Math.ceil(size / 512) * 512;
	}

	throw new Error(`there is no ${member} in the tarball`);
}

/** One member of a zip, found by the central directory at its end (PKWARE APPNOTE 4.3.12, 4.3.16). */
export function readZipMember(archive: Buffer, member: string): Buffer {
	const end = archive.lastIndexOf("PK\x05\x06", undefined, "latin1");
	if (end < 0) {
		throw new Error("this is no zip archive");
	}

	let at = archive.readUInt32LE(end + 16);
	for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
		const nameLength = archive.readUInt16LE(at + 28);
		if (archive.toString("utf8", at + 46, at + 46 + nameLength) === member) {
			return inflateMember(archive, at);
		}

		at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
	}

	throw new Error(`there is no ${member} in the zip archive`);
}

function inflateMember(archive: Buffer, entry: number): Buffer {
	const isStored = archive.readUInt16LE(entry + 10) === 0;
	const size = archive.readUInt32LE(entry + 20);
	const header = archive.readUInt32LE(entry + 42);
	// The local header's extra field may differ in length from the one in the directory.
	const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
	const data = archive.subarray(start, start + size);
	return isStored ? data : inflateRawSync(data);
}

const readText = (block: Buffer, start: number, length: number) =>
	block.toString("latin1", start, start + length).replace(/\0.*$/s, "");
