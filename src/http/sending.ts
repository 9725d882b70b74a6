import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { ConnectionTracker } from './connectionTracker.ts';

export interface SendLimits {
  /** A connection whose peer accepts no byte for so long, while bytes wait for it, is destroyed. */
  readonly sendTimeoutMs: number;
  /** Bytes that may wait in the whole process. Above it connections are destroyed. */
  readonly maxUnsentBytes: number;
}

interface SendingOptions extends SendLimits {
  readonly lines: ConnectionTracker;
  readonly clock: Clock;
  readonly log: Log;
}

interface Progress {
  acceptedBytes: number;
  isWaiting: boolean;
  /** How long bytes have been waiting of which none was accepted. */
  stalledMs: number;
}

interface WaitingConnection {
  readonly socket: Socket;
  readonly unsentBytes: number;
  readonly stalledMs: number;
}

export type DestroyReason = 'SEND_TIMEOUT_MS' | 'MAX_UNSENT_BYTES';

const longestCheckMs = 1_000;

/** A connection counts as stalled after so long: the next segment of one that reads may be on its way. */
const minStalledMs = 1_000;

/** Of the bytes that may wait, the part that may be added before they are counted again. */
const recountShare = 1 / 8;

const countOf = (value: object, name: string): number => {
  const count: unknown = Reflect.get(value, name);
  return typeof count === 'number' ? count : 0;
};

/**
 * Bytes that the operating system has taken for the peer; once its buffer is full, as many as the peer has acknowledged. Only the
 * handle, which Node does not document, tells how much of a large write is under way: without it a write counts when it is complete.
 */
function acceptedBytesOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  return typeof handle === 'object' && handle !== null && 'writeQueueSize' in handle
    ? countOf(handle, 'bytesWritten') - countOf(handle, 'writeQueueSize')
    : socket.bytesWritten - socket.writableLength;
}

/** Stalled connections first, then those with the most unsent bytes. */
const byHarm = (a: WaitingConnection, b: WaitingConnection): number =>
  Number(b.stalledMs >= minStalledMs) - Number(a.stalledMs >= minStalledMs) ||
  b.unsentBytes - a.unsentBytes;

/**
 * Limits what waits to be sent, on all connections of a server: HTTP responses, event streams and WebSockets. One check for all at a
 * time costs less than a timer for each.
 */
export function limitSending(server: Server, options: SendingOptions) {
  const { sendTimeoutMs, maxUnsentBytes, lines, clock, log } = options;
  const checkMs = Math.min(longestCheckMs, sendTimeoutMs / 2);
  const connections = new Map<Socket, Progress>();
  const destroyed: Record<DestroyReason, number> = { SEND_TIMEOUT_MS: 0, MAX_UNSENT_BYTES: 0 };
  let cancelCheck: (() => void) | undefined;
  let lastCheckMs: number | undefined;
  /** Bytes of responses since the last check. */
  let addedBytes = 0;

  const unsentBytesOf = (socket: Socket): number =>
    socket.writableLength + lines.queuedBytes(socket);

  function destroy(reason: DestroyReason, stuck: readonly WaitingConnection[]): void {
    if (stuck.length === 0) return;
    destroyed[reason] += stuck.length;
    const unsentBytes = stuck.reduce((sum, connection) => sum + connection.unsentBytes, 0);
    log.warn('connections destroyed', { reason, connections: stuck.length, unsentBytes });
    // A reset also frees what the operating system still holds for the client.
    for (const { socket } of stuck) socket.resetAndDestroy();
  }

  /** A process that was suspended or busy could send nothing, so little of the time since the last check counts. */
  function elapsedMs(): number {
    const nowMs = clock.monotonic();
    const sinceMs = nowMs - (lastCheckMs ?? nowMs);
    lastCheckMs = nowMs;
    return Math.max(0, Math.min(sinceMs, 2 * checkMs));
  }

  function update(progress: Progress, socket: Socket, passedMs: number): void {
    const acceptedBytes = acceptedBytesOf(socket);
    // What waits for an earlier answer on the connection does not wait for the peer.
    const isWaiting = socket.writableLength > 0;
    const isStalled = isWaiting && progress.isWaiting && acceptedBytes === progress.acceptedBytes;
    progress.stalledMs = isStalled ? progress.stalledMs + passedMs : 0;
    progress.isWaiting = isWaiting;
    progress.acceptedBytes = acceptedBytes;
  }

  function check(): void {
    addedBytes = 0;
    const passedMs = elapsedMs();
    const waiting: WaitingConnection[] = [];
    for (const [socket, progress] of connections) {
      if (socket.destroyed) continue;
      update(progress, socket, passedMs);
      const unsentBytes = unsentBytesOf(socket);
      if (unsentBytes > 0) waiting.push({ socket, unsentBytes, stalledMs: progress.stalledMs });
    }
    const isStuck = (connection: WaitingConnection) => connection.stalledMs >= sendTimeoutMs;
    destroy('SEND_TIMEOUT_MS', waiting.filter(isStuck));
    const others = waiting.filter((connection) => !isStuck(connection)).sort(byHarm);
    let excessBytes = others.reduce((sum, { unsentBytes }) => sum + unsentBytes, -maxUnsentBytes);
    const tooMany = others.filter(({ unsentBytes }) => {
      const isOver = excessBytes > 0;
      if (isOver) excessBytes -= unsentBytes;
      return isOver;
    });
    destroy('MAX_UNSENT_BYTES', tooMany);
  }

  function schedule(): void {
    const cancel = clock.after(checkMs, () => {
      // The next check comes after the sockets had a turn, and even if this one fails.
      void Promise.resolve().then(
        guarded({ log, name: 'timer' }, () => {
          if (cancelCheck === cancel) schedule();
        }),
      );
      check();
    });
    cancelCheck = cancel;
  }

  const track = guarded({ log, name: 'connection' }, (socket: Socket) => {
    // A socket comes again with each request, and when its Upgrade is ignored.
    if (connections.has(socket) || socket.destroyed) return;
    connections.set(socket, { acceptedBytes: 0, isWaiting: false, stalledMs: 0 });
    const forget = () => {
      connections.delete(socket);
      if (connections.size > 0) return;
      cancelCheck?.();
      cancelCheck = undefined;
    };
    socket.once('close', guarded({ log, name: 'connection close' }, forget));
    if (cancelCheck === undefined) schedule();
  });
  const trackRequest = ({ socket }: IncomingMessage) => track(socket);
  server.on('connection', track);
  // The connections of a server of another program are first seen with a request.
  server.on('request', trackRequest);
  server.on('upgrade', trackRequest);

  return {
    /** Notes that a response of so many bytes is about to be sent: many large ones are not left to the next check. */
    added(bytes: number): void {
      addedBytes += bytes;
      if (addedBytes > maxUnsentBytes * recountShare) check();
    },
    unsentBytes: (): number =>
      [...connections.keys()].reduce((sum, socket) => sum + unsentBytesOf(socket), 0),
    destroyed: (): Readonly<Record<DestroyReason, number>> => destroyed,
  };
}

export type Sending = ReturnType<typeof limitSending>;
