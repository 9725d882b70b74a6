import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { publicError } from '../../graphql/errors.ts';
import { clientOf } from '../clientOperations.ts';
import { jsonType } from '../contentNegotiation.ts';
import { mediaTypeFor, shuttingDownError, tooManyConnectionsError } from '../errorResponse.ts';
import { admitConnection } from '../liveConnection.ts';
import { parseOperationRequest, parseOperationQuery } from '../operationRequest.ts';
import type { SubscriptionTransportOptions, OperationTextOf } from '../options.ts';
import { ResultStream } from '../resultStream.ts';
import { eventStreamFormat, parseAcceptedStream } from '../streamFormats.ts';
import type { AcceptedStream, StreamFormat } from '../streamFormats.ts';

interface ResultStreamsOptions extends SubscriptionTransportOptions {
  readonly textOf: OperationTextOf;
}

interface RequestedStream extends AcceptedStream {
  readonly format: StreamFormat;
}

const operationOf = (request: FastifyRequest) =>
  request.method === 'GET' ? parseOperationQuery(request.url) : parseOperationRequest(request.body);

const lastEventIdOf = ({ 'last-event-id': id }: FastifyRequest['headers']): string | undefined =>
  typeof id === 'string' ? id : undefined;

/** Operations whose results are sent in a response that stays open: server-sent events or multipart. */
export class ResultStreams {
  readonly #options: ResultStreamsOptions;
  readonly #streams = new Set<ResultStream>();
  #isShuttingDown = false;

  constructor(options: ResultStreamsOptions) {
    this.#options = options;
  }

  /** Undefined if the response is a single result. The text of every subscription contains the word. */
  requestedBy(request: FastifyRequest): RequestedStream | undefined {
    const { format, acceptsJson } = parseAcceptedStream(request.headers.accept ?? '');
    if (format === undefined) return undefined;
    if (acceptsJson) {
      const operation = operationOf(request);
      const text = operation && this.#options.textOf({ ...operation });
      if (text?.includes('subscription') !== true) return undefined;
    }
    return { format, acceptsJson };
  }

  async handle(request: FastifyRequest, reply: FastifyReply, requested: RequestedStream) {
    const { format, acceptsJson } = requested;
    const { execute, authenticate, connectionLimits, isAllowedOrigin, router } = this.#options;
    const { id: requestId, span, headers, method } = request;
    if (!isAllowedOrigin(headers)) {
      throw publicError.forbidden('The origin of this page is not listed in CORS_ORIGINS.');
    }
    const isRouter = router.isRouter(headers);
    const access = await authenticate(headers.authorization, isRouter);
    const operation = operationOf(request);
    if (operation === undefined) {
      throw publicError.badRequest('The request must contain a GraphQL operation.');
    }
    if (this.#isShuttingDown) throw shuttingDownError();
    const client = clientOf(request, access, isRouter);
    const stream = new ResultStream({ ...this.#options, format, requestId });
    const release = admitConnection(connectionLimits, client, () =>
      stream.interrupt(tooManyConnectionsError()),
    );
    if (release === undefined) throw tooManyConnectionsError();
    stream.onEnd(release);
    stream.followConnection(reply.raw);
    const { signal } = stream;
    const { accept = '' } = headers;
    const outcome = await execute(client, {
      ...{ operation, signal, requestId, span, accept },
      isReadOnly: method === 'GET',
      lastEventId: lastEventIdOf(headers),
    });
    void reply.header('cache-control', 'no-store, no-transform');
    if (outcome.kind === 'once') {
      const { result, status, headers: resultHeaders = [] } = outcome;
      if (result.data === undefined || acceptsJson) {
        return (
          reply
            // Routers drop the codes of responses that are not 2xx.
            .status(isRouter ? 200 : status)
            .headers(Object.fromEntries(resultHeaders))
            .header('content-type', isRouter ? jsonType : mediaTypeFor(request))
            .send(JSON.stringify(result))
        );
      }
    }
    this.#streams.add(stream);
    stream.onEnd(() => this.#streams.delete(stream));
    stream.start(outcome, access);
    if (this.#hasShutDown()) stream.interrupt(shuttingDownError());
    return reply
      .header('content-type', format.contentType)
      .header('x-accel-buffering', 'no')
      .send(stream.body);
  }

  shutDown(): void {
    this.#isShuttingDown = true;
    for (const stream of this.#streams) stream.interrupt(shuttingDownError());
  }

  #hasShutDown(): boolean {
    return this.#isShuttingDown;
  }
}

/** Adds `GET` and `POST /graphql/stream`, and returns the streams for `/graphql`. */
export function addResultStreams(
  server: FastifyInstance,
  options: ResultStreamsOptions,
): ResultStreams {
  const streams = new ResultStreams(options);
  const handle = (request: FastifyRequest, reply: FastifyReply) => {
    const { format } = parseAcceptedStream(request.headers.accept ?? '');
    if (format === eventStreamFormat) {
      return streams.handle(request, reply, { format, acceptsJson: false });
    }
    throw publicError.badRequest('Send "Accept: text/event-stream".', { status: 406 });
  };
  // No PUT: it would open the protocol's single connection mode.
  server.get('/graphql/stream', handle);
  server.post('/graphql/stream', handle);
  server.addHook('preClose', (done) => {
    streams.shutDown();
    done();
  });
  return streams;
}
