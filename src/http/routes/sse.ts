import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { publicError } from '../../graphql/errors.ts';
import type { OperationOutcome, SubscriptionResult } from '../../graphql/subscriptions/run.ts';
import type { Clock } from '../../lib/clock.ts';
import { Disposer } from '../../lib/disposer.ts';
import { scheduleAt } from '../../lib/scheduleAt.ts';
import { guarded, runGuarded } from '../../observability/guarded.ts';
import type { Log } from '../../observability/log.ts';
import { clientName } from '../clientOperations.ts';
import { shuttingDown, tooManyConnections } from '../errorResponse.ts';
import { parseOperationRequest, parseOperationQuery } from '../operationRequest.ts';
import type { SubscriptionTransportOptions } from '../options.ts';
import { isBackgroundPriority } from '../priority.ts';

/** Shorter than the idle timeout of common load balancers. */
const pingIntervalMs = 15_000;

const formatEvent = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;

const acceptsEventStream = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])text\/event-stream($|[\s,;])/i.test(headers.accept ?? '');

/** One event stream. Everything it holds is released when its connection closes. */
class EventStream {
  /** The response body. */
  readonly body = new PassThrough();
  readonly #controller = new AbortController();
  readonly #held = new Disposer();
  readonly #clock: Clock;
  readonly #log: Log;
  #cancelPing: () => void = () => undefined;

  constructor({ clock, log }: Pick<SubscriptionTransportOptions, 'clock' | 'log'>) {
    this.#clock = clock;
    this.#log = log;
    this.onEnd(() => this.#controller.abort());
    this.onEnd(() => this.#cancelPing());
    this.body.on('error', () => undefined);
  }

  /** Aborted when the connection closes. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  onEnd(release: () => void): void {
    this.#held.add(release);
  }

  followConnection(response: ServerResponse): void {
    const release = guarded({ log: this.#log, name: 'event stream close' }, () =>
      this.#held.dispose(),
    );
    response.once('close', release);
    this.body.once('close', release);
    // A client that disconnected during authentication emits no further `close`.
    if (response.destroyed) release();
  }

  /** Ends the response without `complete`, so that the client reconnects. */
  end(): void {
    this.body.end();
  }

  start(outcome: OperationOutcome, expiresAtMs: number | undefined): void {
    if (outcome.kind === 'stream') {
      const { results } = outcome;
      const guard = { log: this.#log, name: 'event stream end' };
      this.onEnd(() => runGuarded(guard, () => results.return?.()));
    }
    if (expiresAtMs !== undefined) {
      this.onEnd(scheduleAt(expiresAtMs, () => this.end(), this.#clock));
    }
    // The response head is sent with the first byte.
    this.#ping();
    const guard = { log: this.#log, name: 'event stream', close: () => this.end() };
    runGuarded(guard, async () => {
      await this.#sendResults(outcome);
      if (!this.body.writableEnded) this.end();
    });
  }

  #ping(): void {
    if (this.body.writableEnded || this.#held.isDisposed) return;
    if (this.body.writableLength === 0) this.body.write(':\n\n');
    this.#cancelPing = this.#clock.after(pingIntervalMs, () => this.#ping());
  }

  async #sendResults(outcome: OperationOutcome): Promise<void> {
    if (outcome.kind === 'once') {
      await this.#sendResult(outcome.result);
    } else {
      for await (const result of outcome.results) {
        if (this.body.writableEnded || this.body.destroyed) return;
        await this.#sendResult(result);
      }
    }
    if (!this.body.writableEnded) this.body.write(formatEvent('complete', ''));
  }

  async #sendResult(result: SubscriptionResult): Promise<void> {
    if (this.body.write(formatEvent('next', JSON.stringify(result)))) return;
    // A slow connection is destroyed after SEND_TIMEOUT_MS, which aborts the signal.
    await once(this.body, 'drain', { signal: this.signal }).catch(() => undefined);
  }
}

/** `GET` and `POST /graphql/stream`: server-sent events in the distinct connections mode of `graphql-sse`. */
export function addSseRoute(server: FastifyInstance, options: SubscriptionTransportOptions): void {
  const { execute, authenticate, connectionLimits, isAllowedOrigin, isRouter } = options;
  const streams = new Set<EventStream>();
  let hasShutdownStarted = false;
  const isShuttingDown = () => hasShutdownStarted;

  function parseOperation(request: FastifyRequest) {
    const operation =
      request.method === 'GET'
        ? parseOperationQuery(request.url)
        : parseOperationRequest(request.body);
    if (operation !== undefined) return operation;
    throw publicError.badRequest('The request must contain a GraphQL operation.');
  }

  async function handle(request: FastifyRequest, reply: FastifyReply) {
    const { id: requestId, headers, method, ip: address } = request;
    if (!isAllowedOrigin(headers)) {
      throw publicError.forbidden('The origin of this page is not listed in CORS_ORIGINS.');
    }
    if (!acceptsEventStream(request)) {
      throw publicError.badRequest('Send "Accept: text/event-stream".', { status: 406 });
    }
    const access = await authenticate(headers.authorization);
    const operation = parseOperation(request);
    if (isShuttingDown()) throw shuttingDown();
    const client = {
      ...{ access, address },
      isRouter: isRouter(headers),
      isBackground: isBackgroundPriority(headers['priority']),
    };
    const release = connectionLimits.acquire(clientName(client));
    if (release === undefined) throw tooManyConnections();
    const stream = new EventStream(options);
    stream.onEnd(release);
    stream.followConnection(reply.raw);
    const { signal } = stream;
    const isReadOnly = method === 'GET';
    const outcome = await execute(client, { operation, signal, requestId, isReadOnly });
    void reply.header('cache-control', 'no-store, no-transform');
    if (outcome.kind === 'once' && outcome.result.data === undefined) {
      return reply.status(outcome.status).send(outcome.result);
    }
    streams.add(stream);
    stream.onEnd(() => streams.delete(stream));
    stream.start(outcome, access.expiresAtMs);
    if (isShuttingDown()) stream.end();
    return reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('x-accel-buffering', 'no')
      .send(stream.body);
  }

  // No PUT: it would open the protocol's single connection mode.
  server.get('/graphql/stream', handle);
  server.post('/graphql/stream', handle);
  server.addHook('preClose', (done) => {
    hasShutdownStarted = true;
    for (const stream of streams) stream.end();
    done();
  });
}
