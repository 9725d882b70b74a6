import type { GraphQLFormattedError } from 'graphql';
import { MessageType, parseMessage } from 'graphql-ws';
import type { Message, Server } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { SubscriptionResult, SubscriptionResults } from '../graphql/subscriptions/run.ts';
import type { Clock } from '../lib/clock.ts';
import { onNextTurn } from '../lib/clock.ts';
import { Disposer } from '../lib/disposer.ts';
import { parseJson } from '../lib/json.ts';
import { guarded, runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { RequestIds, TraceHeaders } from '../observability/tracing.ts';
import { parseOperationRequest } from './operationRequest.ts';
import type { ClientIdentity } from './clientOperations.ts';

/** A slow consumer with a larger send buffer is disconnected. */
const maxBufferedBytes = 1_048_576;

/** How long a client may take to authenticate. */
const initTimeoutMs = 3_000;

/** Shorter than the idle timeout of common load balancers. */
const pingIntervalMs = 25_000;

/** How long the peer may take to close the connection after a close frame. */
export const closeTimeoutMs = 1_000;

/** Longer than the default deadline of an operation. */
const retirementMs = 15_000;

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

/** The messages of clients besides `subscribe`. */
const clientTypes: ReadonlySet<MessageType> = new Set([
  MessageType.ConnectionInit,
  MessageType.Ping,
  MessageType.Pong,
  MessageType.Complete,
]);

/** Undefined for messages that `graphql-transport-ws` does not allow from a client. */
function parseClientMessage(text: string): Message | undefined {
  try {
    const message = parseMessage(text);
    // The payload is serialized again in the pong, which recurses.
    if (message.type === MessageType.Ping) parseJson(text);
    const isAllowed =
      message.type === MessageType.Subscribe
        ? parseOperationRequest(message.payload) !== undefined
        : clientTypes.has(message.type);
    return isAllowed ? message : undefined;
  } catch {
    return undefined;
  }
}

const serializedResults = new WeakMap<SubscriptionResult, string>();

/** Serializes a result once for all its subscribers. */
function serialize(result: SubscriptionResult): string {
  let text = serializedResults.get(result);
  if (text === undefined) {
    text = JSON.stringify(result);
    serializedResults.set(result, text);
  }
  return text;
}

/** Cuts a reason to what a close frame can carry. */
function truncate(reason: string): string {
  if (Buffer.byteLength(reason) <= maxReasonBytes) return reason;
  return reason.replace(/[^\x20-\x7e]/g, '?').slice(0, maxReasonBytes);
}

interface ConnectionParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly address: string;
  /** Identifies the connection in the log. */
  readonly ids: RequestIds;
  /** The trace of the upgrade. */
  readonly traceHeaders: TraceHeaders;
  /** The `Authorization` header of the upgrade. */
  readonly authorization: string | undefined;
  /** Whether the upgrade had the router's secret. */
  readonly isRouter: boolean;
}

/** One accepted WebSocket. Everything it holds is released when a close frame is sent or received, whichever comes first. */
export class WebSocketConnection {
  readonly address: string;
  readonly ids: RequestIds;
  readonly traceHeaders: TraceHeaders;
  readonly authorization: string | undefined;
  readonly isRouter: boolean;
  /** Errors of rejected operations, by operation id. */
  readonly rejections = new Map<string, readonly GraphQLFormattedError[]>();
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #disposer = new Disposer();
  /** Operations without a result, by their id. */
  readonly #operations = new Map<string, AbortController>();
  #client: ClientIdentity | undefined;
  /** Held until the client is authenticated. */
  readonly #pending = new Disposer();
  #cancelPing: () => void = () => undefined;
  #retire: (() => void) | undefined;
  #isAlive = true;

  constructor(
    socket: WebSocket,
    { clock, log, address, ids, traceHeaders, authorization, isRouter }: ConnectionParts,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#log = log;
    this.address = address;
    this.ids = ids;
    this.traceHeaders = traceHeaders;
    this.authorization = authorization;
    this.isRouter = isRouter;
    this.onEnd(() => {
      for (const operation of this.#operations.values()) operation.abort();
    });
  }

  get isClosed(): boolean {
    return this.#disposer.isDisposed;
  }

  /** Undefined before the client is authenticated. */
  get client(): ClientIdentity | undefined {
    return this.#client;
  }

  /** Closes the connection unless the client authenticates in time. `release` is called in either case. */
  startAuthenticationTimeout(release: () => void): void {
    const close = () => this.close(closeCodes.initTimeout, 'Connection initialisation timeout');
    this.#pending.add(release);
    this.#pending.add(this.#clock.after(initTimeoutMs, close));
    this.onEnd(() => this.#pending.dispose());
  }

  markAuthenticated(client: ClientIdentity): void {
    this.#client = client;
    this.#pending.dispose();
  }

  /** Runs an operation. The signal is aborted when the client completes the operation or the connection closes. */
  async runOperation<Result>(
    id: string,
    run: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const controller = new AbortController();
    this.#operations.set(id, controller);
    if (this.isClosed) controller.abort();
    try {
      return await run(controller.signal);
    } finally {
      if (this.#operations.get(id) === controller) this.#operations.delete(id);
      this.#retire?.();
    }
  }

  /** Sends the results of an operation one after the other. Resolves after the last one. */
  sendResults(id: string, results: SubscriptionResults): Promise<void> {
    const head = `{"id":${JSON.stringify(id)},"type":"${MessageType.Next}","payload":`;
    const socket = this.#socket;
    return new Promise((resolve) => {
      results.consume({
        take: this.#guarded('websocket result', (result: SubscriptionResult, resume) => {
          if (socket.readyState === socket.OPEN) {
            socket.send(`${head}${serialize(result)}}`, resume);
          }
        }),
        end: resolve,
      });
    });
  }

  /** Runs `release` when the connection closes, or at once if it is closed. */
  onEnd(release: () => void): void {
    this.#disposer.add(release);
  }

  /** Sends a close frame, releases everything and ignores further messages. A peer that does not close in time is disconnected. */
  close(code: number, reason: string): void {
    if (this.isClosed) return;
    this.#socket.close(code, truncate(reason));
    this.#end();
  }

  /** Closes the connection when no query or mutation is running, at the latest after a while. */
  closeWhenIdle(code: number, reason: string): void {
    const close = () => this.close(code, reason);
    this.#retire = () => {
      // The result of the last operation is sent first.
      onNextTurn(
        guarded(this.#guard('websocket retirement'), () => {
          if (this.#operations.size === 0) close();
        }),
      );
    };
    this.onEnd(this.#clock.after(retirementMs, close));
    this.#retire();
  }

  serve(protocol: Server<WebSocketConnection>): void {
    const socket = this.#socket;
    this.onEnd(() => this.#cancelPing());
    this.#schedulePing();
    socket.on('pong', () => {
      this.#isAlive = true;
    });
    // A protocol violation in a frame: `ws` has sent the close code.
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
        onMessage: (receive) => this.#onMessage(receive),
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

  /** Closes because of an error of the client. */
  #reject(code: number, reason: string): void {
    if (this.isClosed) return;
    const { address, ids } = this;
    this.#log.info('websocket protocol violation', { code, address, ...ids });
    this.close(code, reason);
  }

  #fail(error: unknown): void {
    // Failures caused by the closed connection are not logged.
    if (this.isClosed) return;
    this.#log.error('websocket failed', { ...this.ids, error });
    this.close(closeCodes.internal, 'Internal server error');
  }

  #send(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text, () => resolve());
      else resolve();
    });
  }

  #onMessage(receive: (text: string) => Promise<void>): void {
    const handle = (data: Buffer) => {
      if (this.isClosed) return;
      if (this.#socket.bufferedAmount > maxBufferedBytes) {
        this.#socket.terminate();
        return;
      }
      const text = data.toString();
      const message = parseClientMessage(text);
      if (message === undefined) {
        this.#reject(closeCodes.badRequest, 'Invalid message');
        return;
      }
      if (message.type === MessageType.Complete) this.#operations.get(message.id)?.abort();
      receive(text).catch((error: unknown) => this.#fail(error));
    };
    this.#socket.on('message', this.#guarded('websocket message', handle));
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.after(pingIntervalMs, () => {
      if (!this.#isAlive) {
        this.#socket.terminate();
        return;
      }
      this.#isAlive = false;
      this.#socket.ping();
      this.#schedulePing();
    });
  }

  #end(): void {
    if (this.isClosed) return;
    const socket = this.#socket;
    if (socket.readyState !== socket.CLOSED) {
      const cancel = this.#clock.after(closeTimeoutMs, () => socket.terminate());
      socket.once('close', cancel);
    }
    this.#disposer.dispose();
  }
}
