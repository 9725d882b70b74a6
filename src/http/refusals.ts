import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../support/log.ts';
import { AuthenticationError } from './viewer.ts';

/** An answer in GraphQL's form for a request that never became an operation. */
export const refusal = (message: string, code: string, requestId: string) => ({
  errors: [{ message, extensions: { code, retryable: false, requestId } }],
});

const messages: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The address cannot be read.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The request body is too long.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send the request as application/json.',
};

export const answerFailure =
  (log: Log) =>
  (
    error: FastifyError | AuthenticationError,
    { id }: FastifyRequest,
    reply: FastifyReply,
  ): void => {
    if (error instanceof AuthenticationError) {
      const { status, code, retryable, challenge } = error.answer;
      if (challenge !== undefined) void reply.header('www-authenticate', challenge);
      void reply.status(status).header('cache-control', 'no-store');
      const extensions = { code, retryable, requestId: id };
      void reply.send({ errors: [{ message: error.message, extensions }] });
      return;
    }
    const { statusCode: status = 500 } = error;
    if (status >= 500) {
      log.error('a request failed', { requestId: id, error });
      void reply
        .status(500)
        .send(refusal('Something went wrong in the gateway.', 'INTERNAL_SERVER_ERROR', id));
      return;
    }
    const message = messages[error.code] ?? 'The request body is not valid JSON.';
    void reply.status(status).send(refusal(message, 'BAD_REQUEST', id));
  };

export const answerUnknownRoute = ({ id }: FastifyRequest, reply: FastifyReply): void => {
  void reply.status(404).send(refusal('There is nothing at this address.', 'BAD_REQUEST', id));
};
