import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { ConnectionTracker } from './connectionTracker.ts';
import { refuseSocket } from './rawResponse.ts';
import type { RequestHeads } from './requestHead.ts';
import { requestIdOf } from './requestId.ts';
import { readTarget } from './target.ts';

/** Takes a request for a WebSocket together with its socket and the bytes that followed the request. */
export type OpenWebSocket = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

interface UpgradeOptions {
  /** Where WebSockets are opened. */
  readonly path: string;
  readonly heads: RequestHeads;
  readonly open: OpenWebSocket;
  readonly lines: ConnectionTracker;
  readonly log: Log;
}

/** A request's first lines as they came, without its Upgrade. Node reads header fields as Latin-1. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method ?? ''} ${url ?? ''} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${rawHeaders[index + 1] ?? ''}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/**
 * Takes the sockets that Node hands over after an Upgrade. All but those of WebSockets are served as if there had been no Upgrade, as
 * RFC 9110, section 7.8, allows: some clients offer `h2c` with every request. Node could ignore an Upgrade by itself (from 24.9 on with
 * `shouldUpgradeCallback`), but then loses the requests that follow in the same packet.
 */
export function addUpgrades(
  server: Server,
  { path, heads, open, lines, log }: UpgradeOptions,
): void {
  /** Never throws. A WebSocket whose target or host is refused is refused as any other request is. */
  const isForWebSocket = (request: IncomingMessage): boolean =>
    request.method === 'GET' &&
    request.headers.upgrade?.toLowerCase() === 'websocket' &&
    readTarget(request.url ?? '')?.path.replace(/\?.*$/s, '') === path &&
    heads.problemOf(request) === undefined;

  // The first lines are written again for a second reading, and a field that is left out could end the body elsewhere.
  // Their length is limited anyway.
  server.maxHeadersCount = 0;

  /** Runs `task` once the requests before this one are answered. */
  function afterEarlierAnswers(socket: Socket, task: () => void): void {
    const close = () => socket.destroy();
    const run = () => {
      // An earlier answer may have closed the connection, or limited how long it may be idle.
      if (!socket.writable) return;
      socket.setTimeout(0);
      task();
    };
    lines.whenAnswered(socket, guarded({ log, name: 'upgrade', close }, run));
  }

  function takeUpgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    if (isForWebSocket(request)) {
      afterEarlierAnswers(socket, () => {
        lines.release(socket);
        open(request, socket, head);
      });
      return;
    }
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    afterEarlierAnswers(socket, () => server.emit('connection', socket));
  }

  function takeConnect({ socket, headers }: IncomingMessage): void {
    const requestId = requestIdOf(headers);
    const message = 'CONNECT is not supported.';
    afterEarlierAnswers(socket, () => refuseSocket(socket, { status: 400, message, requestId }));
  }

  const guardedFor = (request: IncomingMessage, take: () => void) =>
    guarded({ log, name: 'upgrade', close: () => request.socket.destroy() }, take);

  server.on('upgrade', (request, _socket, head) => {
    guardedFor(request, () => takeUpgrade(request, head))();
  });
  // Without a listener Node closes the socket silently.
  server.on('connect', (request) => {
    guardedFor(request, () => takeConnect(request))();
  });
}
