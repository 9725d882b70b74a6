import type { Socket } from 'node:net';
import { handleProtocols } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { isDictionary } from '../lib/shape.ts';
import type { ReceiveLimiter } from './receiveLimiter.ts';
import { closeTimeoutMs } from './webSocketConnection.ts';

// ws keeps an object for each fragment of a message, and for each chunk in which a fragment arrives.
const maxFragments = 64;
const minChunks = 64;
const bytesPerChunk = 256;

/** Header and mask of a client's ping or pong. */
const controlFrameHeaderBytes = 6;

export function createWebSocketServer(maxMessageBytes: number): WebSocketServer {
  // A variable, because the types of ws lack some options.
  const options = {
    noServer: true,
    maxPayload: maxMessageBytes,
    maxFragments,
    maxBufferedChunks: Math.max(minChunks, Math.ceil(maxMessageBytes / bytesPerChunk)),
    perMessageDeflate: false,
    /** For a peer that sends a close frame and does not close. `WebSocketConnection` ends those that the gateway closes. */
    closeTimeout: closeTimeoutMs,
    handleProtocols,
  };
  return new WebSocketServer(options);
}

/** What the chunk with the end of a message contains of the next one. Only an undocumented member of ws tells. */
function bytesAfterMessage(webSocket: WebSocket): number {
  const receiver: unknown = Reflect.get(webSocket, '_receiver');
  const bytes: unknown = isDictionary(receiver) ? receiver['_bufferedBytes'] : undefined;
  return typeof bytes === 'number' ? bytes : 0;
}

/** Counts what arrives until a message is complete. */
export function limitPartialMessages(
  webSocket: WebSocket,
  socket: Socket,
  receiveLimiter: ReceiveLimiter,
): void {
  const reception = receiveLimiter.receive(socket);
  // Before the listener of ws, which emits the message.
  socket.prependListener('data', ({ length }: Buffer) => {
    reception.add(length);
  });
  webSocket.on('message', () => {
    reception.complete();
    reception.add(bytesAfterMessage(webSocket));
  });
  webSocket.on('close', () => {
    reception.complete();
  });
  // Control frames may arrive between the fragments of a message.
  for (const event of ['ping', 'pong'])
    webSocket.on(event, ({ length }: Buffer) => {
      reception.add(-length - controlFrameHeaderBytes);
    });
}
