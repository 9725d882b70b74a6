import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { publicError } from '../graphql/errors.ts';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { ConnectionTracker } from './connectionTracker.ts';
import { parserError, sendErrorOnSocket } from './errorResponse.ts';
import type { RequestHeads } from './requestHead.ts';
import type { RequestRejections } from './requestRejections.ts';
import { traceUpgrade } from './requestSpans.ts';

/** Opens a WebSocket on a socket; `head` are the bytes that followed the request. */
export type WebSocketUpgradeHandler = (
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
) => void;

interface UpgradeOptions {
  readonly webSocketPath: string;
  readonly heads: RequestHeads;
  readonly open: WebSocketUpgradeHandler;
  readonly connections: ConnectionTracker;
  readonly rejections: RequestRejections;
  readonly tracing: Tracing;
  readonly log: Log;
}

/** The head of a request as it was received, without its Upgrade. Node decodes header fields as Latin-1. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method ?? ''} ${url ?? ''} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${rawHeaders[index + 1] ?? ''}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/**
 * Handles the sockets of requests with `Upgrade`. All but WebSockets are served as if there were no Upgrade, as RFC 9110, section 7.8,
 * allows: some clients offer `h2c` with every request. Node could ignore an Upgrade (from 24.9 on with `shouldUpgradeCallback`), but
 * then loses the requests that follow in the same packet.
 */
export function addUpgrades(server: Server, options: UpgradeOptions): void {
  const { webSocketPath, heads, open, connections, rejections, tracing, log } = options;

  /** Never throws. A WebSocket whose target or host is invalid is rejected like any other request. */
  const isForWebSocket = (request: IncomingMessage): boolean =>
    request.method === 'GET' &&
    request.headers.upgrade?.toLowerCase() === 'websocket' &&
    heads.isFor(request, webSocketPath) &&
    heads.problemOf(request) === undefined;

  // The head is parsed twice, and a dropped header field could move the end of the body. Its length is limited anyway.
  server.maxHeadersCount = 0;

  /** Runs `task` once the earlier requests on the connection have their responses. */
  function afterEarlierResponses(socket: Socket, task: () => void): void {
    const close = () => socket.destroy();
    const run = () => {
      // An earlier response may have closed the connection, or set an idle timeout.
      if (!socket.writable) return;
      socket.setTimeout(0);
      task();
    };
    connections.whenResponsesSent(socket, guarded({ log, name: 'upgrade', close }, run));
  }

  function handleUpgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    if (isForWebSocket(request)) {
      afterEarlierResponses(socket, () => {
        connections.markUpgraded(socket);
        open(request, socket, head);
      });
      return;
    }
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    afterEarlierResponses(socket, () => server.emit('connection', socket));
  }

  function rejectConnect(request: IncomingMessage): void {
    const { socket } = request;
    const error = publicError.badRequest('CONNECT is not supported.');
    const ids = traceUpgrade(tracing, request, error.status);
    const { remoteAddress: address = '' } = socket;
    rejections.report(error, { address, entryPoint: 'http', ...ids });
    afterEarlierResponses(socket, () => sendErrorOnSocket(socket, error, ids.requestId));
  }

  const runFor = ({ socket }: IncomingMessage, task: () => void) =>
    guarded({ log, name: 'upgrade', close: () => socket.destroy() }, task)();

  server.on('upgrade', (request, _socket, head) => {
    runFor(request, () => handleUpgrade(request, head));
  });
  // Without a listener Node closes the socket without a response.
  server.on('connect', (request) => {
    runFor(request, () => rejectConnect(request));
  });
}

/** Responds to input that Node's HTTP parser rejects, after the earlier requests on the connection. */
export const createClientErrorHandler =
  (connections: ConnectionTracker, rejections: RequestRejections) =>
  ({ code = '' }: Error & { readonly code?: string }, socket: Socket): void => {
    // Data after a request that closes the connection is ignored.
    if (code === 'HPE_CLOSED_CONNECTION' && connections.isBusy(socket)) return;
    // No response is possible to a disconnected client, or within another response.
    if (code === 'ECONNRESET' || connections.isResponding(socket)) {
      socket.destroy();
      return;
    }
    const error = parserError(code);
    const requestId = randomUUID();
    const { remoteAddress: address = '' } = socket;
    rejections.report(error, { address, entryPoint: 'http', requestId });
    connections.whenResponsesSent(socket, () => sendErrorOnSocket(socket, error, requestId));
  };
