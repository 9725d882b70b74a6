import type { Socket } from 'node:net';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import { resetSocket } from './resetSocket.ts';

/** The share of the limit that remains after connections were destroyed, so that many are destroyed at once and logged together. */
const remainingShare = 7 / 8;

interface ReceiveLimiterOptions {
  /** The largest total of the bytes that have arrived of incomplete bodies and messages, in the whole process. */
  readonly maxPartialBytes: number;
  readonly log: Log;
}

/** A request body, or the messages of a WebSocket. */
interface Reception {
  /** Counts bytes of a body or message that is incomplete; a negative number is subtracted. */
  add(bytes: number): void;
  /** The body or message is complete, or not needed any more. */
  complete(): void;
}

/**
 * Limits what clients have sent of request bodies and WebSocket messages without their ends. Above the limit, the connections whose body or
 * message began first are destroyed: most bodies are complete within milliseconds.
 */
export class ReceiveLimiter {
  readonly #options: ReceiveLimiterOptions;
  /** In the order of their first bytes. */
  readonly #partialBytes = new Map<Socket, number>();
  #totalBytes = 0;
  #destroyedCount = 0;

  constructor(options: ReceiveLimiterOptions) {
    this.#options = options;
  }

  get partialBytes(): number {
    return this.#totalBytes;
  }

  /** Connections destroyed so far. */
  get destroyedCount(): number {
    return this.#destroyedCount;
  }

  /** A connection receives one body or message at a time. */
  receive(socket: Socket): Reception {
    const guard = { log: this.#options.log, name: 'receive limit', close: () => socket.destroy() };
    return {
      add: guarded(guard, (bytes: number) => this.#add(socket, bytes)),
      complete: guarded(guard, () => this.#complete(socket)),
    };
  }

  #add(socket: Socket, bytes: number): void {
    if (socket.destroyed) return;
    const before = this.#partialBytes.get(socket) ?? 0;
    const after = Math.max(0, before + bytes);
    if (after === 0) this.#partialBytes.delete(socket);
    else this.#partialBytes.set(socket, after);
    this.#totalBytes += after - before;
    if (this.#totalBytes > this.#options.maxPartialBytes) this.#destroyExcess();
  }

  #complete(socket: Socket): void {
    this.#totalBytes -= this.#partialBytes.get(socket) ?? 0;
    this.#partialBytes.delete(socket);
  }

  #destroyExcess(): void {
    const totalBefore = this.#totalBytes;
    let connections = 0;
    for (const socket of this.#partialBytes.keys()) {
      if (this.#totalBytes <= this.#options.maxPartialBytes * remainingShare) break;
      this.#complete(socket);
      resetSocket(socket);
      connections += 1;
    }
    this.#destroyedCount += connections;
    this.#options.log.warn('connections destroyed', {
      reason: 'MAX_PARTIAL_BODY_BYTES',
      connections,
      partialBytes: totalBefore - this.#totalBytes,
    });
  }
}
