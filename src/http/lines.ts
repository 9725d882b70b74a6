import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The connections of a server. Node's own `closeIdleConnections` passes over those on which nothing was ever asked, and one such
 * is enough to keep a server from stopping.
 */
export function createLines(server: Server) {
  /** What is being answered on each line. */
  const lines = new Map<Socket, Set<IncomingMessage>>();
  let isClosing = false;
  server.on('connection', (line) => {
    if (isClosing) {
      line.destroy();
      return;
    }
    lines.set(line, new Set());
    line.once('close', () => lines.delete(line));
  });
  // A WebSocket says goodbye by itself.
  server.on('upgrade', ({ socket: line }) => lines.delete(line));
  server.on('request', (request, answer) => {
    const { socket: line } = request;
    const asked = lines.get(line);
    asked?.add(request);
    answer.once('close', () => {
      asked?.delete(request);
      if (isClosing && asked?.size === 0) line.destroySoon();
    });
  });
  return {
    /** Ends the lines on which no whole request waits for its answer, now and, for the others, when they have it. */
    close(): void {
      isClosing = true;
      for (const [line, asked] of lines) {
        if (![...asked].some((request) => request.complete)) line.destroy();
      }
    },
  };
}
