import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { guarded } from '../support/guarded.ts';
import type { Log } from '../support/log.ts';

/**
 * The connections of a server. Node's own `closeIdleConnections` passes over those on which nothing was ever asked, and one such
 * is enough to keep a server from stopping.
 */
export function createLines(server: Server, log: Log) {
  /** What is being answered on each line. */
  const lines = new Map<Socket, Set<ServerResponse>>();
  /** Called once everything that was asked on the line before is answered. */
  const waiting = new Map<Socket, () => void>();
  /** Whether a line ends with the answers that it waits for, and whether there are new ones. */
  let isEnding = false;
  let isClosed = false;
  /** Given while somebody waits: to look at all lines after each answer would be too much. */
  let onQuiet: (() => void) | undefined;

  const isBusy = (asked: ReadonlySet<ServerResponse>): boolean =>
    [...asked].some(({ req }) => req.complete);
  const isQuiet = (): boolean => ![...lines.values()].some(isBusy);

  server.on(
    'connection',
    guarded({ log, name: 'connection' }, (line: Socket) => {
      if (isClosed) line.destroy();
      // A socket whose Upgrade is ignored comes a second time.
      if (isClosed || lines.has(line)) return;
      lines.set(line, new Set());
      line.once(
        'close',
        guarded({ log, name: 'connection close' }, () => {
          lines.delete(line);
          waiting.delete(line);
        }),
      );
    }),
  );
  server.on(
    'request',
    guarded(
      { log, name: 'request' },
      ({ socket: line }: IncomingMessage, answer: ServerResponse) => {
        lines.get(line)?.add(answer);
        answer.on('close', finish);
      },
    ),
  );

  const finished = guarded({ log, name: 'response close' }, (answer: ServerResponse) => {
    const { socket: line } = answer.req;
    const asked = lines.get(line);
    asked?.delete(answer);
    if (asked !== undefined && !isBusy(asked)) goOn(line, asked);
    if (onQuiet !== undefined && isQuiet()) onQuiet();
  });

  // One for all answers: a closure for each would cost more than what it does.
  function finish(this: ServerResponse): void {
    finished(this);
  }

  function goOn(line: Socket, asked: ReadonlySet<ServerResponse>): void {
    const task = waiting.get(line);
    waiting.delete(line);
    if (isEnding && asked.size === 0) line.destroySoon();
    else task?.();
  }

  function endIdle(): void {
    isEnding = true;
    for (const [line, asked] of lines) if (!isBusy(asked)) line.destroy();
  }

  const isLineBusy = (line: Socket): boolean => isBusy(lines.get(line) ?? new Set());

  return {
    /** Whether a whole request on the line waits for its answer. */
    isBusy: isLineBusy,
    /** Runs `task` when every whole request on the line is answered; at once if it is. */
    whenAnswered(line: Socket, task: () => void): void {
      if (isLineBusy(line)) waiting.set(line, task);
      else task();
    },
    /** Whether an answer on the line has begun, so that nothing else can be written to it. */
    isAnswering: (line: Socket): boolean =>
      [...(lines.get(line) ?? [])].some(({ headersSent }) => headersSent),
    /** Bytes of answers that wait for an earlier answer on the same line. */
    queuedBytes(line: Socket): number {
      let bytes = 0;
      for (const answer of lines.get(line) ?? []) {
        if (answer.socket === null) bytes += answer.writableLength;
      }
      return bytes;
    },
    /** Leaves a line alone from now on: a WebSocket says goodbye by itself. */
    release: (line: Socket): boolean => lines.delete(line),
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
