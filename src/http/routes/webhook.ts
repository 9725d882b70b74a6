import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { limitEntries } from '../../lib/entryLimit.ts';
import { internalErrorMessage, publicError } from '../../graphql/errors.ts';
import type { PublicError } from '../../graphql/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { WebhookOutcome, WebhookHandler } from '../../webhooks/handler.ts';
import type { AuthFailureLimiter } from '../auth/authFailures.ts';
import { AuthenticationError } from '../auth/credentials.ts';
import { clientNetwork } from '../clientAddress.ts';
import { sendError } from '../errorResponse.ts';
import type { RequestRejections } from '../requestRejections.ts';
import { idsOf } from '../requestSpans.ts';
import { assertNoContentCoding } from '../requestBody.ts';

const maxBodyBytes = 1_048_576;

/** Several times the size of HelpCrunch's deliveries. To hash this much costs less than to respond. */
const cheapBodyBytes = 65_536;

const maxLimitedAddresses = 10_000;

/** HelpCrunch delivers again what has no 2xx response. Outcomes that are not listed are 200. */
const errors: Readonly<Partial<Record<WebhookOutcome, () => PublicError>>> = {
  inProgress: () =>
    publicError.unavailable('This delivery is still being processed. Deliver it again later.'),
  badSignature: () =>
    new AuthenticationError('The header X-HelpCrunch-Signature is missing or wrong.', {
      reason: 'signature',
    }),
  malformed: () => publicError.badRequest('The body is not a HelpCrunch event.'),
  failed: () => publicError.internal(internalErrorMessage),
};

interface WebhookRouteOptions {
  readonly webhookHandler: WebhookHandler;
  readonly authFailures: AuthFailureLimiter;
  readonly rejections: RequestRejections;
  readonly clock: Clock;
}

/**
 * `POST /webhooks/helpcrunch`. The signature covers the raw bytes of the body. An address with too many wrong signatures gets 429 for
 * each further one, and for large bodies before they are read; its correct deliveries are still accepted, because HelpCrunch may share
 * the address of a proxy with others.
 */
export async function addWebhookRoute(
  server: FastifyInstance,
  { webhookHandler, authFailures, rejections, clock }: WebhookRouteOptions,
) {
  const limitedUntilMs = new LRUCache<string, number>(limitEntries(maxLimitedAddresses));

  function rejectLargeBody({ ip, headers }: FastifyRequest): Promise<void> {
    const waitMs = (limitedUntilMs.get(clientNetwork(ip)) ?? 0) - clock.monotonic();
    const bytes = Number(headers['content-length'] ?? Infinity);
    return waitMs > 0 && bytes > cheapBodyBytes
      ? Promise.reject(publicError.rateLimited(Math.ceil(waitMs)))
      : Promise.resolve();
  }

  /** Counts a wrong signature with the other rejected credentials of the address. */
  async function rejectSignature(error: AuthenticationError, request: FastifyRequest) {
    const { ip: address } = request;
    const rejected = { address, entryPoint: 'webhook', ...idsOf(request) } as const;
    const rejection = await authFailures.reject(error, rejected);
    const { retryAfterMs } = rejection;
    if (retryAfterMs !== undefined) {
      limitedUntilMs.set(clientNetwork(address), clock.monotonic() + retryAfterMs);
    }
    return rejection;
  }

  await server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, parsed) => {
      // The signature covers the bytes as sent, so a proxy must not have compressed them.
      assertNoContentCoding(request);
      parsed(null, body);
    });
    scope.addHook('onRequest', rejectLargeBody);
    scope.post('/webhooks/helpcrunch', { bodyLimit: maxBodyBytes }, async (request, reply) => {
      const { body, headers } = request;
      const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
      const signature = headers['x-helpcrunch-signature'];
      const outcome = await webhookHandler.handle(bytes, signature, idsOf(request));
      const error = errors[outcome]?.();
      if (error === undefined) return reply.send({ outcome });
      if (outcome === 'malformed') {
        const { ip: address } = request;
        rejections.report(error, { address, entryPoint: 'webhook', ...idsOf(request) });
      }
      return sendError(
        reply,
        error instanceof AuthenticationError ? await rejectSignature(error, request) : error,
      );
    });
    done();
  });
}
