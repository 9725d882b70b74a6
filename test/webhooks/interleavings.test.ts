import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createClient } from 'graphql-sse';
import { readConfig } from '../../src/config/settings.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';
import { propertyParameters } from '../support/propertyRuns.ts';

const oneHour = 3_600_000;
const clock = createManualClock();
const { cacheTtlsMs } = readConfig({
  HELPCRUNCH_API_KEY: 'key',
  HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
});

let helpCrunch: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startControlledUpstream();
  gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: {
      rateLimit: 0,
      cacheTtlsMs,
      webhookSecret,
      operationTimeoutMs: 24 * oneHour,
      // Each schedule begins an hour later.
      subscriptions: { ...readConfig({}).subscriptions, maxConnectionAgeMs: 0 },
    },
  });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

/** How often the chat has changed so far is the name of its customer, which every event of the chat carries. */
interface Sent {
  readonly version: number;
  readonly messageId: string | undefined;
  readonly body: string;
}

type Step =
  | { readonly kind: 'change'; readonly isMessage: boolean }
  | { readonly kind: 'deliver' | 'double' | 'lose'; readonly which: number }
  | { readonly kind: 'forge' | 'read' | 'readList' }
  | { readonly kind: 'pass'; readonly ms: number };

const which = fc.nat(20);

const plans: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('change' as const),
        isMessage: fc.nat(3).map((number) => number === 0),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'deliver' as const,
          'deliver' as const,
          'double' as const,
          'lose' as const,
        ),
        which,
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'read' as const,
          'read' as const,
          'readList' as const,
          'forge' as const,
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        ms: fc.constantFrom(300, 1_000, 6_000, 20_000),
      }),
    },
  ),
  { minLength: 8, maxLength: 24 },
);

const queries = {
  read: '{ chats: chat(id: 5) { customer { name } } }',
  readList: '{ chats(first: 1) { nodes { customer { name } } } }',
};

/** Two changes whose deliveries arrive in the wrong order. */
const reversed: Step[] = [
  { kind: 'change', isMessage: false },
  { kind: 'change', isMessage: false },
  { kind: 'deliver', which: 1 },
  { kind: 'deliver', which: 0 },
  { kind: 'read' },
  { kind: 'read' },
];

const versionIn = (data: any): number =>
  Number((data.chats.nodes?.[0] ?? data.chats).customer.name);

/** Sends a message of an unrelated chat. Once it arrives, all earlier events have arrived. */
async function sendMarker(id: string) {
  const eventData = { chat_id: 6, agent: null, customer: null, message: { id, text: 'end' } };
  await post(gateway, wireDelivery({ event: 'message.chat.agent', eventData, atMs: clock.now() }));
}

test('with lost, repeated, late or forged webhooks no response is older than the newest event, and each message is published once', async () => {
  const client = createClient({ url: `${gateway.url}/graphql/stream` });
  const hearing = client.iterate<any>({ query: 'subscription { messageReceived { id } }' });
  const hear = async () => (await hearing.next()).value.data.messageReceived.id as string;
  let messages = 0;
  let kept = 0;
  let late = 0;

  async function play(plan: readonly Step[]) {
    clock.advance(oneHour);
    helpCrunch.chats.clear();
    const writeVersion = (version: number) => {
      helpCrunch.seed({ chats: [{ id: 5, customer: { id: 7, name: String(version) } }] });
      return helpCrunch.chats.get(5)!;
    };
    writeVersion(0);
    const sent: Sent[] = [];
    const applied = new Set<string>();
    let version = 0;
    let newest = 0;

    async function deliver(index: number, isKept: boolean) {
      const [delivery] = sent.length === 0 ? [] : sent.splice(index % sent.length, 1);
      if (delivery === undefined) return;
      if (isKept) sent.push(delivery);
      const { status } = await post(gateway, delivery.body);
      expect(status).toBe(200);
      if (delivery.version < newest) late += 1;
      newest = Math.max(newest, delivery.version);
      if (delivery.messageId !== undefined) applied.add(delivery.messageId);
    }

    for (const step of plan) {
      if (step.kind === 'pass') clock.advance(step.ms);
      else if (step.kind === 'lose') sent.splice(step.which % Math.max(1, sent.length), 1);
      else if (step.kind === 'deliver') await deliver(step.which, false);
      else if (step.kind === 'double') await deliver(step.which, true);
      else if (step.kind === 'change') {
        version += 1;
        messages += 1;
        const chat = writeVersion(version);
        const messageId = step.isMessage ? String(messages) : undefined;
        const body = wireDelivery({
          id: randomUUID(),
          atMs: clock.now(),
          ...(messageId === undefined
            ? { event: 'chat.status_updated', eventData: chatData(chat) }
            : {
                event: 'message.chat.customer',
                eventData: {
                  ...chatData(chat),
                  agent: null,
                  message: { id: messageId, text: 'Hi', createdAt: '1700000000.000' },
                },
              }),
        });
        sent.push({ version, messageId, body });
      } else if (step.kind === 'forge') {
        const eventData = chatData({ ...helpCrunch.chats.get(5), customer: { id: 7, name: '-1' } });
        const body = wireDelivery({ event: 'chat.status_updated', eventData, atMs: clock.now() });
        const signature = { 'x-helpcrunch-signature': 'f'.repeat(40) };
        expect((await post(gateway, body, signature)).status).toBe(401);
      } else {
        const { data, extensions } = await gateway.query(queries[step.kind]);
        expect(versionIn(data)).toBeGreaterThanOrEqual(newest);
        expect(versionIn(data)).toBeLessThanOrEqual(version);
        if (extensions.upstream.calls === 0) kept += 1;
      }
    }

    messages += 1;
    const end = String(messages);
    await sendMarker(end);
    const heard: string[] = [];
    for (let id = await hear(); id !== end; id = await hear()) heard.push(id);
    expect(heard.toSorted()).toEqual([...applied].toSorted());
  }

  // The subscription is there once it hears something.
  const isHeard = hear().then(() => true);
  messages += 1;
  do await sendMarker(String(messages));
  while (!(await Promise.race([isHeard, fetch(`${gateway.url}/healthz`).then(() => false)])));
  messages += 1;
  const begin = String(messages);
  await sendMarker(begin);
  while ((await hear()) !== begin);

  await fc.assert(fc.asyncProperty(plans, play), {
    ...propertyParameters(15),
    examples: [[reversed]],
  });
  await hearing.return?.();
  client.dispose();

  // Otherwise the schedules have shown nothing.
  expect(kept).toBeGreaterThan(0);
  expect(late).toBeGreaterThan(0);
});
