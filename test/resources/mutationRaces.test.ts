import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { RedisScripts } from '../../src/redis/scripts.ts';
import { createRedisScripts } from '../../src/redis/scripts.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { rest } from '../support/rest.ts';
import { openSocket } from '../support/socket.ts';
import { untilDone } from '../support/untilDone.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

const oneMinute = 60_000;
const manual = createManualClock();

/** Pauses before retries end at once; longer timers need `advance`. */
const clock = {
  ...manual,
  after(ms: number, task: () => void) {
    if (ms >= 1_000) return manual.after(ms, task);
    queueMicrotask(task);
    return () => undefined;
  },
};

let simulator: Simulator;
let redis: TestRedis | undefined;

beforeAll(async () => {
  simulator = await startSimulator({ clock, rateLimit: 0, customers: 30, chats: 60 });
  if (hasRedis) redis = await startRedis();
});

afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await simulator.close();
});

beforeEach(() => {
  simulator.behave({ faults: [] });
  manual.advance(10 * oneMinute);
});

interface GatewayOptions {
  readonly config?: Partial<Config>;
  readonly gatewayClock?: Clock;
  readonly upstream?: Pick<Simulator, 'url' | 'key'>;
  readonly redisScripts?: RedisScripts;
}

const start = (config: Partial<Config> = {}, options: Omit<GatewayOptions, 'config'> = {}) =>
  startTestGateway({
    upstream: options.upstream ?? simulator,
    clock: options.gatewayClock ?? clock,
    redisScripts: options.redisScripts,
    config: { rateLimit: 0, upstreamRetries: 1, webhookSecret, ...config },
  });

type Gateway = Awaited<ReturnType<typeof start>>;

/** Two gateways: one instance twice, or two instances that share Redis. */
async function startPair(isShared: boolean, { config, ...options }: GatewayOptions = {}) {
  const settings = { ...config, ...(isShared && redis ? { redisUrl: redis.url } : {}) };
  const first = await start(settings, options);
  const second = isShared ? await start(settings, options) : first;
  for (const { url } of isShared ? [first, second] : []) {
    for (;;) {
      const { redis: state }: any = await (await fetch(`${url}/readyz`)).json();
      if (state === 'up') break;
      manual.advance(1_000);
    }
  }
  return {
    gateways: [first, second] as const,
    async [Symbol.asyncDispose]() {
      await first.stop();
      if (second !== first) await second.stop();
    },
  };
}

const kinds = [
  ['in one instance', false],
  ...(hasRedis ? ([['in two instances with Redis', true]] as const) : []),
] as const;

const rowsOf = async (path: string) => (await rest(simulator, path)).data;
const chatOf = (id: number) => rest(simulator, `/chats/${id}`);
const messagesOf = async (id: number, text: string) =>
  (await rowsOf(`/chats/${id}/messages`)).filter((row: any) => row.text === text);

let next = 0;

/** A chat that no other test uses. */
async function takeChat(): Promise<any> {
  const rows = await rowsOf('/chats?limit=60&sort=chats.createdAt&order=desc');
  next += 1;
  return rows[next];
}

function callsSince(position: number, route: string) {
  return simulator.calls
    .slice(position)
    .filter(({ method, path }) => `${method} ${path}`.startsWith(route));
}

/** Lets the time pass until the response is there. */
const untilResponse = <Result>(response: Promise<Result>) => untilDone(response, manual, 100);

const codesOf = ({ errors }: Awaited<ReturnType<Gateway['query']>>) =>
  errors.map(({ extensions }) => extensions['code']);

const send = `mutation ($id: ID!, $text: String!, $key: String) {
  sendMessage(chatId: $id, by: CUSTOMER, text: $text, idempotencyKey: $key) { id text }
}`;

describe('a message whose response is lost', () => {
  test('it is returned and not sent again if it was applied', async () => {
    await using gateway = await start();
    const { id } = await takeChat();
    simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'lose' }] });
    const position = simulator.calls.length;

    const { data, errors, extensions } = await gateway.query(send, { id, text: 'Applied' });

    expect(errors).toEqual([]);
    expect(callsSince(position, 'POST /messages')).toHaveLength(1);
    expect(extensions.upstream.calls).toBe(2);
    const found = await messagesOf(id, 'Applied');
    expect(found.map((row: any) => String(row.id))).toEqual([data.sendMessage.id]);
  });

  const uncertain = [408, 500, 502, 503, 504].map(
    (status) => ({ kind: 'status', status }) as const,
  );

  test.each(['reset' as const, ...uncertain])(
    'it fails with OUTCOME_UNKNOWN and is not sent again if it is not found after %j',
    async (fault) => {
      await using gateway = await start();
      const { id } = await takeChat();
      simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault }] });
      const position = simulator.calls.length;

      const answer = await gateway.query(send, { id, text: 'Not applied' });

      expect(codesOf(answer)).toEqual(['OUTCOME_UNKNOWN']);
      expect(answer.errors[0]?.extensions['retryable']).toBe(false);
      expect(callsSince(position, 'POST /messages')).toHaveLength(1);
      expect(await messagesOf(id, 'Not applied')).toEqual([]);
    },
  );

  test('an equal message that was sent before is not taken for it', async () => {
    await using gateway = await start();
    const { id } = await takeChat();
    await gateway.query(send, { id, text: 'Same' });
    simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'reset' }] });

    const answer = await gateway.query(send, { id, text: 'Same' });

    expect(codesOf(answer)).toEqual(['OUTCOME_UNKNOWN']);
  });

  /** The gateway learns the time of HelpCrunch before its own clock is set. */
  async function startWithClockSet(byMs: number) {
    let aheadMs = 0;
    const gateway = await start(
      {},
      { gatewayClock: { ...clock, now: () => clock.now() + aheadMs } },
    );
    await gateway.query('{ agents { id } }');
    aheadMs = byMs;
    return gateway;
  }

  test.each([6_000, 60 * oneMinute, -60 * oneMinute])(
    'it is found if the clock of the gateway was set by %d ms',
    async (byMs) => {
      await using gateway = await startWithClockSet(byMs);
      const { id } = await takeChat();
      simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'lose' }] });
      const variables = { id, text: 'Clock', key: `clock ${byMs}` };

      const answers = [await gateway.query(send, variables)];
      manual.advance(10_000);
      answers.push(await gateway.query(send, variables));

      expect(answers.map(({ errors }) => errors)).toEqual([[], []]);
      expect(await messagesOf(id, 'Clock')).toHaveLength(1);
    },
  );

  test('an equal message of an hour ago is not taken for it if the clock of the gateway was set back', async () => {
    const { id } = await takeChat();
    const body = { chat: id, text: 'Old', type: 'message' };
    await rest(simulator, '/messages', { method: 'POST', body });
    manual.advance(30 * oneMinute);
    await using gateway = await startWithClockSet(-60 * oneMinute);
    simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'reset' }] });

    const answer = await gateway.query(send, { id, text: 'Old' });

    expect(await messagesOf(id, 'Old')).toHaveLength(1);
    expect(codesOf(answer)).toEqual(['OUTCOME_UNKNOWN']);
  });

  test('its key sends it if it is not found ten seconds after the first attempt', async () => {
    await using gateway = await start();
    const { id } = await takeChat();
    const variables = { id, text: 'Keyed', key: 'lost-1' };
    simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'reset' }] });
    await gateway.query(send, variables);
    const position = simulator.calls.length;

    const early = await gateway.query(send, variables);
    const callsBefore = simulator.calls.length;
    manual.advance(10_000);
    const late = await gateway.query(send, variables);

    expect(early.errors[0]?.extensions).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      retryAfterMs: 10_000,
    });
    expect(callsBefore).toBe(position);
    expect(late.errors).toEqual([]);
    expect(await messagesOf(id, 'Keyed')).toHaveLength(1);
    expect(callsSince(position, 'GET')).toHaveLength(2);
  });

  test('its key sends it again no sooner than ten seconds after it was last sent', async () => {
    await using gateway = await start();
    const { id } = await takeChat();
    const variables = { id, text: 'Lost twice', key: 'lost-3' };
    simulator.behave({ faults: [{ match: 'POST /messages', times: 2, fault: 'reset' }] });
    await gateway.query(send, variables);
    manual.advance(10_000);
    const second = await gateway.query(send, variables);
    const position = simulator.calls.length;

    const early = await gateway.query(send, variables);
    const callsBefore = simulator.calls.length;
    manual.advance(10_000);
    const late = await gateway.query(send, variables);

    expect(codesOf(second)).toEqual(['OUTCOME_UNKNOWN']);
    expect(early.errors[0]?.extensions).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      retryAfterMs: 10_000,
    });
    expect(callsBefore).toBe(position);
    expect(late.errors).toEqual([]);
    expect(await messagesOf(id, 'Lost twice')).toHaveLength(1);
  });

  test('its key sends it ten seconds later in the same request if the deadline allows it', async () => {
    await using gateway = await start({ operationTimeoutMs: 15_000 });
    const { id } = await takeChat();
    simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'reset' }] });
    const position = simulator.calls.length;
    const startedAtMs = manual.now();

    const { errors, data } = await untilResponse(
      gateway.query(send, { id, text: 'Patient', key: 'lost-4' }),
    );

    expect(errors).toEqual([]);
    expect(manual.now()).toBeGreaterThanOrEqual(startedAtMs + 10_000);
    expect(callsSince(position, 'POST /messages')).toHaveLength(2);
    expect((await messagesOf(id, 'Patient')).map((row: any) => String(row.id))).toEqual([
      data.sendMessage.id,
    ]);
  });

  test('without a key it is never sent again', async () => {
    await using gateway = await start({ operationTimeoutMs: 15_000 });
    const { id } = await takeChat();
    simulator.behave({ faults: [{ match: 'POST /messages', times: 1, fault: 'reset' }] });
    const position = simulator.calls.length;

    const answer = await untilResponse(gateway.query(send, { id, text: 'Unkeyed' }));

    expect(codesOf(answer)).toEqual(['OUTCOME_UNKNOWN']);
    expect(callsSince(position, 'POST /messages')).toHaveLength(1);
  });

  test('its key finds it if it was applied', async () => {
    await using gateway = await start();
    const { id } = await takeChat();
    const variables = { id, text: 'Found later', key: 'lost-2' };
    simulator.behave({
      faults: [
        { match: 'POST /messages', times: 1, fault: 'lose' },
        { match: 'GET', times: 2, fault: { kind: 'status', status: 503 } },
      ],
    });
    const first = await gateway.query(send, variables);
    const position = simulator.calls.length;
    manual.advance(10_000);
    const second = await gateway.query(send, variables);

    expect(codesOf(first)).toEqual(['OUTCOME_UNKNOWN']);
    expect(second.errors).toEqual([]);
    expect(callsSince(position, 'POST /messages')).toEqual([]);
    expect(await messagesOf(id, 'Found later')).toHaveLength(1);
  });
});

describe('a message that HelpCrunch confirms with an unreadable body', () => {
  const noMessages = { body: { data: [], total: 0 } };

  test('it is not sent again with its key, even if it is not found', async () => {
    await using fake = await startRecordingUpstream();
    await using gateway = await startTestGateway({
      upstream: fake,
      clock,
      config: { rateLimit: 0 },
    });
    fake.respond('POST /messages', { body: 'Ok' });
    fake.respond('GET /chats/5208/messages', noMessages);
    const variables = { id: 5208, text: 'Confirmed', key: 'confirmed' };

    const first = await gateway.query(send, variables);
    manual.advance(10_000);
    const second = await gateway.query(send, variables);
    manual.advance(10_000);
    const third = await gateway.query(send, variables);

    for (const { errors } of [first, second, third]) {
      expect(errors).toMatchObject([
        {
          message:
            'HelpCrunch has confirmed the creation, but the new object could not be read. Do not send it again.',
          extensions: { code: 'OUTCOME_UNKNOWN', retryable: false },
        },
      ]);
    }
    expect(fake.callsTo('POST /messages')).toHaveLength(1);
  });

  test('createChat returns the chat in which it was sent', async () => {
    await using fake = await startRecordingUpstream();
    await using gateway = await startTestGateway({
      upstream: fake,
      clock,
      config: { rateLimit: 0 },
    });
    fake.respond('POST /chats', { body: wireChat({ id: 5300, status: 'empty' }) });
    fake.respond('POST /messages', { body: 'Ok' });
    fake.respond('GET /chats/5300/messages', noMessages);
    fake.respond('GET /chats/5300', { body: wireChat({ id: 5300, status: 'new' }) });

    const { data, errors } = await gateway.query(`mutation {
      createChat(input: { customerId: 7001, applicationId: 2, message: { by: CUSTOMER, text: "Hi" } }) { id status }
    }`);

    expect(errors).toEqual([]);
    expect(data).toEqual({ createChat: { id: '5300', status: 'NEW' } });
  });
});

describe('a status whose response is lost', () => {
  const close = 'mutation ($id: ID!) { setChatStatus(id: $id, status: CLOSED) { status } }';

  async function openChat() {
    const { id } = await takeChat();
    await rest(simulator, '/chats/status', { method: 'PUT', body: { id, status: 'opened' } });
    return id;
  }

  test.each([
    ['lose' as const, 1],
    ['reset' as const, 2],
  ])('after %s it is sent %i times', async (fault, times) => {
    await using gateway = await start();
    const id = await openChat();
    simulator.behave({ faults: [{ match: 'PUT /chats/status', times: 1, fault }] });
    const position = simulator.calls.length;

    const { data, errors } = await gateway.query(close, { id });

    expect(errors).toEqual([]);
    expect(data).toEqual({ setChatStatus: { status: 'CLOSED' } });
    expect(callsSince(position, 'PUT /chats/status')).toHaveLength(times);
  });

  test.each([
    ['closed', []],
    ['opened', ['UPSTREAM_UNAVAILABLE']],
  ])(
    'after 500 the chat is read once, and nothing is sent again: it is %s',
    async (status, codes) => {
      await using fake = await startRecordingUpstream();
      await using gateway = await startTestGateway({
        upstream: fake,
        clock,
        config: { rateLimit: 0, upstreamRetries: 1 },
      });
      fake.respond('PUT /chats/status', { status: 500 });
      fake.respond('GET /chats/5208', { body: wireChat({ status }) });

      const answer = await gateway.query(close, { id: 5208 });

      expect(codesOf(answer)).toEqual(codes);
      expect(fake.calls.map(({ method }) => method)).toEqual(['PUT', 'GET']);
    },
  );

  test('an assignment is repeated without a read', async () => {
    await using gateway = await start();
    const { id } = await takeChat();
    simulator.behave({ faults: [{ match: 'PUT /chats/assignee', times: 1, fault: 'lose' }] });
    const position = simulator.calls.length;

    const { errors } = await gateway.query('mutation ($id: ID!) { unassignChat(id: $id) { id } }', {
      id,
    });

    expect(errors).toEqual([]);
    expect(callsSince(position, 'GET')).toEqual([]);
    expect(callsSince(position, 'PUT')).toHaveLength(2);
  });
});

describe.each(kinds)('concurrent mutations %s', (name, isShared) => {
  test('five with one idempotency key send one message and return it', async () => {
    await using pair = await startPair(isShared);
    const { id } = await takeChat();
    const variables = { id, text: `Once ${name}`, key: `five ${name}` };
    const position = simulator.calls.length;

    const answers = await Promise.all(
      [0, 1, 0, 1, 0].map((index) => pair.gateways[index as 0 | 1].query(send, variables)),
    );
    const later = await pair.gateways[1].query(
      send.replace('{ id text }', '{ id createdAt chat { id } }'),
      variables,
    );

    const [message] = await messagesOf(id, variables.text);
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(answers.map(({ data }) => data.sendMessage)).toEqual(
      Array.from({ length: 5 }, () => ({ id: String(message.id), text: variables.text })),
    );
    expect(later.data.sendMessage).toMatchObject({
      id: String(message.id),
      chat: { id: String(id) },
    });
    expect(callsSince(position, 'POST /messages')).toHaveLength(1);
  });

  test('a key with other arguments is a CONFLICT, with another mutation it is another key', async () => {
    await using pair = await startPair(isShared);
    const { id } = await takeChat();
    const key = `other ${name}`;
    await pair.gateways[0].query(send, { id, text: 'First', key });

    const other = await pair.gateways[1].query(send, { id, text: 'Second', key });
    const note = await pair.gateways[1].query(
      'mutation ($id: ID!, $key: String) { addChatNote(chatId: $id, text: "Note", idempotencyKey: $key) { id } }',
      { id, key },
    );

    expect(codesOf(other)).toEqual(['CONFLICT']);
    expect(note.errors).toEqual([]);
    expect(await messagesOf(id, 'Second')).toEqual([]);
  });

  test('of two that assign a chat if it is unassigned, one succeeds', async () => {
    await using pair = await startPair(isShared);
    const { id } = await takeChat();
    await rest(simulator, '/chats/assignee', { method: 'PUT', body: { id, assignee: null } });
    const agents = (await rowsOf('/agents')).slice(0, 2);

    const answers = await Promise.all(
      agents.map((agent: any, index: number) =>
        pair.gateways[index as 0 | 1].query(
          'mutation ($id: ID!, $agentId: ID!) { assignChat(id: $id, agentId: $agentId, ifUnassigned: true) { assignee { id } } }',
          { id, agentId: agent.id },
        ),
      ),
    );

    const winner = answers.find(({ errors }) => errors.length === 0);
    expect(answers.flatMap(codesOf)).toEqual(['CONFLICT']);
    expect(winner?.data.assignChat.assignee.id).toBe(String((await chatOf(id)).assignee.id));
  });

  test('a webhook that repeats a write is not published, and the same change a minute later is', async () => {
    // Nothing is retried: no timer may end before it is due.
    await using pair = await startPair(isShared, { gatewayClock: manual });
    const [first, second] = pair.gateways;
    const chat = await takeChat();
    const { id } = chat;
    await rest(simulator, '/chats/status', { method: 'PUT', body: { id, status: 'opened' } });
    await using socket = await openSocket(second.url);
    await socket.initialize();
    const query = `subscription { chatUpdated(id: ${id}) { change } }`;
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    await second.waitForSubscriptions(1);
    const closed = { ...chat, status: 'closed', closedBy: 'agent', rating: 'great' };
    const report = async (event: string) => {
      const { outcome } = await deliver(second, {
        event,
        eventData: chatData(closed),
        atMs: manual.now(),
      });
      return outcome;
    };
    const nextChange = async () =>
      (await socket.nextMessage()).payload.data.chatUpdated.change as unknown;

    await first.query(`mutation { setChatStatus(id: ${id}, status: CLOSED) { id } }`);
    const written = [await nextChange(), await nextChange()];
    manual.advance(50);
    const outcomes = [
      await report('chat.status_updated'),
      await report('chat.closed'),
      await report('chat.rated'),
    ];
    const repeated = await nextChange();
    // A socket whose peer sends no pong between two pings is closed.
    for (let passedMs = 0; passedMs < oneMinute; passedMs += 20_000) {
      manual.advance(20_000);
      socket.send({ type: 'ping' });
      expect(await socket.nextMessage()).toEqual({ type: 'pong' });
    }
    await report('chat.closed');
    const later = await nextChange();

    expect(outcomes).toEqual(['applied', 'applied', 'applied']);
    expect([...written, repeated, later]).toEqual(['STATUS', 'CLOSED', 'RATED', 'CLOSED']);
  });
});

describe.each(kinds)('races %s', (name, isShared) => {
  const close = 'mutation ($id: ID!) { setChatStatus(id: $id, status: CLOSED) { status } }';
  const openChats = '{ chats(first: 100, filter: { status: OPENED }) { nodes { id } } }';

  async function takeOpenChat(): Promise<number> {
    const { id } = await takeChat();
    await rest(simulator, '/chats/status', { method: 'PUT', body: { id, status: 'opened' } });
    return id;
  }

  test('a list that is being read while a chat is closed is not kept with the open chat', async () => {
    await using fake = await startRecordingUpstream();
    const chat = { current: wireChat({ id: 5208, status: 'opened' }) };
    const [isRead, mayRespond] = [createDeferred(), createDeferred()];
    let searches = 0;
    fake.respond('POST /chats/search', async () => {
      const data = chat.current.status === 'opened' ? [chat.current] : [];
      searches += 1;
      isRead.resolve();
      // Only the first search is still in progress when the chat is closed.
      if (searches === 1) await mayRespond.promise;
      return { body: { data, meta: { total: data.length } } };
    });
    fake.respond('PUT /chats/status', () => {
      chat.current = wireChat({ id: 5208, status: 'closed' });
      return { body: chat.current };
    });
    await using pair = await startPair(isShared, { upstream: fake });
    const [reader, writer] = pair.gateways;
    const reading = reader.query(openChats);
    await isRead.promise;

    const closed = await writer.query(close, { id: 5208 });
    const during = await Promise.all(pair.gateways.map((gateway) => gateway.query(openChats)));
    mayRespond.resolve();
    const before = await reading;
    const later = await Promise.all(pair.gateways.map((gateway) => gateway.query(openChats)));

    expect(closed.data.setChatStatus.status).toBe('CLOSED');
    expect(before.errors).toEqual([]);
    for (const { data } of [...during, ...later]) expect(data).toEqual({ chats: { nodes: [] } });
  });

  test('closing and a message of the customer both succeed, and both instances show the last state', async () => {
    await using pair = await startPair(isShared);
    const id = await takeOpenChat();
    const text = `Wait, ${name}!`;
    const position = simulator.calls.length;

    const [closed, sent] = await Promise.all([
      pair.gateways[0].query(close, { id }),
      pair.gateways[1].query(send, { id, text }),
    ]);
    const shown = await Promise.all(
      pair.gateways.map((gateway) =>
        gateway.query(
          'query ($id: ID!) { chat(id: $id) { status messages(first: 5) { nodes { text } } } }',
          { id },
        ),
      ),
    );

    expect([closed.errors, sent.errors]).toEqual([[], []]);
    expect(callsSince(position, 'PUT /chats/status')).toHaveLength(1);
    expect(callsSince(position, 'POST /messages')).toHaveLength(1);
    expect(await messagesOf(id, text)).toHaveLength(1);
    const status = (await chatOf(id)).status.toUpperCase();
    for (const { data, errors } of shown) {
      expect(errors).toEqual([]);
      expect(data.chat.status).toBe(status);
      expect(data.chat.messages.nodes).toContainEqual({ text });
    }
  });

  test('an exhausted rate limit leaves the key reusable', async () => {
    const redisScripts = createRedisScripts("local now = tonumber(redis.call('GET', 'now'))\n");
    const wait = async (ms: number) => {
      await redis?.command('SET', 'now', String(manual.now() + ms));
      manual.advance(ms);
    };
    await wait(0);
    await using pair = await startPair(isShared, { config: { rateLimit: 1 }, redisScripts });
    const [first, second] = pair.gateways;
    const { id } = await takeChat();
    const variables = { id, text: `Later, ${name}`, key: `exhausted ${name}` };
    await wait(oneMinute);
    await first.query('{ organization { id } }');
    const position = simulator.calls.length;

    const limited = [await first.query(send, variables), await second.query(send, variables)];
    const sentWhileLimited = callsSince(position, 'POST /messages').length;
    await wait(5 * oneMinute);
    const sent = await second.query(send, variables);
    await wait(5 * oneMinute);
    const repeated = await first.query(send, variables);

    expect(limited.flatMap(codesOf)).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
    expect(sentWhileLimited).toBe(0);
    expect([sent.errors, repeated.errors]).toEqual([[], []]);
    expect(repeated.data.sendMessage.id).toBe(sent.data.sendMessage.id);
    expect(await messagesOf(id, variables.text)).toHaveLength(1);
  });
});

describe('mutations of one chat', () => {
  test('a repeated key of createChat sends only the missing message', async () => {
    await using gateway = await start();
    const { customer, applicationId } = await takeChat();
    const create = `mutation {
      createChat(
        input: { customerId: ${customer.id}, applicationId: ${applicationId}, message: { by: CUSTOMER, text: "First" } }
        idempotencyKey: "partly"
      ) { id lastMessageText }
    }`;
    simulator.behave({
      faults: [{ match: 'POST /messages', times: 1, fault: { kind: 'status', status: 500 } }],
    });
    const position = simulator.calls.length;

    const first = await gateway.query(create);
    manual.advance(10_000);
    const second = await gateway.query(create);

    const { chatId } = first.errors[0]?.extensions ?? {};
    expect(codesOf(first)).toEqual(['OUTCOME_UNKNOWN']);
    expect(second.data).toEqual({ createChat: { id: chatId, lastMessageText: 'First' } });
    expect(callsSince(position, 'POST /chats')).toHaveLength(1);
    expect(await messagesOf(Number(chatId), 'First')).toHaveLength(1);
  });
});
