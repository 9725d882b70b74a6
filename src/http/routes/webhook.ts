import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { lruEntryLimit } from '../../lib/entryLimit.ts';
import { isDictionary } from '../../lib/shape.ts';
import { internalErrorMessage, publicError } from '../../graphql/errors.ts';
import type { PublicError } from '../../graphql/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { WebhookOutcome, WebhookHandler } from '../../webhooks/handler.ts';
import type { AuthFailureLimiter } from '../auth/authFailures.ts';
import { AuthenticationError } from '../auth/credentials.ts';
import { clientNetwork } from '../clientAddress.ts';
import { bodyParser } from '../bodyReader.ts';
import { sendError } from '../errorResponse.ts';
import type { ReceiveLimiter } from '../receiveLimiter.ts';
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

/** Returns the handler for an account, or without a name that for the only account; undefined: the route is 404. */
export type WebhookHandlerOf = (account: string | undefined) => WebhookHandler | undefined;

interface WebhookRouteOptions {
  readonly webhookHandlerOf: WebhookHandlerOf;
  readonly authFailures: AuthFailureLimiter;
  readonly rejections: RequestRejections;
  readonly receiveLimiter: ReceiveLimiter;
  readonly clock: Clock;
}

const accountOf = ({ params }: FastifyRequest): string | undefined =>
  isDictionary(params) && typeof params['account'] === 'string' ? params['account'] : undefined;

/**
 * `POST /webhooks/helpcrunch` and `/webhooks/helpcrunch/<account>`. The signature covers the raw bytes of the body. An address with too many wrong signatures gets 429 for
 * each further one, and for large bodies before they are read; its correct deliveries are still accepted, because HelpCrunch may share
 * the address of a proxy with others.
 */
export async function addWebhookRoute(
  server: FastifyInstance,
  { webhookHandlerOf, authFailures, rejections, receiveLimiter, clock }: WebhookRouteOptions,
) {
  const limitedUntilMs = new LRUCache<string, number>(lruEntryLimit(maxLimitedAddresses));

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
    const parseBytes = bodyParser(
      { maxBytes: maxBodyBytes, receiveLimiter },
      (request, body, done) => {
        // The signature covers the bytes as sent, so a proxy must not have compressed them.
        assertNoContentCoding(request);
        done(null, body);
      },
    );
    scope.addContentTypeParser('*', parseBytes);
    scope.addHook('onRequest', async (request, reply) => {
      if (webhookHandlerOf(accountOf(request)) === undefined) {
        reply.callNotFound();
        return reply;
      }
      return rejectLargeBody(request);
    });
    const handle = async (request: FastifyRequest, reply: FastifyReply) => {
      const webhookHandler = webhookHandlerOf(accountOf(request));
      // The account may have been removed while the body arrived.
      if (webhookHandler === undefined) {
        reply.callNotFound();
        return reply;
      }
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
    };
    for (const path of ['/webhooks/helpcrunch', '/webhooks/helpcrunch/:account'])
      scope.post(path, handle);
    done();
  });
}
