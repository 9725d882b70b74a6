import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../support/log.ts';
import { networkOf } from './requestRate.ts';
import type { RequestRate } from './requestRate.ts';
import { AuthenticationError } from './viewer.ts';

const noCalls = { calls: 0, cacheHits: 0, shared: 0 };

/** An answer in GraphQL's form for a request that never became an operation. */
export const refusal = (message: string, code: string, requestId: string) => ({
  errors: [{ message, extensions: { code, retryable: false, requestId } }],
  extensions: { upstream: noCalls },
});

export const askedTooOften = 'You ask too often. Wait before you ask again.';

/** For a client that asks too often. */
export function refuseClient(reply: FastifyReply, waitMs: number): FastifyReply {
  const { request } = reply;
  const extensions = {
    code: 'RATE_LIMITED',
    retryable: true,
    retryAfterMs: waitMs,
    requestId: request.id,
  };
  return reply
    .status(429)
    .header('retry-after', Math.ceil(waitMs / 1000))
    .header('cache-control', 'no-store')
    .send({ errors: [{ message: askedTooOften, extensions }], extensions: { upstream: noCalls } });
}

const messages: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The address cannot be read.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The request body is too long.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send the request as application/json.',
};

function answerStranger(error: AuthenticationError, reply: FastifyReply): FastifyReply {
  const { status, code, retryable, challenge } = error.answer;
  if (challenge !== undefined) void reply.header('www-authenticate', challenge);
  const extensions = { code, retryable, requestId: reply.request.id };
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .send({ errors: [{ message: error.message, extensions }], extensions: { upstream: noCalls } });
}

/** Whoever guesses at credentials is soon told to wait; who has good ones never comes here. */
export const answerFailure =
  (log: Log, authFailures: RequestRate) =>
  async (
    error: FastifyError | AuthenticationError,
    { id, ip }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    if (error instanceof AuthenticationError) {
      const isGuess = error.answer.status === 401;
      const waitMs = isGuess ? await authFailures.waitMs(networkOf(ip)) : undefined;
      return waitMs === undefined ? answerStranger(error, reply) : refuseClient(reply, waitMs);
    }
    const { statusCode: status = 500 } = error;
    if (status >= 500) {
      log.error('a request failed', { requestId: id, error });
      return reply
        .status(500)
        .send(refusal('Something went wrong in the gateway.', 'INTERNAL_SERVER_ERROR', id));
    }
    const message = messages[error.code] ?? 'The request body is not valid JSON.';
    return reply.status(status).send(refusal(message, 'BAD_REQUEST', id));
  };

export const answerUnknownRoute = ({ id }: FastifyRequest, reply: FastifyReply): void => {
  void reply.status(404).send(refusal('There is nothing at this address.', 'BAD_REQUEST', id));
};
