/** pve-access-control, Auth/Plugin.pm: the names a user, a realm and a token may have. */
const user = /[^\s:/]+/.source;
const realm = /[A-Za-z][A-Za-z0-9.\-_]+/.source;
const userId = new RegExp(`^${user}@${realm}$`);
const tokenId = new RegExp(`^(${user}@${realm})!(${realm})$`);

export function isUserId(text: string): boolean {
	return userId.test(text);
}

/** The owner and the name of a token, as AccessControl.pm split_tokenid finds them: the last `@…!…` that fits. */
export function splitTokenId(text: string): { owner: string; name: string } | undefined {
	const [, owner, name] = tokenId.exec(text) ?? [];
	return owner === undefined || name === undefined ? undefined : { owner, name };
}
