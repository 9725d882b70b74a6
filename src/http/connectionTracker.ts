import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';

interface TrackedConnection {
  /** Responses that are not complete. */
  readonly responses: Set<ServerResponse>;
  /** Called once when every complete request has its response. */
  whenResponsesSent?: (() => void) | undefined;
  /** A WebSocket, which closes by its own protocol. */
  isUpgraded: boolean;
}

const isBusy = ({ responses }: TrackedConnection): boolean =>
  [...responses].some(({ req }) => req.complete);

/**
 * The connections of a server on all its addresses: Node counts those of each listener separately. Node's `closeIdleConnections` skips
 * connections without any request, and a single one keeps a server from closing.
 */
export class ConnectionTracker {
  readonly #server: Server;
  readonly #log: Log;
  readonly #connections = new Map<Socket, TrackedConnection>();
  readonly #furtherListeners = new Set<NetServer>();
  readonly #closedWaiters = new Set<() => void>();
  /** One handler for all responses, because a closure for each is measurably slower. */
  readonly #onResponseClose: (this: ServerResponse) => void;
  /** Whether connections are closed as soon as they are idle. */
  #isDraining = false;
  #isClosed = false;
  /** Set while `idle` waits, because checking every connection after each response is expensive. */
  #onIdle: (() => void) | undefined;

  constructor(server: Server, log: Log) {
    this.#server = server;
    this.#log = log;
    const responseClosed = this.#guarded('response close', (response: ServerResponse) =>
      this.#responseClosed(response),
    );
    this.#onResponseClose = function onResponseClose() {
      responseClosed(this);
    };
    server.on(
      'connection',
      this.#guarded('connection', (socket: Socket) => this.#accept(socket)),
    );
    server.on(
      'request',
      this.#guarded('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
        this.#connections.get(socket)?.responses.add(response);
        response.on('close', this.#onResponseClose);
      }),
    );
  }

  /** Whether a complete request on the connection waits for its response. */
  isBusy(socket: Socket): boolean {
    const connection = this.#connections.get(socket);
    return connection !== undefined && isBusy(connection);
  }

  /** Runs `task` when every complete request on the connection has its response. */
  whenResponsesSent(socket: Socket, task: () => void): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined && isBusy(connection)) connection.whenResponsesSent = task;
    else task();
  }

  /** How many responses on the connection are not complete. */
  responseCount(socket: Socket): number {
    return this.#connections.get(socket)?.responses.size ?? 0;
  }

  /** Whether a response on the connection has begun, so that no other can be written. */
  isResponding(socket: Socket): boolean {
    return this.#responsesOn(socket).some(({ headersSent }) => headersSent);
  }

  /** Whether no further request was received on the connection of this response. */
  isLatest(response: ServerResponse): boolean {
    const responses = this.#responsesOn(response.req.socket);
    // A response that is sent at once is not tracked yet.
    return !responses.includes(response) || responses.at(-1) === response;
  }

  /** Bytes of responses that wait for an earlier response on the same connection. */
  queuedBytes(socket: Socket): number {
    return this.#responsesOn(socket).reduce(
      (bytes, response) => (response.socket === null ? bytes + response.writableLength : bytes),
      0,
    );
  }

  /** Excludes the connection from closing: its WebSocket closes it. */
  markUpgraded(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.isUpgraded = true;
    connection.responses.clear();
  }

  /** Destroys idle connections now, and closes the others after their last response. */
  startDraining(): void {
    this.#isDraining = true;
    for (const [socket, connection] of this.#connections) {
      if (!connection.isUpgraded && !isBusy(connection)) socket.destroy();
    }
  }

  /** Resolves when no complete request waits for its response. */
  idle(): Promise<void> {
    return this.#isIdle()
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#onIdle = resolve;
        });
  }

  /** Adds a listener whose connections are passed to the server. `close` closes it. */
  addListener(listener: NetServer): void {
    if (this.#isClosed) listener.close();
    else this.#furtherListeners.add(listener);
  }

  /** Stops accepting connections, and closes idle ones. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#furtherListeners) listener.close();
    this.#furtherListeners.clear();
    this.startDraining();
  }

  /** Resolves when no connection is left. */
  closed(): Promise<void> {
    return this.#connections.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => void this.#closedWaiters.add(resolve));
  }

  destroyAll(): void {
    for (const [socket, { isUpgraded }] of this.#connections) if (!isUpgraded) socket.destroy();
  }

  #guarded<Arguments extends readonly unknown[]>(
    name: string,
    callback: (...args: Arguments) => void,
  ): (...args: Arguments) => void {
    return guarded({ log: this.#log, name }, callback);
  }

  #accept(socket: Socket): void {
    // A socket whose Upgrade is ignored is passed to the server again.
    const isKnown = this.#connections.has(socket);
    if (this.#isClosed || (!isKnown && this.#connections.size >= this.#server.maxConnections)) {
      socket.destroy();
    }
    if (isKnown || socket.destroyed) return;
    // Node removes its own listener from the socket of an Upgrade or a CONNECT, and an error without a listener ends the process.
    socket.on('error', () => socket.destroy());
    this.#connections.set(socket, { responses: new Set(), isUpgraded: false });
    socket.once(
      'close',
      this.#guarded('connection close', () => this.#connectionClosed(socket)),
    );
  }

  #connectionClosed(socket: Socket): void {
    const responses = this.#responsesOn(socket);
    this.#connections.delete(socket);
    for (const response of responses) this.#closeQueued(response);
    if (this.#connections.size > 0) return;
    for (const resolve of this.#closedWaiters) resolve();
    this.#closedWaiters.clear();
  }

  /** Node closes only the response that was being sent, not those that wait for it. */
  #closeQueued(response: ServerResponse): void {
    if (response.socket !== null || response.writableFinished || response.closed) return;
    response.destroy();
    response.emit('close');
  }

  #responseClosed(response: ServerResponse): void {
    const { socket } = response.req;
    const connection = this.#connections.get(socket);
    connection?.responses.delete(response);
    if (connection !== undefined && !isBusy(connection)) this.#onResponsesSent(socket, connection);
    if (this.#onIdle !== undefined && this.#isIdle()) this.#onIdle();
  }

  #onResponsesSent(socket: Socket, connection: TrackedConnection): void {
    const { whenResponsesSent, responses, isUpgraded } = connection;
    connection.whenResponsesSent = undefined;
    if (this.#isDraining && responses.size === 0 && !isUpgraded) socket.destroySoon();
    else whenResponsesSent?.();
  }

  #responsesOn(socket: Socket): readonly ServerResponse[] {
    return [...(this.#connections.get(socket)?.responses ?? [])];
  }

  #isIdle(): boolean {
    return ![...this.#connections.values()].some(isBusy);
  }
}
