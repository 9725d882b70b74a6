import type { Random } from '../../src/simulator/random.ts';
import { chatData, signatureOf, wireDelivery } from '../support/webhooks.ts';
import { wireChat } from '../support/recordingUpstream.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResponse } from './oracle.ts';
import type { EntryPoint, Facts, HttpCase, Session } from './session.ts';
import { send } from './session.ts';
import { subscribeToAll } from './subscriber.ts';
import { secrets } from './targets.ts';
import { boundary, bytes, compact, mutateJson, oddValue } from './values.ts';

const events = [
  ...['new', 'status_updated', 'assigned', 'snoozed', 'unsnoozed', 'closed', 'rated'].map(
    (name) => `chat.${name}`,
  ),
  ...['new', 'email_updated', 'tags_changed', 'deleted', 'blocked', 'unblocked'].map(
    (name) => `customer.${name}`,
  ),
  ...['chat.customer', 'chat.agent', 'email.customer', 'email.agent', 'private'].map(
    (name) => `message.${name}`,
  ),
  'unknown.event',
  '__proto__',
  '',
];

const minuteMs = 60_000;
const dayMs = 1_440 * minuteMs;

/** Distances from now, around the limits within which events are published. */
const ages = [0, minuteMs, -300_000, 300_000, dayMs, 730 * dayMs, -474 * 365 * dayMs, 1e18];

export const deliveryOf = (random: Random, facts: Facts, nowMs: number): string => {
  const event = random.pick(events);
  const id = Number(random.pick(facts.ids['chat'] ?? ['1']));
  const customer = random.pick(facts.customers);
  const stub = {
    id: Number(customer.id),
    name: 'N',
    email: 'n@example.com',
    userId: customer.userId,
  };
  const chat = wireChat({ id, customer: stub });
  const message = {
    id: 2 ** 31 + random.integer(0, 9),
    text: 'Hello',
    createdAt: '1603885600.125',
  };
  const eventData = event.startsWith('customer.')
    ? { ...stub, unsubscribed: false, customData: {} }
    : { ...chatData(chat), ...(event.startsWith('message.') ? { agent: null, message } : {}) };
  const atMs = random.weighted<() => number | undefined>([
    [() => nowMs, 4],
    [() => nowMs - random.pick(ages), 4],
    [() => nowMs - boundary(random, ages), 1],
    [() => undefined, 1],
  ])();
  return wireDelivery({
    event,
    eventData: random.isLucky(0.1) ? JSON.stringify(eventData) : eventData,
    ...(atMs === undefined ? {} : { atMs }),
    id: random.weighted<() => unknown>([
      [() => `delivery-${random.integer(0, 1e9)}`, 8],
      [() => 'delivery-again', 1],
      [() => oddValue(random), 1],
    ])(),
    attempts: random.integer(0, 4),
  });
};

interface WebhookCase extends HttpCase {
  readonly signature: string;
}

function generate(random: Random, facts: Facts): WebhookCase {
  const text = deliveryOf(random, facts, Date.now());
  const body = random.weighted<() => Buffer | string>([
    [() => mutateJson(random, text), 8],
    [() => text, 3],
    [() => bytes(random, random.integer(0, 300)), 1],
    [() => '', 1],
  ])();
  const right = signatureOf(body as string, secrets.webhook);
  const signature = random.weighted<() => string>([
    [() => right, 16],
    [() => right.toUpperCase(), 1],
    [() => `sha1=${right}`, 1],
    [() => right.slice(1), 1],
    [() => signatureOf(body as string, 'another secret'), 1],
    [() => '', 1],
  ])();
  return {
    method: random.weighted([
      ['POST', 20],
      ['GET', 1],
      ['PUT', 1],
    ]),
    path: random.weighted([
      ['/webhooks/helpcrunch', 20],
      ['/webhooks/helpcrunch/', 1],
      ['/webhooks/x', 1],
    ]),
    headers: {
      'content-type': random.weighted([
        ['application/json', 8],
        ['text/plain', 1],
        ['x', 1],
      ]),
      ...(random.isLucky(0.03) ? { 'content-encoding': random.pick(['gzip', 'br', 'x']) } : {}),
    },
    body,
    signature,
  };
}

async function run(input: WebhookCase, session: Session): Promise<readonly Fault[]> {
  const response = await send(session.target.url, {
    ...input,
    headers: {
      ...input.headers,
      ...(input.signature === '' ? {} : { 'x-helpcrunch-signature': input.signature }),
    },
  });
  if (response === undefined) return [];
  return [...faultsOfResponse(response), ...session.secrets.faultsOf(response.body, 'a response')];
}

/** Signed deliveries of any age and shape, while one client subscribes to all events. */
export const webhooks: EntryPoint<WebhookCase> = {
  name: 'webhooks',
  targets: ['production'],
  batchSize: 12,
  generate,
  describe: ({ method, path, headers, body, signature }) =>
    `${method} ${path} ${JSON.stringify(headers)} signed ${signature}: ${compact(String(body))}`,
  async run(cases, session) {
    const subscriber = await subscribeToAll(session);
    const faults = await Promise.all(cases.map((input) => run(input, session)));
    subscriber.close();
    return [...faults.flat(), ...subscriber.faults];
  },
};
