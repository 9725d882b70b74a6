import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The connections of a server. Node's own `closeIdleConnections` passes over those on which nothing was ever asked, and one such
 * is enough to keep a server from stopping.
 */
export function createLines(server: Server) {
  const asked = new Map<Socket, number>();
  let isClosing = false;
  server.on('connection', (line) => {
    asked.set(line, 0);
    line.once('close', () => asked.delete(line));
  });
  server.on('request', ({ socket: line }, answer) => {
    asked.set(line, (asked.get(line) ?? 0) + 1);
    answer.once('close', () => {
      const left = (asked.get(line) ?? 1) - 1;
      asked.set(line, left);
      if (isClosing && left === 0) line.destroySoon();
    });
  });
  return {
    /** Ends the lines on which nobody waits for an answer, now and, for the others, when they have it. */
    close(): void {
      isClosing = true;
      for (const [line, waiting] of asked) if (waiting === 0) line.destroy();
    },
  };
}
