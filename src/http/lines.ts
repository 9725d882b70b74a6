import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The connections of a server. Node's own `closeIdleConnections` passes over those on which nothing was ever asked, and one such
 * is enough to keep a server from stopping.
 */
export function createLines(server: Server) {
  /** What is being answered on each line. */
  const lines = new Map<Socket, Set<IncomingMessage>>();
  /** Whether a line ends with the answers that it waits for, and whether there are new ones. */
  let isEnding = false;
  let isClosed = false;
  /** Given while somebody waits: to look at all lines after each answer would be too much. */
  let onQuiet: (() => void) | undefined;

  const isBusy = (asked: ReadonlySet<IncomingMessage>): boolean =>
    [...asked].some((request) => request.complete);
  const isQuiet = (): boolean => ![...lines.values()].some(isBusy);

  server.on('connection', (line) => {
    if (isClosed) {
      line.destroy();
      return;
    }
    lines.set(line, new Set());
    line.once('close', () => lines.delete(line));
  });
  // A WebSocket says goodbye by itself.
  server.on('upgrade', ({ socket: line }) => lines.delete(line));
  server.on('request', (request, answer) => {
    lines.get(request.socket)?.add(request);
    answer.on('close', finish);
  });

  // One for all answers: a closure for each would cost more than what it does.
  function finish(this: ServerResponse): void {
    const { req: request } = this;
    const { socket: line } = request;
    const asked = lines.get(line);
    asked?.delete(request);
    if (isEnding && asked?.size === 0) line.destroySoon();
    if (onQuiet !== undefined && isQuiet()) onQuiet();
  }

  function endIdle(): void {
    isEnding = true;
    for (const [line, asked] of lines) if (!isBusy(asked)) line.destroy();
  }

  return {
    /** Ends the lines on which no whole request waits for its answer, now and, for the others, when they have it. */
    endIdle,
    /** Resolves when no whole request waits for its answer. */
    quiet: (): Promise<void> =>
      isQuiet()
        ? Promise.resolve()
        : new Promise((resolve) => {
            onQuiet = resolve;
          }),
    /** The same as `endIdle`, and no new line is taken. */
    close(): void {
      isClosed = true;
      endIdle();
    },
    /** Ends all lines, whatever they wait for. */
    cut(): void {
      for (const line of lines.keys()) line.destroy();
    },
  };
}

export type Lines = ReturnType<typeof createLines>;
