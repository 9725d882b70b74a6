import type { Socket } from 'node:net';
import { handleProtocols } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { ReceiveLimiter } from './receiveLimiter.ts';
import { closeTimeoutMs } from './webSocketConnection.ts';

// ws keeps an object for each fragment of a message, and for each chunk in which a fragment arrives.
const maxFragments = 64;
const minChunks = 64;
const bytesPerChunk = 256;

/** Of a client's ping or pong, with the mask. */
const controlFrameHeadBytes = 6;

export function createWebSocketServer(maxMessageBytes: number): WebSocketServer {
  const options = {
    noServer: true,
    maxPayload: maxMessageBytes,
    maxFragments,
    maxBufferedChunks: Math.max(minChunks, Math.ceil(maxMessageBytes / bytesPerChunk)),
    perMessageDeflate: false,
    /** For a peer that sends a close frame and keeps the connection open; `WebSocketConnection` closes the others. */
    closeTimeout: closeTimeoutMs,
    handleProtocols,
  };
  return new WebSocketServer(options);
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
  for (const event of ['message', 'close'])
    webSocket.on(event, () => {
      reception.complete();
    });
  // Control frames may arrive between the fragments of a message.
  for (const event of ['ping', 'pong'])
    webSocket.on(event, ({ length }: Buffer) => {
      reception.add(-length - controlFrameHeadBytes);
    });
}
