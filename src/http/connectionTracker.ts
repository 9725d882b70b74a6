import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';

/**
 * The connections of a server, whichever of its addresses they came to: Node counts those of each listener separately. Node's own
 * `closeIdleConnections` passes over those on which nothing was ever asked, and one such is enough to keep a server from stopping.
 */
export function createConnectionTracker(server: Server, log: Log) {
  /** All open connections, those of WebSockets included. */
  const openConnections = new Set<Socket>();
  const furtherListeners = new Set<NetServer>();
  const closedWaiters = new Set<() => void>();
  /** What is being answered on each line. */
  const requestsByConnection = new Map<Socket, Set<ServerResponse>>();
  /** Called once everything that was asked on the line before is answered. */
  const waiting = new Map<Socket, () => void>();
  /** Whether a line ends with the answers that it waits for, and whether there are new ones. */
  let isEnding = false;
  let isClosed = false;
  /** Given while somebody waits: to look at all lines after each answer would be too much. */
  let onIdle: (() => void) | undefined;

  const isBusy = (requests: ReadonlySet<ServerResponse>): boolean =>
    [...requests].some(({ req }) => req.complete);
  const isIdle = (): boolean => ![...requestsByConnection.values()].some(isBusy);

  server.on(
    'connection',
    guarded({ log, name: 'connection' }, (connection: Socket) => {
      // A socket whose Upgrade is ignored comes a second time.
      const isKnown = openConnections.has(connection);
      const isExcess = !isKnown && openConnections.size >= server.maxConnections;
      if (isClosed || isExcess) connection.destroy();
      if (isClosed || isExcess || isKnown) return;
      openConnections.add(connection);
      // Node removes its own listener from the socket of an Upgrade or a CONNECT, and an error without a listener ends the process.
      connection.on('error', () => connection.destroy());
      requestsByConnection.set(connection, new Set());
      connection.once(
        'close',
        guarded({ log, name: 'connection close' }, () => {
          openConnections.delete(connection);
          requestsByConnection.delete(connection);
          waiting.delete(connection);
          if (openConnections.size > 0) return;
          for (const resolve of closedWaiters) resolve();
          closedWaiters.clear();
        }),
      );
    }),
  );
  server.on(
    'request',
    guarded(
      { log, name: 'request' },
      ({ socket: connection }: IncomingMessage, response: ServerResponse) => {
        requestsByConnection.get(connection)?.add(response);
        response.on('close', onResponseClosed);
      },
    ),
  );

  const finished = guarded({ log, name: 'response close' }, (response: ServerResponse) => {
    const { socket: connection } = response.req;
    const requests = requestsByConnection.get(connection);
    requests?.delete(response);
    if (requests !== undefined && !isBusy(requests)) goOn(connection, requests);
    if (onIdle !== undefined && isIdle()) onIdle();
  });

  // One for all answers: a closure for each would cost more than what it does.
  function onResponseClosed(this: ServerResponse): void {
    finished(this);
  }

  function goOn(connection: Socket, requests: ReadonlySet<ServerResponse>): void {
    const task = waiting.get(connection);
    waiting.delete(connection);
    if (isEnding && requests.size === 0) connection.destroySoon();
    else task?.();
  }

  function closeIdle(): void {
    isEnding = true;
    for (const [connection, requests] of requestsByConnection)
      if (!isBusy(requests)) connection.destroy();
  }

  const isLineBusy = (connection: Socket): boolean =>
    isBusy(requestsByConnection.get(connection) ?? new Set());

  return {
    /** Whether a whole request on the line waits for its answer. */
    isBusy: isLineBusy,
    /** Runs `task` when every whole request on the line is answered; at once if it is. */
    whenAnswered(connection: Socket, task: () => void): void {
      if (isLineBusy(connection)) waiting.set(connection, task);
      else task();
    },
    /** Whether an answer on the line has begun, so that nothing else can be written to it. */
    isAnswering: (connection: Socket): boolean =>
      [...(requestsByConnection.get(connection) ?? [])].some(({ headersSent }) => headersSent),
    /** Bytes of answers that wait for an earlier answer on the same line. */
    queuedBytes(connection: Socket): number {
      let bytes = 0;
      for (const response of requestsByConnection.get(connection) ?? []) {
        if (response.socket === null) bytes += response.writableLength;
      }
      return bytes;
    },
    /** Leaves a line alone from now on: a WebSocket says goodbye by itself. */
    release: (connection: Socket): boolean => requestsByConnection.delete(connection),
    /** Ends the lines on which no whole request waits for its answer, now and, for the others, when they have it. */
    closeIdle,
    /** Resolves when no whole request waits for its answer. */
    idle: (): Promise<void> =>
      isIdle()
        ? Promise.resolve()
        : new Promise((resolve) => {
            onIdle = resolve;
          }),
    /** Adds a listener whose connections are passed to the server; `close` closes it. */
    addListener(listener: NetServer): void {
      if (isClosed) listener.close();
      else furtherListeners.add(listener);
    },
    /** The same as `closeIdle`, and no new connection is accepted. */
    close(): void {
      isClosed = true;
      for (const listener of furtherListeners) listener.close();
      furtherListeners.clear();
      closeIdle();
    },
    /** Resolves when no connection is left. */
    closed: (): Promise<void> =>
      openConnections.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => void closedWaiters.add(resolve)),
    /** Ends all lines, whatever they wait for. */
    destroyAll(): void {
      for (const connection of requestsByConnection.keys()) connection.destroy();
    },
  };
}

export type ConnectionTracker = ReturnType<typeof createConnectionTracker>;
