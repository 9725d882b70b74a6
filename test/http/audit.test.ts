import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { AuthFailureLimiter } from '../../src/http/auth/authFailures.ts';
import { createRequestRateLimiter } from '../../src/http/requestRate.ts';
import { createLog } from '../../src/observability/log.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';

const helpCrunch = await startControlledUpstream();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => {
  helpCrunch.seed({
    chats: [{ id: 1, customer: { id: 7, name: 'Ada', email: null, userId: null } }],
  });
  helpCrunch.clearCalls();
});

const start = async (config: Partial<Config> = {}) => {
  const clock = createManualClock();
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { auth: jwtAuth(), logLevel: 'info', trustProxy: 1, ...config },
  });
  return {
    ...gateway,
    clock,
    /** The lines with this message. */
    lines: (message: string): any[] =>
      gateway.logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message),
  };
};

type Gateway = Awaited<ReturnType<typeof start>>;

const mutation = (by: 'AGENT' | 'CUSTOMER') =>
  `mutation Mark { again: markChatRead(id: 1, by: ${by}, read: true) { id } ...Rest }
   fragment Rest on Mutation { ... on Mutation { markChatRead(id: 1, by: ${by}, read: false) { id } } }`;

const from = { 'x-forwarded-for': '192.0.2.1', 'x-request-id': 'mine-1' };

const post = (
  { url }: Gateway,
  query: string,
  { path = '/graphql', ...headers }: Readonly<Record<string, string>> = {},
) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...from, ...headers },
    body: JSON.stringify({ query }),
  }).then(async (response) => response.text());

describe('audit log of mutations', () => {
  const line = {
    level: 30,
    fields: ['markChatRead'],
    viewer: 'AGENT',
    viewerId: '12',
    address: '192.0.2.1',
    code: 'OK',
  };

  test('a mutation over HTTP is written to the audit log on the first and on later executions', async () => {
    await using gateway = await start();
    const headers = await bearer({ role: 'agent', agentId: 12 });

    for (let count = 0; count < 4; count += 1) await post(gateway, mutation('AGENT'), headers);

    expect(gateway.lines('mutation')).toMatchObject(
      Array(4).fill({ ...line, requestId: 'mine-1' }),
    );
  });

  test('a mutation over an event stream is written to the audit log', async () => {
    await using gateway = await start();
    const headers = { path: '/graphql/stream', accept: 'text/event-stream' };

    await post(gateway, mutation('AGENT'), {
      ...headers,
      ...(await bearer({ role: 'agent', agentId: 12 })),
    });

    expect(gateway.lines('mutation')).toMatchObject([{ ...line, requestId: 'mine-1' }]);
  });

  test('a mutation over a WebSocket is written to the audit log', async () => {
    await using gateway = await start();
    await using socket = await openSocket(gateway.url, { headers: from });
    await socket.initialize(await bearer({ role: 'agent', agentId: 12 }));

    socket.send({ id: 'a', type: 'subscribe', payload: { query: mutation('AGENT') } });
    await socket.nextMessage();

    expect(gateway.lines('mutation')).toMatchObject([
      { ...line, requestId: expect.stringMatching(/^[\w-]{36}$/) },
    ]);
  });

  test.each([
    ['an agent without an id, by sub', { role: 'agent', sub: 'login-5' }, 'login-5'],
    ['a customer, by its id', { role: 'customer', customerId: 7, userId: 'u' }, '7'],
    ['a customer without an id, by your own', { role: 'customer', userId: 'u-7' }, 'u-7'],
    ['an agent without an id or sub, by nothing', { role: 'agent' }, undefined],
  ])('the audit log identifies the viewer of a mutation: %s', async (_name, claims, viewerId) => {
    await using gateway = await start();
    const isAgent = claims.role === 'agent';

    await post(gateway, mutation(isAgent ? 'AGENT' : 'CUSTOMER'), await bearer(claims));

    const [written] = gateway.lines('mutation');
    expect(written).toMatchObject({ viewer: claims.role.toUpperCase(), address: '192.0.2.1' });
    expect(written.viewerId).toBe(viewerId);
  });

  test('a failed mutation is written to the audit log with the code of its first error, of HelpCrunch or of the gateway', async () => {
    await using gateway = await start({ maxUpstreamCalls: 2 });
    const agent = await bearer({ role: 'agent' });
    const unknown = 'mutation { markChatRead(id: 9, by: AGENT, read: true) { id } }';

    await post(gateway, unknown, agent);
    await post(gateway, unknown, await bearer({ role: 'customer', customerId: 7 }));
    const marks = ['a', 'b', 'c'].map((name) => `${name}: ${unknown.slice(11, -1)}`);
    await post(gateway, `mutation { ${marks.join(' ')} }`, agent);

    expect(gateway.lines('mutation').map(({ code }) => code)).toEqual([
      'NOT_FOUND',
      'FORBIDDEN',
      'OPERATION_TOO_EXPENSIVE',
    ]);
  });

  test('the audit log contains a hash of a forwarded API key and never the key', async () => {
    await using gateway = await start({ auth: { mode: 'forward' } });

    await post(gateway, mutation('AGENT'), { authorization: 'Bearer my-own-key' });

    expect(gateway.lines('mutation')).toMatchObject([
      { viewer: 'ALL', viewerId: expect.stringMatching(/^[\w-]{16}$/), address: '192.0.2.1' },
    ]);
    expect(gateway.logged.join('')).not.toContain('my-own-key');
  });

  test('queries, subscriptions, tokens and arguments are not written to the audit log', async () => {
    await using gateway = await start();
    const headers = await bearer({ role: 'agent' });
    const [, signature = ''] = headers.authorization.split('.').reverse();

    await post(gateway, '{ chat(id: 1) { id } }', headers);
    await post(
      gateway,
      'mutation { markChatRead(id: 4711, by: AGENT, read: true) { id } }',
      headers,
    );

    expect(gateway.lines('mutation')).toHaveLength(1);
    expect(gateway.logged.join('')).not.toContain('4711');
    expect(gateway.logged.join('')).not.toContain(signature);
  });
});

describe('log of rejected credentials', () => {
  const badInit = { type: 'connection_init', payload: { authorization: 'Bearer nonsense' } };

  test('rejected credentials are logged with reason, address, entry point and request id', async () => {
    await using gateway = await start();
    const { clock } = gateway;
    const exp = clock.now() / 1000 - 60;
    const next = () => clock.advance(2_000);

    await post(gateway, '{ a }');
    next();
    await post(gateway, '{ a }', { authorization: 'Bearer nonsense' });
    next();
    await post(gateway, '{ a }', await bearer({ role: 'agent', exp }));
    next();
    await post(gateway, '{ a }', await bearer({ role: 'king' }));
    next();
    await post(gateway, '{ a }', { path: '/graphql/stream', accept: 'text/event-stream' });
    next();
    const socket = await openSocket(gateway.url, { headers: from });
    socket.send(badInit);
    await socket.closed;

    const line = { level: 40, address: '192.0.2.1', requestId: 'mine-1' };
    expect(gateway.lines('credentials rejected')).toMatchObject([
      { ...line, reason: 'missing', entryPoint: 'http' },
      { ...line, reason: 'invalid', entryPoint: 'http' },
      { ...line, reason: 'expired', entryPoint: 'http' },
      { ...line, reason: 'claims', entryPoint: 'http' },
      { ...line, reason: 'missing', entryPoint: 'sse' },
      { ...line, reason: 'invalid', entryPoint: 'websocket' },
    ]);
    expect(gateway.logged.join('')).not.toContain('nonsense');
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain(
      'helpcrunch_credentials_rejected_total{reason="invalid",entry_point="websocket"} 1\n',
    );
    expect(metrics).toContain(
      'helpcrunch_credentials_rejected_total{reason="missing",entry_point="sse"} 1\n',
    );
  });

  test('rejected credentials are logged at most once a second per address, and the next line counts the suppressed ones', async () => {
    await using gateway = await start();
    const reject = (address: string) => post(gateway, '{ a }', { 'x-forwarded-for': address });

    for (let count = 0; count < 10; count += 1) await reject('192.0.2.1');
    await reject('192.0.2.2');
    const first = gateway.lines('credentials rejected');
    gateway.clock.advance(1_000);
    const second = gateway.lines('credentials rejected').slice(first.length);
    gateway.clock.advance(60_000);

    expect(first.map(({ address }) => address)).toEqual(['192.0.2.1', '192.0.2.2']);
    // Ten in all: one has the first line, one this line, and eight have none.
    expect(second).toMatchObject([{ address: '192.0.2.1', suppressed: 8 }]);
    expect(gateway.lines('credentials rejected')).toHaveLength(3);
  });

  test('rejected credentials of any number of addresses are logged in a bounded number of lines', async () => {
    await using gateway = await start();
    const reject = (index: number) =>
      post(gateway, '{ a }', { 'x-forwarded-for': `198.51.${index >> 8}.${index & 255}` });

    for (let first = 0; first < 1_003; first += 59) {
      await Promise.all(Array.from({ length: 59 }, (_, offset) => reject(first + offset)));
    }
    gateway.clock.advance(1_000);

    const lines = gateway.lines('credentials rejected');
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toMatchObject({ otherAddresses: true, suppressed: 3 });
    expect(lines.at(-1)).not.toHaveProperty('address');
  });

  test('suppressed rejections are logged when the gateway stops', async () => {
    const gateway = await start();
    for (let count = 0; count < 3; count += 1) await post(gateway, '{ a }');

    await gateway.stop();

    expect(gateway.lines('credentials rejected')).toMatchObject([{}, { suppressed: 1 }]);
  });

  test('rejections after the gateway has stopped are logged and start no timer', async () => {
    const lines: string[] = [];
    const clock = createManualClock();
    let timers = 0;
    const failures = new AuthFailureLimiter({
      rate: createRequestRateLimiter({ limit: 0, kind: 'failures', redis: undefined }),
      clock: {
        ...clock,
        after(ms, task) {
          timers += 1;
          return clock.after(ms, task);
        },
      },
      log: createLog({ write: (line) => lines.push(line) }),
      observe: () => undefined,
    });

    failures.close();
    await failures.record({
      address: '192.0.2.1',
      reason: 'upstream',
      entryPoint: 'operation',
      requestId: 'late',
    });

    expect(timers).toBe(0);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'credentials rejected', requestId: 'late' },
    ]);
  });
});
