import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, GraphQLSchema, parse } from 'graphql';
import { handleProtocols, makeServer } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type {
  OperationOutcome,
  SubscriptionResult,
  SubscriptionResults,
} from '../../graphql/subscriptions/run.ts';
import { guarded, runGuarded } from '../../observability/guarded.ts';
import { scheduleAt } from '../../lib/scheduleAt.ts';
import { parseOperationRequest } from '../operationRequest.ts';
import { PendingConnections } from '../pendingConnections.ts';
import type { SubscriptionTransportOptions } from '../server.ts';
import { closeCodes, closeMs, SocketConnection } from '../socketConnection.ts';
import type { ClientRequest } from '../clientOperations.ts';
import { errorOutcome, clientName } from '../clientOperations.ts';
import { rateLimitedMessage } from '../errorResponse.ts';
import { refuseSocket } from '../rawResponse.ts';
import { requestIdOf } from '../requestId.ts';
import type { OpenWebSocket } from '../upgrades.ts';
import { foreignRouterMessage } from '../auth/routerSecret.ts';
import { AuthenticationError } from '../auth/credentials.ts';
import type { Authenticated } from '../auth/credentials.ts';

const serverOptions = {
  noServer: true,
  /** The same as a request's body may have. */
  maxPayload: 262_144,
  perMessageDeflate: false,
  /** For a peer that sends a close frame and keeps the connection open; `SocketConnection` sees to the others. */
  closeTimeout: closeMs,
  handleProtocols,
};

// Operations are run elsewhere; the protocol only wants to see that one is a subscription.
const placeholderOperation = {
  schema: new GraphQLSchema({}),
  document: parse('subscription { any }'),
};

// The library takes results only in the form that execution gives them; ours are in their public form already.
const wrap = (result: SubscriptionResult) => ({ extensions: { result } });

const isResult = (value: unknown): value is SubscriptionResult =>
  typeof value === 'object' && value !== null;

const unwrap = ({ result }: Readonly<Record<string, unknown>>): SubscriptionResult =>
  isResult(result) ? result : {};

const wrapResults = (results: SubscriptionResults) => ({
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

const textOrUndefined = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** WebSockets by the protocol `graphql-transport-ws`. Returns what opens one. */
export function addWebSocketRoute(
  server: FastifyInstance,
  options: SubscriptionTransportOptions,
): OpenWebSocket {
  const { execute, authenticate, authFailures, connectionLimits, isAllowedOrigin, isFromRouter } =
    options;
  const { maxPerConnection, addressOf, clock, log } = options;
  const sockets = new WebSocketServer(serverOptions);
  let isClosing = false;
  const connections = new Set<SocketConnection>();
  const pending = new PendingConnections();
  const outcomes = new WeakMap<object, OperationOutcome>();

  /** Undefined where the connection was closed because the credentials were not accepted. */
  async function accessOf(
    connection: SocketConnection,
    authorization: string | undefined,
  ): Promise<Authenticated | undefined> {
    try {
      return await authenticate(authorization);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const { reason } = error.failure;
      if (reason === undefined) {
        connection.close(closeCodes.tryAgainLater, 'The credentials cannot be checked now');
        return undefined;
      }
      const { address, requestId } = connection;
      const rejected = { address, reason, entryPoint: 'websocket', requestId } as const;
      const waitMs = await authFailures.record(rejected);
      if (waitMs === undefined) connection.close(closeCodes.forbidden, 'Forbidden');
      else connection.close(closeCodes.tooManyFailures, 'Too many failed credentials');
      return undefined;
    }
  }

  const protocol = makeServer<Record<string, unknown>, SocketConnection>({
    // Timers are ours.
    connectionInitWaitTimeout: 0,

    async onConnect({ connectionParams = {}, extra: connection }) {
      const { authorization, Authorization } = connectionParams;
      const credentials =
        textOrUndefined(authorization) ??
        textOrUndefined(Authorization) ??
        connection.authorization;
      const authenticated = await accessOf(connection, credentials);
      if (authenticated === undefined || connection.isClosed) return false;
      const identity = { access: authenticated, address: connection.address };
      const release = connectionLimits.acquire(clientName(identity));
      if (release === undefined) {
        connection.close(closeCodes.tryAgainLater, 'Too many connections');
        return false;
      }
      connection.authenticated(identity, release);
      if (authenticated.expiresAtMs !== undefined) {
        const expire = () => connection.close(closeCodes.forbidden, 'The credentials have expired');
        connection.onEnd(scheduleAt(authenticated.expiresAtMs, expire, clock));
      }
      return true;
    },

    async onSubscribe({ extra: connection, subscriptions }, id, payload) {
      const { party: identity, signal, refusals } = connection;
      const request = parseOperationRequest(payload);
      if (identity === undefined || request === undefined)
        throw new Error('It was looked at before.');
      const clientRequest: ClientRequest = { operation: request, signal };
      const outcome =
        Object.keys(subscriptions).length > maxPerConnection
          ? errorOutcome('This connection has too many operations.', 'OPERATION_TOO_EXPENSIVE')
          : await execute(identity, clientRequest);
      if (outcome.kind === 'once' && outcome.result.data === undefined) {
        refusals.set(id, outcome.result.errors ?? []);
        return [new GraphQLError('')];
      }
      const operation = { ...placeholderOperation };
      outcomes.set(operation, outcome);
      return operation;
    },
    subscribe(operation) {
      const outcome = outcomes.get(operation);
      if (outcome === undefined) throw new Error('It was asked before.');
      return outcome.kind === 'once' ? wrap(outcome.result) : wrapResults(outcome.results);
    },
    onNext: (...[, , , , { extensions = {} }]) => unwrap(extensions),
    onError({ extra: { refusals } }, id) {
      const errors = refusals.get(id);
      refusals.delete(id);
      return errors;
    },
  });

  function open(socket: WebSocket, request: IncomingMessage): void {
    const connection = new SocketConnection(socket, {
      clock,
      log,
      address: addressOf(request),
      requestId: requestIdOf(request.headers),
      authorization: request.headers.authorization,
    });
    connections.add(connection);
    connection.onEnd(() => connections.delete(connection));
    connection.waitForClient(
      pending.add(connection.address, () =>
        connection.close(closeCodes.tryAgainLater, 'Too many unauthenticated connections'),
      ),
    );
    connection.serve(protocol);
  }

  /** A missing or wrong router secret counts as rejected credentials: 401, or 429 when its address has too many of them. */
  function refuseForeignRouter(request: IncomingMessage, socket: Socket): void {
    const requestId = requestIdOf(request.headers);
    const close = () => socket.destroy();
    runGuarded({ log, name: 'router rejection', close }, async () => {
      const retryAfterMs = await authFailures.record({
        address: addressOf(request),
        reason: 'routerSecret',
        entryPoint: 'websocket',
        requestId,
      });
      const refusal =
        retryAfterMs === undefined
          ? { status: 401, code: 'UNAUTHENTICATED', message: foreignRouterMessage }
          : { status: 429, retryAfterMs, message: rateLimitedMessage };
      refuseSocket(socket, { ...refusal, requestId });
    });
  }

  const upgrade: OpenWebSocket = (request, socket, head) => {
    const requestId = requestIdOf(request.headers);
    if (!isFromRouter(request.headers)) {
      refuseForeignRouter(request, socket);
      return;
    }
    if (!isAllowedOrigin(request.headers)) {
      const message = 'Pages of this origin may not ask.';
      refuseSocket(socket, { status: 403, code: 'FORBIDDEN', message, requestId });
      return;
    }
    if (isClosing || connectionLimits.isFull()) {
      const message = 'There are too many connections.';
      refuseSocket(socket, { status: 503, retryAfterMs: 5_000, message, requestId });
      return;
    }
    const accept = guarded({ log, name: 'websocket', close: () => socket.destroy() }, open);
    sockets.handleUpgrade(request, socket, head, accept);
  };
  // Without a listener the library would answer by itself, in plain text.
  sockets.on('wsClientError', ({ message }: Error, _socket, { socket, headers }) => {
    const requestId = requestIdOf(headers);
    refuseSocket(socket, { status: 400, message: `${message}.`, requestId });
  });
  server.addHook('preClose', (done) => {
    isClosing = true;
    for (const connection of connections) {
      connection.close(closeCodes.goingAway, 'The gateway is stopping');
    }
    done();
  });
  return upgrade;
}
