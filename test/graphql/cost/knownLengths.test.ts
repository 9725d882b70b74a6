import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { RecordingUpstream } from '../../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../../support/recordingUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';

const agents = Array.from({ length: 9 }, (_, index) => ({ id: index + 1, name: `A${index}` }));
const chatsOfAgents = '{ agents { chats(first: 1) { totalCount } } }';

let helpCrunch: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeEach(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /agents', { body: { data: agents, total: agents.length } });
  helpCrunch.respond('*', { body: { data: [], meta: { total: 0 } } });
  gateway = await startTestGateway({
    upstream: helpCrunch,
    config: {
      rateLimit: 0,
      maxUpstreamCalls: 30,
      cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 },
    },
  });
});

afterEach(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

test('the chats of all agents are accepted once the list of agents is cached', async () => {
  await gateway.query('{ agents { id } }');

  const { data, errors } = await gateway.query(chatsOfAgents);

  expect(errors).toEqual([]);
  expect(data.agents).toHaveLength(9);
});

test('the first request of a team of 9 reads the list of agents before it is priced', async () => {
  const { data, errors, extensions } = await gateway.query(chatsOfAgents);

  expect(errors).toEqual([]);
  expect(data.agents).toHaveLength(9);
  expect(helpCrunch.callsTo('GET /agents')).toHaveLength(1);
  expect(extensions.upstream.calls).toBe(helpCrunch.calls.length);
});

test('a team that is too large costs one call for the list of agents, once', async () => {
  const many = Array.from({ length: 60 }, (_, index) => ({ id: index + 1, name: `A${index}` }));
  helpCrunch.respond('GET /agents', { body: { data: many, total: many.length } });

  const answers = [await gateway.query(chatsOfAgents), await gateway.query(chatsOfAgents)];

  for (const { errors } of answers)
    expect(errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
  expect(helpCrunch.calls.map(({ path }) => path)).toEqual(['/agents']);
});

test('an operation that no length of a list makes affordable is rejected before any call', async () => {
  const chats = Array.from(
    { length: 31 },
    (_, index) => `chat${index}: chat(id: ${index + 1}) { id }`,
  );

  const { errors } = await gateway.query(`{ agents { chats { totalCount } } ${chats.join(' ')} }`);

  expect(errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
  expect(helpCrunch.calls).toEqual([]);
});

test('if the list of agents cannot be read, the worst case assumes fifty agents', async () => {
  helpCrunch.respond('GET /agents', { status: 500, body: {} });

  const { errors } = await gateway.query(chatsOfAgents);

  expect(errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
});

test('a cached list that is too long is priced by its real length', async () => {
  const many = Array.from({ length: 60 }, (_, index) => ({ id: index + 1, name: `A${index}` }));
  helpCrunch.respond('GET /agents', { body: { data: many, total: many.length } });
  await gateway.query('{ agents { id } }');
  helpCrunch.clearCalls();

  const { errors } = await gateway.query(chatsOfAgents);

  expect(errors[0]?.message).toContain('agents.chats (61)');
  expect(helpCrunch.calls).toEqual([]);
});
