import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, GraphQLSchema, parse } from 'graphql';
import { makeServer } from 'graphql-ws';
import type { Context } from 'graphql-ws';
import type { WebSocket, WebSocketServer } from 'ws';
import { publicError, PublicError } from '../../graphql/errors.ts';
import type {
  OperationOutcome,
  SubscriptionResult,
  SubscriptionResults,
} from '../../graphql/subscriptions/run.ts';
import { guarded, runGuarded } from '../../observability/guarded.ts';
import { requestIds } from '../../observability/tracing.ts';
import { AuthenticationError } from '../auth/credentials.ts';
import type { Authenticated } from '../auth/credentials.ts';
import { clientApplicationOf } from '../../lib/clientApplication.ts';
import { onMaxAge } from '../connectionAge.ts';
import { onCredentialsEnd } from '../endOfCredentials.ts';
import { sendErrorOnSocket, shuttingDownError, tooManyConnectionsError } from '../errorResponse.ts';
import { admitConnection } from '../liveConnection.ts';
import { parseOperationRequest } from '../operationRequest.ts';
import type { SubscriptionTransportOptions } from '../options.ts';
import { isBackgroundPriority } from '../priority.ts';
import { traceUpgrade, webSocketOperationSpan } from '../requestSpans.ts';
import type { WebSocketUpgradeHandler } from '../upgrades.ts';
import { closeCodes, WebSocketConnection } from '../webSocketConnection.ts';
import { createWebSocketServer, limitPartialMessages } from '../webSocketServer.ts';

// graphql-ws only checks that the operation is a subscription; `execute` runs it.
const placeholderOperation = {
  schema: new GraphQLSchema({}),
  document: parse('subscription { any }'),
};

// graphql-ws requires execution results, and ours are formatted already.
const wrap = (result: SubscriptionResult) => ({ extensions: { result } });

const isResult = (value: unknown): value is SubscriptionResult =>
  typeof value === 'object' && value !== null;

const unwrap = ({ result }: Readonly<Record<string, unknown>>): SubscriptionResult =>
  isResult(result) ? result : {};

/** For graphql-ws a subscription without results: it would create several promises for each. */
const sendResults = (
  results: SubscriptionResults,
  connection: WebSocketConnection,
  operationId: string,
) => ({
  async next() {
    await connection.sendResults(operationId, results);
    return { value: undefined, done: true as const };
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

type ConnectionParams = Record<string, unknown>;

interface RouterClaim {
  readonly isRouter: boolean;
  /** Why the secret in the connection parameters is not accepted. */
  readonly problem: AuthenticationError | undefined;
}

const entryPoint = 'websocket' as const;

interface RunningOperation {
  readonly id: string;
  readonly outcome: OperationOutcome;
  readonly connection: WebSocketConnection;
}

type ProtocolContext = Context<ConnectionParams, WebSocketConnection>;

/** WebSockets by the protocol `graphql-transport-ws`. */
class WebSocketEndpoint {
  readonly #options: SubscriptionTransportOptions;
  readonly #sockets: WebSocketServer;
  readonly #connections = new Set<WebSocketConnection>();
  readonly #protocol;
  #isShuttingDown = false;

  constructor(options: SubscriptionTransportOptions) {
    this.#options = options;
    this.#sockets = createWebSocketServer(options.maxBodyBytes);
    this.#protocol = this.#createProtocol();
    // Without a listener `ws` responds in plain text.
    this.#sockets.on('wsClientError', ({ message }: Error, _socket, request) => {
      this.#reject(request, publicError.badRequest(`${message}.`));
    });
  }

  /** Opens a WebSocket, or responds with an error. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { router, isAllowedOrigin, connectionLimits, log } = this.#options;
    const { headers } = request;
    const reject = (error: PublicError) => this.#reject(request, error);
    const problem = router.problemOf(headers);
    if (problem !== undefined) {
      this.#rejectClient(request, socket, problem);
    } else if (!isAllowedOrigin(headers)) {
      reject(publicError.forbidden('The origin of this page is not listed in CORS_ORIGINS.'));
    } else if (this.#isShuttingDown) {
      reject(shuttingDownError());
    } else if (connectionLimits.isFull) {
      reject(tooManyConnectionsError(503));
    } else {
      const guard = { log, name: 'websocket', close: () => socket.destroy() };
      const open = (webSocket: WebSocket) => this.#open(webSocket, request);
      this.#sockets.handleUpgrade(request, socket, head, guarded(guard, open));
    }
  }

  shutDown(): void {
    this.#isShuttingDown = true;
    for (const connection of this.#connections) {
      connection.close(closeCodes.goingAway, 'The gateway is shutting down');
    }
  }

  #reject(request: IncomingMessage, error: PublicError): void {
    const { rejections, addressOf, tracing } = this.#options;
    const ids = traceUpgrade(tracing, request, error.status);
    rejections.report(error, { address: addressOf(request), entryPoint, ...ids });
    sendErrorOnSocket(request.socket, error, ids.requestId);
  }

  /** Closes a connection that exceeds a limit. */
  #rejectConnection(connection: WebSocketConnection, reason: string): void {
    const { address, ids } = connection;
    this.#options.rejections.report(tooManyConnectionsError(), { address, entryPoint, ...ids });
    connection.close(closeCodes.tryAgainLater, reason);
  }

  #rejectClient(request: IncomingMessage, socket: Socket, problem: AuthenticationError): void {
    const { authFailures, addressOf, tracing, log } = this.#options;
    const ids = traceUpgrade(tracing, request, problem.status);
    const rejected = { address: addressOf(request), entryPoint, ...ids };
    const guard = { log, name: 'router rejection', close: () => socket.destroy() };
    runGuarded(guard, async () => {
      const error = await authFailures.reject(problem, rejected);
      sendErrorOnSocket(socket, error, ids.requestId);
    });
  }

  #open(socket: WebSocket, request: IncomingMessage): void {
    const { clock, log, addressOf, router, tracing, connectionLimits } = this.#options;
    const { authorization, traceparent, tracestate } = request.headers;
    const connection = new WebSocketConnection(socket, {
      clock,
      log,
      address: addressOf(request),
      ids: traceUpgrade(tracing, request, 101),
      traceHeaders: { traceparent, tracestate },
      authorization,
      isRouter: router.isRouter(request.headers),
    });
    this.#connections.add(connection);
    limitPartialMessages(socket, request.socket, this.#options.receiveLimiter);
    connection.onEnd(() => this.#connections.delete(connection));
    const evict = () => this.#rejectConnection(connection, 'Too many unauthenticated connections');
    const { unauthenticated } = connectionLimits;
    connection.startAuthenticationTimeout(unauthenticated.add(connection.address, evict));
    connection.serve(this.#protocol);
  }

  #createProtocol() {
    const operations = new WeakMap<object, RunningOperation>();
    return makeServer<ConnectionParams, WebSocketConnection>({
      // `WebSocketConnection` has its own timeout.
      connectionInitWaitTimeout: 0,
      onConnect: (context) => this.#connect(context),
      onSubscribe: async (context, id, payload) => {
        const { subscriptions } = context;
        const outcome = await this.#execute(context, id, payload);
        if (outcome.kind === 'once' && outcome.result.data === undefined) {
          if (id in subscriptions) context.extra.rejections.set(id, outcome.result.errors ?? []);
          return [new GraphQLError('')];
        }
        const operation = { ...placeholderOperation };
        operations.set(operation, { id, outcome, connection: context.extra });
        return operation;
      },
      subscribe(operation) {
        const running = operations.get(operation);
        if (running === undefined) throw new Error('onSubscribe runs before subscribe.');
        const { id, outcome, connection } = running;
        return outcome.kind === 'once'
          ? wrap(outcome.result)
          : sendResults(outcome.results, connection, id);
      },
      onNext: (...[, , , , { extensions = {} }]) => unwrap(extensions),
      onError({ extra: { rejections } }, id) {
        const errors = rejections.get(id);
        rejections.delete(id);
        return errors;
      },
    });
  }

  /** Whether the client is accepted. Otherwise the connection is closed. */
  async #connect({ connectionParams = {}, extra: connection }: ProtocolContext): Promise<boolean> {
    const { connectionLimits, maxConnectionAgeMs, clock, router } = this.#options;
    const secret = connectionParams['x-router-secret'] ?? connectionParams['X-Router-Secret'];
    const headers =
      secret === undefined ? {} : { 'x-router-secret': textOrUndefined(secret) ?? '' };
    const isRouter = connection.isRouter || router.isRouter(headers);
    const access = await this.#authenticate(connection, connectionParams, {
      isRouter,
      problem: secret === undefined ? undefined : router.problemOf(headers),
    });
    if (access === undefined || connection.isClosed) return false;
    const { address } = connection;
    const isBackground = isBackgroundPriority(connectionParams['priority']);
    const application = clientApplicationOf(connectionParams);
    const client = { access, address, isRouter, isBackground, application };
    connection.markAuthenticated(client);
    const reject = () => this.#rejectConnection(connection, 'Too many connections');
    const release = admitConnection(connectionLimits, client, reject);
    if (release === undefined) {
      reject();
      return false;
    }
    connection.onEnd(release);
    const end = (reason: string) => connection.close(closeCodes.forbidden, reason);
    connection.onEnd(onCredentialsEnd(access, end, clock));
    const retire = () => connection.closeWhenIdle(closeCodes.goingAway, 'Maximum connection age');
    connection.onEnd(onMaxAge(maxConnectionAgeMs, retire, clock));
    return true;
  }

  /** Closes the connection and returns undefined if the credentials are not accepted. */
  async #authenticate(
    connection: WebSocketConnection,
    { authorization, Authorization }: ConnectionParams,
    { isRouter, problem }: RouterClaim,
  ): Promise<Authenticated | undefined> {
    const { authenticate, authFailures } = this.#options;
    const given =
      textOrUndefined(authorization) ?? textOrUndefined(Authorization) ?? connection.authorization;
    try {
      if (problem !== undefined) throw problem;
      return await authenticate(given, isRouter);
    } catch (error) {
      if (!(error instanceof PublicError)) throw error;
      if (error instanceof AuthenticationError) {
        const { address, ids } = connection;
        const isForwarded = isRouter && error !== problem;
        const request = { address, isRouter: isForwarded, entryPoint, ...ids };
        const { retryAfterMs } = await authFailures.reject(error, request);
        const reason = error === problem ? 'Wrong router secret' : 'Forbidden';
        if (retryAfterMs === undefined) connection.close(closeCodes.forbidden, reason);
        else connection.close(closeCodes.tooManyFailures, 'Too many rejected credentials');
      } else {
        connection.close(closeCodes.tryAgainLater, 'Credentials cannot be verified at present');
      }
      return undefined;
    }
  }

  async #execute(
    { extra: connection, subscriptions }: ProtocolContext,
    id: string,
    payload: unknown,
  ): Promise<OperationOutcome> {
    const { execute, maxPerConnection, tracing } = this.#options;
    const { client, traceHeaders } = connection;
    const operation = parseOperationRequest(payload);
    if (client === undefined || operation === undefined) {
      throw new Error('WebSocketConnection passes only valid messages of authenticated clients.');
    }
    const requestId = randomUUID();
    const span = webSocketOperationSpan(tracing, traceHeaders, requestId);
    try {
      // A router carries the subscriptions of many clients on one connection.
      if (!client.isRouter && Object.keys(subscriptions).length > maxPerConnection) {
        throw publicError.tooExpensive('Too many operations on this connection.');
      }
      return await connection.runOperation(id, (signal) =>
        execute(client, { operation, signal, requestId, span }),
      );
    } catch (error) {
      if (!(error instanceof PublicError)) throw error;
      const { rejections } = this.#options;
      const { address } = connection;
      rejections.report(error, { address, entryPoint, ...requestIds({ requestId, span }) });
      rejections.countOperation(error);
      return { kind: 'once', status: error.status, result: { errors: [error.format(requestId)] } };
    } finally {
      span?.end();
    }
  }
}

/** Returns the function that opens WebSockets. */
export function createWebSocketUpgradeHandler(
  server: FastifyInstance,
  options: SubscriptionTransportOptions,
): WebSocketUpgradeHandler {
  const endpoint = new WebSocketEndpoint(options);
  server.addHook('preClose', (done) => {
    endpoint.shutDown();
    done();
  });
  return (request, socket, head) => endpoint.upgrade(request, socket, head);
}
