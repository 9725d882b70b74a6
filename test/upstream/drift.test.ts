import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { deliver, webhookSecret } from '../support/webhooks.ts';

const oneHour = 3_600_000;
const clock = createManualClock();

let upstream: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
});
afterAll(() => upstream[Symbol.asyncDispose]());

beforeEach(async () => {
  gateway = await startTestGateway({ upstream, clock, config: { rateLimit: 0, webhookSecret } });
});

afterEach(() => gateway.stop());

const countsOf = async ({ url }: { readonly url: string }) =>
  Object.fromEntries(
    [
      ...(await (await fetch(`${url}/metrics`)).text()).matchAll(
        /^helpcrunch_upstream_drift_total\{resource="(\w+)",kind="(\w+)"\} (\d+)$/gm,
      ),
    ].map(([, resource, kind, count]) => [`${resource} ${kind}`, Number(count)]),
  );

async function readChat(change: Readonly<Record<string, unknown>>) {
  upstream.respond('GET /chats/5208', { body: wireChat(change) });
  return gateway.query(
    '{ chat(id: 5208) { id status createdAt readByAgent rating assignee { role } } }',
  );
}

const driftLines = () =>
  gateway.logged
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg === 'upstream drift')
    .map(({ level, resource, kind, field }) => ({ level, resource, kind, field }));

describe('responses of HelpCrunch that have changed', () => {
  test.each([
    ['an unknown field', { sentiment: 'secret' }, 'unknownField', 'chat.sentiment'],
    ['a field in another spelling', { read_by_agent: 'secret' }, 'spelling', 'chat.read_by_agent'],
    ['an unknown enum value', { status: 'secret' }, 'unknownValue', 'chat.status'],
    [
      'an enum value in another spelling',
      { status: 'no_communication' },
      'spelling',
      'chat.status',
    ],
    [
      'a time in another format',
      { createdAt: '2026-01-01 secret' },
      'unreadable',
      'chat.createdAt',
    ],
    ['a boolean in another format', { readByAgent: 'secret' }, 'unreadable', 'chat.readByAgent'],
    [
      'an embedded entity with an unknown value',
      { assignee: { id: 12, name: 'Olena', role: 'secret' } },
      'unknownValue',
      'chat.assignee.role',
    ],
    [
      'an embedded entity with an unknown field',
      { assignee: { id: 12, role: 'agent', pronouns: 'secret' } },
      'unknownField',
      'chat.assignee.pronouns',
    ],
    ['a field whose name is no name', { 'secret person': 1 }, 'unknownField', 'chat.(other)'],
  ])('%s is counted, and logged without its value', async (_name, change, kind, field) => {
    const { data, errors } = await readChat(change);

    expect(errors).toEqual([]);
    expect(data.chat.id).toBe('5208');
    expect(await countsOf(gateway)).toEqual({ [`chat ${kind}`]: 1 });
    expect(driftLines()).toEqual([{ level: 40, resource: 'chat', kind, field }]);
    expect(gateway.logged.join('')).not.toContain('secret');
  });

  test('each field is logged once per hour and counted every time', async () => {
    for (let count = 0; count < 3; count += 1) await readChat({ sentiment: 1 });
    const before = driftLines().length;
    clock.advance(oneHour);
    await readChat({ sentiment: 1 });

    expect(before).toBe(1);
    expect(driftLines()).toHaveLength(2);
    expect(await countsOf(gateway)).toEqual({ 'chat unknownField': 4 });
  });

  test('values that are empty, null or known in several spellings are not drift', async () => {
    for (const status of ['on hold', 'onhold', 'on-hold', 'Closed', 'opened']) {
      await readChat({
        status,
        closedAt: '',
        rating: null,
        readByAgent: '1',
        createdAt: '1603885600',
      });
    }

    expect(await countsOf(gateway)).toEqual({});
    expect(gateway.logged).toEqual([]);
  });
});

test('what HelpCrunch documents is not drift', async () => {
  await using demo = await startDemo({ config: { rateLimit: 0 } });
  const { errors } = await demo.query(`{
    chats(first: 100) { nodes { id messages(first: 20) { nodes { id } } customer { phone } department { agents { name } } } }
    agents { id } departments { id } applications { id } organization { id }
    customers(first: 100) { nodes { id } } inboxSummary { open }
  }`);

  expect(errors).toEqual([]);
  expect(await countsOf(demo)).toEqual({});
});

test('the documented data of a message in a webhook is not drift', async () => {
  const times = { createdAt: '1603885600.125', updatedAt: '1603885600.125' };
  const { status } = await deliver(gateway, {
    event: 'message.private',
    atMs: clock.now(),
    eventData: {
      chat_id: 5208,
      agent: { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' },
      customer: { id: 7, name: 'Taras', email: null, userId: null },
      message: {
        id: 1,
        text: 'a note',
        applicationId: 2,
        broadcastType: null,
        edited: false,
        read: false,
        ...times,
      },
    },
  });

  expect(status).toBe(200);
  expect(driftLines()).toEqual([]);
});
