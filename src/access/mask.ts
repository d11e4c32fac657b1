const hidden = "[secret]";
/** Shorter values would blot out ordinary words. */
const shortest = 4;
/** A regular expression has its limits; what is longer is sought as it stands. */
const longest = 1_000;

/**
 * Replaces every secret in a text, in any encoding it travels in: plain, base64, hexadecimal, URL-encoded, JSON- and HTML-escaped.
 * Servers echo what they were sent: an old Proxmox VE puts a wrongly pasted secret into its reason phrase.
 */
export function createMask(secrets: readonly string[]): (text: string) => string {
	const forms = secrets
		.flatMap((secret) => [secret, secret.trim()])
		.filter((secret) => secret.length >= shortest)
		.flatMap((secret) => [
			secret,
			encodeURIComponent(secret),
			JSON.stringify(secret).slice(1, -1),
			...htmlForms(secret),
			...base64Cores(secret),
			Buffer.from(secret).toString("hex"),
		]);
	const unique = [...new Set(forms)].sort((a, b) => b.length - a.length);
	const long = unique.filter((form) => form.length > longest);
	const others = unique.filter((form) => form.length <= longest);
	const maskLong = (text: string) => long.reduce((rest, form) => rest.replaceAll(form, hidden), text);
	if (others.length === 0) {
		return maskLong;
	}

	const pattern = new RegExp(others.map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "gi");
	return (text) => maskLong(text).replace(pattern, hidden);
}

/** As login pages and error pages show a text: quotes as names, as decimal or as hexadecimal numbers, or as they are. */
function htmlForms(secret: string): string[] {
	const bare = secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
	const quotes = [
		["&quot;", "&#39;"],
		["&quot;", "&#x27;"],
		["&#34;", "&#39;"],
		["&quot;", "&apos;"],
	] as const;
	return [bare, ...quotes.map(([double, single]) => bare.replaceAll('"', double).replaceAll("'", single))];
}

/** The part of its base64 that does not depend on what stands before or after the secret, for each of the three alignments. */
function base64Cores(secret: string): string[] {
	const bytes = Buffer.from(secret);
	return [0, 1, 2].flatMap((offset) => {
		const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
			.toString("base64")
			.replace(/=+$/, "");
		const core = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
		return core.length >= 8 ? [core, core.replaceAll("+", "-").replaceAll("/", "_")] : [];
	});
}

/** Users and passwords in URLs, of whatever program: a proxy's, a registry's. A user alone, as for SSH, stays. */
export const withoutPasswords = (text: string): string =>
	!text.includes("@") ? text : text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']*:[^\s/?#"']*@/gi, `$1${hidden}@`);
