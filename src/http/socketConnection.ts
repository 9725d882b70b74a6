import { setMaxListeners } from 'node:events';
import type { GraphQLFormattedError } from 'graphql';
import { MessageType, parseMessage } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Clock } from '../lib/clock.ts';
import { Disposer } from '../lib/disposer.ts';
import { guarded, runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import { parseOperationRequest } from './operationRequest.ts';
import type { ClientIdentity } from './clientOperations.ts';

/** A client that lets more than this wait unread does not read. */
const maxUnreadBytes = 1_048_576;

/** How long a client may take to authenticate. */
const initMs = 3_000;

/** Shorter than the idle timeout of common load balancers. */
const pingMs = 25_000;

/** How long the peer has to close the connection after it was sent a close frame. */
export const closeMs = 1_000;

/** RFC 6455 §5.5: a control frame carries 125 bytes, of which the code takes two. */
const maxReasonBytes = 123;

export const closeCodes = {
  goingAway: 1001,
  tryAgainLater: 1013,
  badRequest: 4400,
  forbidden: 4403,
  initTimeout: 4408,
  tooManyFailures: 4429,
  internal: 4500,
} as const;

/** The message types that a client may send, besides `subscribe`. */
const clientTypes: ReadonlySet<MessageType> = new Set([
  MessageType.ConnectionInit,
  MessageType.Ping,
  MessageType.Pong,
  MessageType.Complete,
]);

/** Whether the message is one that a client of `graphql-transport-ws` may send. */
function isClientMessage(text: string): boolean {
  try {
    const message = parseMessage(text);
    return message.type === MessageType.Subscribe
      ? parseOperationRequest(message.payload) !== undefined
      : clientTypes.has(message.type);
  } catch {
    return false;
  }
}

/** Cut to what a close frame can carry. */
function clipped(reason: string): string {
  if (Buffer.byteLength(reason) <= maxReasonBytes) return reason;
  return reason.replace(/[^\x20-\x7e]/g, '?').slice(0, maxReasonBytes);
}

/** What graphql-ws needs to serve a connection. */
interface Protocol {
  opened(
    socket: {
      readonly protocol: string;
      send(text: string): Promise<void>;
      close(code?: number, reason?: string): void;
      onMessage(receive: (text: string) => Promise<void>): void;
    },
    connection: SocketConnection,
  ): (code?: number, reason?: string) => Promise<void>;
}

interface ConnectionParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the client. */
  readonly address: string;
  /** Names the connection in the log until there are operations with ids of their own. */
  readonly requestId: string;
  /** What the client sent in the header of the upgrade. */
  readonly authorization: string | undefined;
}

/** One accepted WebSocket. Everything it holds is released when a close frame is sent or received, whichever comes first. */
export class SocketConnection {
  readonly address: string;
  readonly requestId: string;
  readonly authorization: string | undefined;
  /** Aborted when the connection closes. */
  readonly signal: AbortSignal;
  /** Why operations were refused, by their ids. */
  readonly refusals = new Map<string, readonly GraphQLFormattedError[]>();
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #disposer = new Disposer();
  #party: ClientIdentity | undefined;
  /** Ends the wait for the client's credentials. */
  readonly #waiting = new Disposer();
  #cancelPing: () => void = () => undefined;
  #isAlive = true;

  constructor(
    socket: WebSocket,
    { clock, log, address, requestId, authorization }: ConnectionParts,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#log = log;
    this.address = address;
    this.requestId = requestId;
    this.authorization = authorization;
    const controller = new AbortController();
    this.signal = controller.signal;
    // Every operation of the connection listens, and there may be many at once.
    setMaxListeners(0, controller.signal);
    this.onEnd(() => controller.abort());
  }

  get isClosed(): boolean {
    return this.#disposer.isDisposed;
  }

  /** Undefined before the client is authenticated. */
  get party(): ClientIdentity | undefined {
    return this.#party;
  }

  /** Closes the connection unless the client authenticates in time. `leave` ends its place among the unauthenticated ones. */
  waitForClient(leave: () => void): void {
    const giveUp = () => this.close(closeCodes.initTimeout, 'Connection initialisation timeout');
    this.#waiting.add(leave);
    this.#waiting.add(this.#clock.after(initMs, giveUp));
    this.onEnd(() => this.#waiting.dispose());
  }

  /** `leave` gives back the place that the client takes. */
  authenticated(party: ClientIdentity, leave: () => void): void {
    this.#party = party;
    this.#waiting.dispose();
    this.onEnd(leave);
  }

  /** Runs `release` when the connection closes, or at once if it is closed. */
  onEnd(release: () => void): void {
    this.#disposer.add(release);
  }

  /** Sends a close frame, releases everything and ignores what the client still sends. A peer that does not close is disconnected. */
  close(code: number, reason: string): void {
    if (this.isClosed) return;
    this.#socket.close(code, clipped(reason));
    this.#end();
  }

  serve(protocol: Protocol): void {
    const socket = this.#socket;
    this.onEnd(() => this.#cancelPing());
    this.#waitForPing();
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    // A frame that breaks the rules: ws has sent the close code that belongs to it.
    socket.on(
      'error',
      this.#guarded('websocket error', () => this.#end()),
    );
    socket.once(
      'close',
      this.#guarded('websocket close', () => this.#end()),
    );
    const ended = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => this.#send(text),
        close: (code = closeCodes.internal, reason = '') => this.#reject(code, reason),
        onMessage: (receive) => this.#receiveWith(receive),
      },
      this,
    );
    this.onEnd(() => runGuarded(this.#guard('websocket end'), () => ended()));
  }

  #guard(name: string) {
    return { log: this.#log, name, close: () => this.#socket.terminate() };
  }

  #guarded<Arguments extends readonly unknown[]>(
    name: string,
    callback: (...args: Arguments) => void,
  ): (...args: Arguments) => void {
    return guarded(this.#guard(name), callback);
  }

  /** Closes because of a mistake of the client. */
  #reject(code: number, reason: string): void {
    if (this.isClosed) return;
    const { address, requestId } = this;
    this.#log.info('websocket protocol violation', { code, address, requestId });
    this.close(code, reason);
  }

  #fail(error: unknown): void {
    // One line tells of the failure; what fails because the connection was closed is no news.
    if (this.isClosed) return;
    this.#log.error('websocket failed', { requestId: this.requestId, error });
    this.close(closeCodes.internal, 'Internal server error');
  }

  #send(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text, () => resolve());
      else resolve();
    });
  }

  #receiveWith(receive: (text: string) => Promise<void>): void {
    const take = (data: Buffer) => {
      if (this.isClosed) return;
      if (this.#socket.bufferedAmount > maxUnreadBytes) {
        this.#socket.terminate();
        return;
      }
      const text = data.toString();
      if (isClientMessage(text)) receive(text).catch((error: unknown) => this.#fail(error));
      else this.#reject(closeCodes.badRequest, 'Invalid message');
    };
    this.#socket.on('message', this.#guarded('websocket message', take));
  }

  #waitForPing(): void {
    this.#cancelPing = this.#clock.after(pingMs, () => {
      if (!this.#isAlive) {
        this.#socket.terminate();
        return;
      }
      this.#isAlive = false;
      this.#socket.ping();
      this.#waitForPing();
    });
  }

  #end(): void {
    if (this.isClosed) return;
    const socket = this.#socket;
    if (socket.readyState !== socket.CLOSED) {
      const cancel = this.#clock.after(closeMs, () => socket.terminate());
      socket.once('close', cancel);
    }
    this.#disposer.dispose();
  }
}
