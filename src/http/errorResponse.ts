import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../observability/log.ts';
import type { AuthFailures, EntryPoint } from './auth/authFailures.ts';
import { AuthenticationError } from './auth/credentials.ts';

const emptyUsage = { calls: 0, cacheHits: 0, shared: 0 };

/** An answer in GraphQL's form for a request that never became an operation. */
export const errorBody = (message: string, code: string, requestId: string) => ({
  errors: [{ message, extensions: { code, retryable: false, requestId } }],
  extensions: { upstream: emptyUsage },
});

/** The same for a client that may try again later. */
export const busyRefusal = (message: string, retryAfterMs: number, requestId: string) => ({
  errors: [
    { message, extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs, requestId } },
  ],
  extensions: { upstream: emptyUsage },
});

export const rateLimitedMessage = 'You ask too often. Wait before you ask again.';

/** For a client that asks too often. */
export function sendRateLimited(
  reply: FastifyReply,
  waitMs: number,
  message = rateLimitedMessage,
): FastifyReply {
  return reply
    .status(429)
    .header('retry-after', Math.ceil(waitMs / 1000))
    .header('cache-control', 'no-store')
    .send(busyRefusal(message, waitMs, reply.request.id));
}

const connectionRetryMs = 5_000;

/** For a client that has reached its number of live connections. */
export const refuseConnection = (reply: FastifyReply): FastifyReply =>
  sendRateLimited(reply, connectionRetryMs, 'There are too many connections.');

/** For a client that asks for a live connection while the gateway stops; another instance can serve it. */
export const refuseWhileStopping = (reply: FastifyReply): FastifyReply =>
  reply
    .status(503)
    .header('cache-control', 'no-store')
    .send({
      errors: [
        {
          message: 'The gateway is stopping.',
          extensions: {
            code: 'UPSTREAM_UNAVAILABLE',
            retryable: true,
            requestId: reply.request.id,
          },
        },
      ],
      extensions: { upstream: emptyUsage },
    });

const messagesByFastifyCode: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The address cannot be read.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The request body is too long.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send the request as application/json.',
};

function sendAuthenticationError(error: AuthenticationError, reply: FastifyReply): FastifyReply {
  const { status, code, retryable, challenge } = error.failure;
  if (challenge !== undefined) void reply.header('www-authenticate', challenge);
  const extensions = { code, retryable, requestId: reply.request.id };
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .send({
      errors: [{ message: error.message, extensions }],
      extensions: { upstream: emptyUsage },
    });
}

/** The entry point that a request came by. */
export const entryPointOf = ({ routeOptions }: FastifyRequest): EntryPoint =>
  routeOptions.url === '/graphql/stream' ? 'sse' : 'http';

/** Whoever guesses at credentials is soon told to wait; who has good ones never comes here. */
export const createErrorHandler =
  (log: Log, authFailures: AuthFailures) =>
  async (
    error: FastifyError | AuthenticationError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const { id, ip: address } = request;
    if (error instanceof AuthenticationError) {
      const { reason } = error.failure;
      const rejected = { address, entryPoint: entryPointOf(request), requestId: id };
      const waitMs =
        reason === undefined ? undefined : await authFailures.record({ ...rejected, reason });
      return waitMs === undefined
        ? sendAuthenticationError(error, reply)
        : sendRateLimited(reply, waitMs);
    }
    const { statusCode: status = 500 } = error;
    // A client that left while its response was sent is not an error of the gateway.
    if (status >= 500 && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') {
      log.error('a request failed', { requestId: id, error });
      return reply
        .status(500)
        .send(errorBody('Something went wrong in the gateway.', 'INTERNAL_SERVER_ERROR', id));
    }
    const message = messagesByFastifyCode[error.code] ?? 'The request body is not valid JSON.';
    return reply.status(status).send(errorBody(message, 'BAD_REQUEST', id));
  };

export const sendNotFound = ({ id }: FastifyRequest, reply: FastifyReply): void => {
  void reply.status(404).send(errorBody('There is nothing at this address.', 'BAD_REQUEST', id));
};
