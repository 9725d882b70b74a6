import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../support/clock.ts';
import { guarded } from '../support/guarded.ts';
import type { Log } from '../support/log.ts';
import type { Lines } from './lines.ts';

export interface SendLimits {
  /** A connection whose peer accepts no byte for so long, while bytes wait for it, is destroyed. */
  readonly sendTimeoutMs: number;
  /** Bytes that may wait in the whole process. Above it connections are destroyed. */
  readonly maxUnsentBytes: number;
}

interface SendingOptions extends SendLimits {
  readonly lines: Lines;
  readonly clock: Clock;
  readonly log: Log;
}

interface Progress {
  acceptedBytes: number;
  /** Since when bytes wait and none was accepted. */
  stalledSinceMs: number | undefined;
}

interface WaitingConnection {
  readonly socket: Socket;
  readonly unsentBytes: number;
  readonly stalledMs: number;
}

export type DestroyReason = 'SEND_TIMEOUT_MS' | 'MAX_UNSENT_BYTES';

const longestCheckMs = 1_000;

/** A connection counts as stalled after so long: the next segment of one that reads may be on its way. */
const stalledMs = 1_000;

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
  Number(b.stalledMs >= stalledMs) - Number(a.stalledMs >= stalledMs) ||
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

  /** How long nothing was accepted of what waits. */
  function stalledMsOf(socket: Socket, progress: Progress): number {
    const nowMs = clock.monotonic();
    const acceptedBytes = acceptedBytesOf(socket);
    // What waits for an earlier answer on the connection does not wait for the peer.
    const isWaiting = socket.writableLength > 0;
    if (!isWaiting || acceptedBytes !== progress.acceptedBytes) progress.stalledSinceMs = undefined;
    progress.acceptedBytes = acceptedBytes;
    if (isWaiting) progress.stalledSinceMs ??= nowMs;
    return nowMs - (progress.stalledSinceMs ?? nowMs);
  }

  function check(): void {
    addedBytes = 0;
    const waiting: WaitingConnection[] = [];
    for (const [socket, progress] of connections) {
      if (socket.destroyed) continue;
      const connection = { socket, stalledMs: stalledMsOf(socket, progress) };
      const unsentBytes = unsentBytesOf(socket);
      if (unsentBytes > 0) waiting.push({ ...connection, unsentBytes });
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

  function checkFromTimeToTime(): void {
    // Set before the check, so that a check that fails is not the last one.
    cancelCheck = clock.after(checkMs, checkFromTimeToTime);
    check();
  }

  server.on(
    'connection',
    guarded({ log, name: 'connection' }, (socket: Socket) => {
      // A socket whose Upgrade is ignored comes a second time.
      if (connections.has(socket)) return;
      connections.set(socket, { acceptedBytes: 0, stalledSinceMs: undefined });
      const forget = () => {
        connections.delete(socket);
        if (connections.size > 0) return;
        cancelCheck?.();
        cancelCheck = undefined;
      };
      socket.once('close', guarded({ log, name: 'connection close' }, forget));
      cancelCheck ??= clock.after(checkMs, checkFromTimeToTime);
    }),
  );

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
