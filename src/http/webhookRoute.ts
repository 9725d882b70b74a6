import type { FastifyInstance } from 'fastify';
import type { Outcome, Receiver } from '../events/receiver.ts';
import { refusal } from './refusals.ts';

const maxBodyBytes = 1_048_576;

interface Answer {
  readonly status: number;
  readonly message?: string;
  readonly code?: string;
}

/** What the helpdesk is told; it tries again what was not answered with 2xx. */
const answers: Readonly<Record<Outcome, Answer>> = {
  applied: { status: 200 },
  duplicate: { status: 200 },
  ignored: { status: 200 },
  underWay: { status: 503, message: 'This is being taken in already.' },
  badSignature: { status: 401, message: 'The signature is not right.' },
  malformed: { status: 400, message: 'This is no event that can be read.' },
  failed: { status: 500, message: 'Something went wrong in the gateway.' },
};

/** `POST /webhooks/helpcrunch`. The signature is of the bytes as they came, so no one else may read them first. */
export async function addWebhookRoute(server: FastifyInstance, { receive }: Receiver) {
  await server.register((own, _options, done) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
      parsed(null, body);
    });
    own.post('/webhooks/helpcrunch', { bodyLimit: maxBodyBytes }, async (request, reply) => {
      const { body, headers, id } = request;
      const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
      const outcome = await receive(bytes, headers['x-helpcrunch-signature']);
      const { status, message } = answers[outcome];
      return reply
        .status(status)
        .send(message === undefined ? { outcome } : refusal(message, 'BAD_REQUEST', id));
    });
    done();
  });
}
