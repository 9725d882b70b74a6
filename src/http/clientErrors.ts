import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ConnectionTracker } from './connectionTracker.ts';
import { refuseSocket } from './rawResponse.ts';

/** What Node's HTTP server rejects by itself, by the code of its error; everything else is malformed. */
const refusals: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The request headers are too long.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'The chunk extensions are too long.' },
};

const malformed = { status: 400, message: 'The request is malformed.' };

/** Answers what is not HTTP, or does not arrive, after the requests that came before it. */
export const createAnswerClientError =
  (lines: ConnectionTracker) =>
  ({ code = '' }: Error & { readonly code?: string }, socket: Socket): void => {
    // What follows a request that closes the connection is ignored.
    if (code === 'HPE_CLOSED_CONNECTION' && lines.isBusy(socket)) return;
    // Nothing can be said to a client that has left, nor in the middle of another answer.
    if (code === 'ECONNRESET' || lines.isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const requestId = randomUUID();
    lines.whenAnswered(socket, () =>
      refuseSocket(socket, { ...(refusals[code] ?? malformed), requestId }),
    );
  };
