import type { FastifyInstance } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { WebhookOutcome, WebhookHandler } from '../../webhooks/handler.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AuthFailures } from '../auth/authFailures.ts';
import { errorBody, sendRateLimited } from '../errorResponse.ts';
import { clientNetwork } from '../requestRate.ts';

const maxBodyBytes = 1_048_576;

/** Several times what HelpCrunch sends. To hash as much costs less than to answer a request. */
const cheapBodyBytes = 65_536;

const maxLimitedAddresses = 10_000;

interface WebhookResponse {
  readonly status: number;
  readonly message?: string;
  readonly code?: string;
}

/** What the helpdesk is told; it tries again what was not answered with 2xx. */
const responses: Readonly<Record<WebhookOutcome, WebhookResponse>> = {
  applied: { status: 200 },
  outdated: { status: 200 },
  duplicate: { status: 200 },
  ignored: { status: 200 },
  underWay: { status: 503, message: 'This is being taken in already.' },
  badSignature: { status: 401, code: 'UNAUTHENTICATED', message: 'The signature is wrong.' },
  malformed: { status: 400, message: 'This is no event that can be read.' },
  failed: {
    status: 500,
    code: 'INTERNAL_SERVER_ERROR',
    message: 'Something went wrong in the gateway.',
  },
};

interface WebhookRouteOptions {
  readonly receiver: WebhookHandler;
  /** Counts wrong signatures with the other rejected credentials of an address. */
  readonly authFailures: AuthFailures;
  readonly clock: Clock;
}

/**
 * `POST /webhooks/helpcrunch`. The signature is of the bytes as they came, so no one else may read them first. An address with too many wrong
 * signatures gets 429 for each further one, and for large bodies before they are read; its correct deliveries are still accepted, because
 * HelpCrunch and others may share the address of a proxy.
 */
export async function addWebhookRoute(
  server: FastifyInstance,
  { receiver, authFailures, clock }: WebhookRouteOptions,
) {
  const limitedUntilMs = new LRUCache<string, number>({ max: maxLimitedAddresses });
  await server.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
      parsed(null, body);
    });
    scope.addHook('onRequest', async ({ ip, headers }, reply) => {
      const waitMs = (limitedUntilMs.get(clientNetwork(ip)) ?? 0) - clock.monotonic();
      const bytes = Number(headers['content-length'] ?? Infinity);
      return waitMs > 0 && bytes > cheapBodyBytes
        ? sendRateLimited(reply, Math.ceil(waitMs))
        : undefined;
    });
    scope.post('/webhooks/helpcrunch', { bodyLimit: maxBodyBytes }, async (request, reply) => {
      const { body, headers, id, ip } = request;
      const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
      const outcome = await receiver.handle(bytes, headers['x-helpcrunch-signature']);
      const waitMs =
        outcome === 'badSignature'
          ? await authFailures.record({
              address: ip,
              reason: 'signature',
              entryPoint: 'webhook',
              requestId: id,
            })
          : undefined;
      if (waitMs !== undefined) {
        limitedUntilMs.set(clientNetwork(ip), clock.monotonic() + waitMs);
        return sendRateLimited(reply, waitMs);
      }
      const { status, message, code = 'BAD_REQUEST' } = responses[outcome];
      return reply
        .status(status)
        .send(message === undefined ? { outcome } : errorBody(message, code, id));
    });
    done();
  });
}
