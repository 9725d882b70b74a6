import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, GraphQLSchema, parse } from 'graphql';
import type { GraphQLFormattedError } from 'graphql';
import { handleProtocols, makeServer } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Answer, Result, Results } from '../graphql/live.ts';
import { at } from './deadline.ts';
import type { LiveOptions } from './server.ts';
import { readRequest } from './operationRequest.ts';
import type { Asked, Party } from './subscribing.ts';
import { errorAnswer, nameOf } from './subscribing.ts';

const path = '/graphql';

/** The same as a request's body may have. */
const maxMessageBytes = 262_144;

/** Who lets more than this lie unread does not read. */
const maxUnreadBytes = 1_048_576;

/** How long a client may take to say who it is. */
const initMs = 3_000;

/** Shorter than the patience of the usual balancer. */
const pingMs = 25_000;

/** How long a client has to say goodbye when the gateway stops. */
const goodbyeMs = 1_000;

const closings = {
  goingAway: 1001,
  tryAgainLater: 1013,
  forbidden: 4403,
  initTimeout: 4408,
  internal: 4500,
} as const;

/** What is known of one socket. */
interface Line {
  readonly request: IncomingMessage;
  readonly controller: AbortController;
  readonly onEnd: (() => void)[];
  readonly refusals: Map<string, readonly GraphQLFormattedError[]>;
  party?: Party;
  close(reason: keyof typeof closings, text: string): void;
}

// Operations are run elsewhere; the protocol only wants to see that one is a subscription.
const placeholder = { schema: new GraphQLSchema({}), document: parse('subscription { any }') };

// The library takes results only in the form that execution gives them; ours are in their public form already.
const wrap = (result: Result) => ({ extensions: { result } });

const isResult = (value: unknown): value is Result => typeof value === 'object' && value !== null;

const unwrap = ({ result }: Readonly<Record<string, unknown>>): Result =>
  isResult(result) ? result : {};

const wrapAll = (results: Results) => ({
  async next() {
    const { value } = await results.next();
    return value === undefined
      ? { value: undefined, done: true as const }
      : { value: wrap(value), done: false as const };
  },
  async return() {
    await results.return?.();
    return { value: undefined, done: true as const };
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** WebSocket `/graphql`, by the protocol `graphql-transport-ws`. */
export function addSocketRoute(server: FastifyInstance, options: LiveOptions): void {
  const { ask, authenticate, occupancy, isFromAllowedPage, isFromRouter } = options;
  const { maxPerConnection, clock, log } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols,
  });
  let isClosing = false;
  const outcomes = new WeakMap<object, Answer>();

  const protocol = makeServer<Record<string, unknown>, Line>({
    // Timers are ours.
    connectionInitWaitTimeout: 0,

    async onConnect({ connectionParams = {}, extra: line }) {
      const { headers, socket } = line.request;
      const { authorization, Authorization } = connectionParams;
      const given = textOf(authorization) ?? textOf(Authorization) ?? headers.authorization;
      const access = await authenticate(given).catch(() => undefined);
      if (access === undefined || line.controller.signal.aborted) return false;
      const party = { access, address: socket.remoteAddress ?? '' };
      const leave = occupancy.belong(nameOf(party));
      if (leave === undefined) {
        line.close('tryAgainLater', 'Too many connections');
        return false;
      }
      line.onEnd.push(leave);
      if (access.expiresAtMs !== undefined) {
        const expire = () => line.close('forbidden', 'The credentials have expired');
        line.onEnd.push(at(access.expiresAtMs, expire, clock));
      }
      line.party = party;
      return true;
    },

    async onSubscribe({ extra: line, subscriptions }, id, payload) {
      const { party, controller } = line;
      const request = readRequest(payload);
      if (party === undefined || request === undefined) throw new Error('It was looked at before.');
      const asked: Asked = { request, signal: controller.signal };
      const answer =
        Object.keys(subscriptions).length > maxPerConnection
          ? errorAnswer('This connection has too many operations.', 'OPERATION_TOO_EXPENSIVE')
          : await ask(party, asked);
      if (answer.kind === 'once' && answer.result.data === undefined) {
        line.refusals.set(id, answer.result.errors ?? []);
        return [new GraphQLError('')];
      }
      const run = { ...placeholder };
      outcomes.set(run, answer);
      return run;
    },
    subscribe(run) {
      const answer = outcomes.get(run);
      if (answer === undefined) throw new Error('It was asked before.');
      return answer.kind === 'once' ? wrap(answer.result) : wrapAll(answer.results);
    },
    onNext: (...[, , , , { extensions = {} }]) => unwrap(extensions),
    onError({ extra: { refusals } }, id) {
      const errors = refusals.get(id);
      refusals.delete(id);
      return errors;
    },
  });

  function open(socket: WebSocket, request: IncomingMessage, leave: () => void): void {
    const line: Line = {
      request,
      controller: new AbortController(),
      onEnd: [leave],
      refusals: new Map(),
      close: (reason, text) => socket.close(closings[reason], text),
    };
    // Every operation of the socket listens, and there may be many at once.
    setMaxListeners(0, line.controller.signal);
    let isAlive = true;
    let cancelPing: () => void = () => undefined;
    const ping = () => {
      if (!isAlive) {
        socket.terminate();
        return;
      }
      isAlive = false;
      socket.ping();
      cancelPing = clock.after(pingMs, ping);
    };
    cancelPing = clock.after(pingMs, ping);
    const cancelInit = clock.after(initMs, () => {
      if (line.party === undefined) line.close('initTimeout', 'Connection initialisation timeout');
    });
    line.onEnd.push(cancelInit, () => cancelPing());
    socket.on('pong', () => {
      isAlive = true;
    });
    // A frame that breaks the rules closes the socket with its own code.
    socket.on('error', () => undefined);
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) =>
          new Promise((resolve) => {
            if (socket.readyState !== socket.OPEN) resolve();
            else socket.send(text, () => resolve());
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage(take) {
          socket.on('message', (data: Buffer) => {
            if (socket.bufferedAmount > maxUnreadBytes) {
              socket.terminate();
              return;
            }
            take(data.toString()).catch((error: unknown) => {
              log.error('a socket failed', { error });
              line.close('internal', 'Internal server error');
            });
          });
        },
      },
      line,
    );
    socket.once('close', (code, reason) => {
      line.controller.abort();
      for (const end of line.onEnd) end();
      void closed(code, String(reason));
    });
  }

  server.server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (new URL(request.url ?? '', 'http://gateway').pathname !== path) {
      refuse(socket, '404 Not Found');
      return;
    }
    if (!isFromRouter(request.headers)) {
      refuse(socket, '401 Unauthorized');
      return;
    }
    if (!isFromAllowedPage(request.headers)) {
      refuse(socket, '403 Forbidden');
      return;
    }
    const leave = isClosing ? undefined : occupancy.connect();
    if (leave === undefined) {
      refuse(socket, '503 Service Unavailable\r\nretry-after: 5');
      return;
    }
    socket.once('close', leave);
    sockets.handleUpgrade(request, socket, head, (opened) => open(opened, request, leave));
  });
  server.addHook('preClose', (done) => {
    isClosing = true;
    for (const socket of sockets.clients) {
      socket.close(closings.goingAway, 'The gateway is stopping');
      const cancel = clock.after(goodbyeMs, () => socket.terminate());
      socket.once('close', cancel);
    }
    done();
  });
}
