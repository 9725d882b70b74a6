import type { Socket } from 'node:net';

/** Destroys a connection. A reset also frees the send buffer of the operating system, but Node throws for TLS and Unix sockets. */
export function resetSocket(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
