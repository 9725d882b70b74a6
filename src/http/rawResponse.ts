import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { busyRefusal, errorBody } from './errorResponse.ts';

interface RawRefusal {
  readonly status: number;
  readonly message: string;
  /** `BAD_REQUEST` unless given; `RATE_LIMITED` with `retryAfterMs`. */
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly requestId: string;
}

/** Answers on a socket that no HTTP server serves any more, in the form of every other refusal, and closes it. */
export function refuseSocket(
  socket: Socket,
  { status, message, code = 'BAD_REQUEST', retryAfterMs, requestId }: RawRefusal,
): void {
  if (socket.writable) {
    const body = JSON.stringify(
      retryAfterMs === undefined
        ? errorBody(message, code, requestId)
        : busyRefusal(message, retryAfterMs, requestId),
    );
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'connection: close',
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'x-content-type-options: nosniff',
      `x-request-id: ${requestId}`,
      ...(retryAfterMs === undefined
        ? []
        : [`retry-after: ${Math.ceil(retryAfterMs / 1000)}`, 'cache-control: no-store']),
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
  socket.destroySoon();
}
