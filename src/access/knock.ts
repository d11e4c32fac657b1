import { connect, isIP } from "node:net";
import { connect as connectOverTls } from "node:tls";

/** How far a connection comes: `tls`, whatever the certificate; `tcp`, and then no handshake; or the code of Node, or `TIMEOUT`. */
export type Knocked =
	| { readonly kind: "tls" }
	| { readonly kind: "tcp" }
	| { readonly kind: "none"; readonly code: string };

/** Opens a connection and closes it again; nothing is sent but the handshake. `timeout` in milliseconds, for both together. */
export function knock(host: string, port: number, timeout: number): Promise<Knocked> {
	return new Promise((resolve) => {
		let isOpen = false;
		const socket = connect({ host, port });
		const end = (knocked: Knocked) => {
			clearTimeout(timer);
			socket.destroy();
			resolve(knocked);
		};
		const fail = (code: string) => {
			end(isOpen ? { kind: "tcp" } : { kind: "none", code });
		};
		const timer = setTimeout(() => {
			fail("TIMEOUT");
		}, timeout);
		socket.once("error", (error: NodeJS.ErrnoException) => {
			fail(error.code ?? "UNKNOWN");
		});
		socket.once("connect", () => {
			isOpen = true;
			const secured = connectOverTls({
				socket,
				rejectUnauthorized: false,
				...(isIP(host) === 0 ? { servername: host } : {}),
			});
			secured.once("secureConnect", () => {
				end({ kind: "tls" });
			});
			secured.once("error", (error: NodeJS.ErrnoException) => {
				fail(error.code ?? "UNKNOWN");
			});
		});
	});
}
