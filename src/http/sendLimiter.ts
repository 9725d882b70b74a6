import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { ConnectionTracker } from './connectionTracker.ts';
import { resetSocket } from './resetSocket.ts';

export interface SendLimits {
  /** A connection is destroyed if bytes are waiting and its peer accepts none for this time. */
  readonly sendTimeoutMs: number;
  /** Unsent bytes of the whole process. Above this, connections are destroyed. */
  readonly maxUnsentBytes: number;
}

interface SendLimiterOptions extends SendLimits {
  readonly connections: ConnectionTracker;
  readonly clock: Clock;
  readonly log: Log;
}

interface Progress {
  acceptedBytes: number;
  isWaiting: boolean;
  /** How long bytes have been waiting without any being accepted. */
  stalledMs: number;
}

interface WaitingConnection {
  readonly socket: Socket;
  readonly unsentBytes: number;
  readonly stalledMs: number;
}

/** The setting that a destroyed connection exceeded. */
type DestroyReason = 'SEND_TIMEOUT_MS' | 'MAX_UNSENT_BYTES';

const maxCheckMs = 1_000;

/** A connection counts as stalled only after this time, because an acknowledgement of the peer may be in transit. */
const minStalledMs = 1_000;

/** The share of `maxUnsentBytes` that may be added before the unsent bytes are counted again. */
const recountShare = 1 / 8;

const countOf = (value: object, name: string): number => {
  const count: unknown = Reflect.get(value, name);
  return typeof count === 'number' ? count : 0;
};

/**
 * Bytes that the operating system has accepted. When its send buffer is full, it accepts as many as the peer acknowledges. Only Node's
 * undocumented handle reports progress within a large write; without the handle a write counts when it is complete.
 */
function acceptedBytesOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  return typeof handle === 'object' && handle !== null && 'writeQueueSize' in handle
    ? countOf(handle, 'bytesWritten') - countOf(handle, 'writeQueueSize')
    : socket.bytesWritten - socket.writableLength;
}

/** Stalled connections first, then those with the most unsent bytes. */
const stalledThenLargest = (a: WaitingConnection, b: WaitingConnection): number =>
  Number(b.stalledMs >= minStalledMs) - Number(a.stalledMs >= minStalledMs) ||
  b.unsentBytes - a.unsentBytes;

const sumUnsent = (waiting: readonly WaitingConnection[]): number =>
  waiting.reduce((sum, { unsentBytes }) => sum + unsentBytes, 0);

/**
 * Limits unsent data on all connections of a server: HTTP responses, event streams and WebSockets. One periodic check for all
 * connections costs less than a timer for each.
 */
export class SendLimiter {
  readonly #options: SendLimiterOptions;
  readonly #checkMs: number;
  readonly #progress = new Map<Socket, Progress>();
  readonly #destroyed: Record<DestroyReason, number> = { SEND_TIMEOUT_MS: 0, MAX_UNSENT_BYTES: 0 };
  #cancelCheck: (() => void) | undefined;
  #lastCheckMs: number | undefined;
  /** Bytes of responses since the last check. */
  #addedBytes = 0;

  constructor(server: Server, options: SendLimiterOptions) {
    this.#options = options;
    this.#checkMs = Math.min(maxCheckMs, options.sendTimeoutMs / 2);
    const track = guarded({ log: options.log, name: 'connection' }, (socket: Socket) =>
      this.#track(socket),
    );
    const trackRequest = ({ socket }: IncomingMessage) => track(socket);
    server.on('connection', track);
    // Connections of another program's server are first seen with a request.
    server.on('request', trackRequest);
    server.on('upgrade', trackRequest);
  }

  get unsentBytes(): number {
    return [...this.#progress.keys()].reduce((sum, socket) => sum + this.#unsentBytesOf(socket), 0);
  }

  /** Connections destroyed so far. */
  get destroyed(): Readonly<Record<DestroyReason, number>> {
    return this.#destroyed;
  }

  /** Counts a response that is about to be sent. After many bytes the connections are checked before the next periodic check. */
  recordResponse(bytes: number): void {
    this.#addedBytes += bytes;
    if (this.#addedBytes > this.#options.maxUnsentBytes * recountShare) this.#check();
  }

  #track(socket: Socket): void {
    // The same socket is passed with each of its requests, and again if an upgrade is ignored.
    if (this.#progress.has(socket) || socket.destroyed) return;
    this.#progress.set(socket, { acceptedBytes: 0, isWaiting: false, stalledMs: 0 });
    const forget = () => {
      this.#progress.delete(socket);
      if (this.#progress.size > 0) return;
      this.#cancelCheck?.();
      this.#cancelCheck = undefined;
    };
    socket.once('close', guarded({ log: this.#options.log, name: 'connection close' }, forget));
    if (this.#cancelCheck === undefined) this.#schedule();
  }

  #schedule(): void {
    const { clock, log } = this.#options;
    const cancel = clock.after(this.#checkMs, () => {
      // The next check is scheduled in a microtask, so that its interval starts after this check and it takes place even if this one fails.
      void Promise.resolve().then(
        guarded({ log, name: 'timer' }, () => {
          if (this.#cancelCheck === cancel) this.#schedule();
        }),
      );
      this.#check();
    });
    this.#cancelCheck = cancel;
  }

  #check(): void {
    const { sendTimeoutMs, maxUnsentBytes } = this.#options;
    this.#addedBytes = 0;
    const waiting = this.#waitingConnections();
    const isTimedOut = ({ stalledMs }: WaitingConnection) => stalledMs >= sendTimeoutMs;
    this.#destroy('SEND_TIMEOUT_MS', waiting.filter(isTimedOut));
    const others = waiting.filter((connection) => !isTimedOut(connection)).sort(stalledThenLargest);
    let excessBytes = sumUnsent(others) - maxUnsentBytes;
    const excess = others.filter(({ unsentBytes }) => {
      const isExcess = excessBytes > 0;
      if (isExcess) excessBytes -= unsentBytes;
      return isExcess;
    });
    this.#destroy('MAX_UNSENT_BYTES', excess);
  }

  #waitingConnections(): WaitingConnection[] {
    const elapsedMs = this.#elapsedMs();
    return [...this.#progress].flatMap(([socket, progress]) => {
      if (socket.destroyed) return [];
      this.#update(progress, socket, elapsedMs);
      const unsentBytes = this.#unsentBytesOf(socket);
      return unsentBytes > 0 ? [{ socket, unsentBytes, stalledMs: progress.stalledMs }] : [];
    });
  }

  /** The time since the last check. It is bounded, because a process that was suspended or busy could not send. */
  #elapsedMs(): number {
    const nowMs = this.#options.clock.monotonic();
    const sinceMs = nowMs - (this.#lastCheckMs ?? nowMs);
    this.#lastCheckMs = nowMs;
    return Math.max(0, Math.min(sinceMs, 2 * this.#checkMs));
  }

  #update(progress: Progress, socket: Socket, elapsedMs: number): void {
    const acceptedBytes = acceptedBytesOf(socket);
    // A pipelined response waits for the response before it and not for the peer.
    const isWaiting = socket.writableLength > 0;
    const isStalled = isWaiting && progress.isWaiting && acceptedBytes === progress.acceptedBytes;
    progress.stalledMs = isStalled ? progress.stalledMs + elapsedMs : 0;
    progress.isWaiting = isWaiting;
    progress.acceptedBytes = acceptedBytes;
  }

  #destroy(reason: DestroyReason, waiting: readonly WaitingConnection[]): void {
    const { length: connections } = waiting;
    if (connections === 0) return;
    this.#destroyed[reason] += connections;
    const unsentBytes = sumUnsent(waiting);
    this.#options.log.warn('connections destroyed', { reason, connections, unsentBytes });
    for (const { socket } of waiting) resetSocket(socket);
  }

  #unsentBytesOf(socket: Socket): number {
    return socket.writableLength + this.#options.connections.queuedBytes(socket);
  }
}
