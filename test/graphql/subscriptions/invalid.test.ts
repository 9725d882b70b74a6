import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { openSocket } from '../../support/socket.ts';

let upstream: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startControlledUpstream();
  gateway = await startTestGateway({ upstream });
});

afterAll(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

async function send(path: string, operation: Operation) {
  const accept = path === '/graphql' ? 'application/graphql-response+json' : 'text/event-stream';
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify(operation),
  });
  const { errors }: any = await response.json();
  return { status: response.status, code: errors[0].extensions.code };
}

const conditions: readonly [string, Operation][] = [
  [
    'a variable',
    {
      query: 'subscription ($a: Boolean!) { chatUpdated @skip(if: $a) { change } }',
      variables: { a: false },
    },
  ],
  [
    'a variable with a default',
    { query: 'subscription ($a: Boolean = true) { chatUpdated @include(if: $a) { change } }' },
  ],
  [
    'a missing variable',
    { query: 'subscription ($a: Boolean!) { chatUpdated @skip(if: $a) { change } }' },
  ],
  ['a literal', { query: 'subscription { chatUpdated @skip(if: true) { change } }' }],
  [
    'a fragment spread',
    {
      query:
        'subscription ($a: Boolean!) { ...f @include(if: $a) } fragment f on Subscription { chatUpdated { change } }',
      variables: { a: true },
    },
  ],
  [
    'a field of a fragment',
    {
      query:
        'subscription ($a: Boolean!) { ...f } fragment f on Subscription { ... { chatUpdated @skip(if: $a) { change } } }',
      variables: { a: false },
    },
  ],
];

describe('a condition at the root of a subscription', () => {
  test.each(conditions)(
    'is rejected as invalid over HTTP and event streams: %s',
    async (_what, operation) => {
      const expected = { status: 400, code: 'GRAPHQL_VALIDATION_FAILED' };

      expect(await send('/graphql', operation)).toEqual(expected);
      expect(await send('/graphql/stream', operation)).toEqual(expected);
      expect(gateway.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
    },
  );

  test.each(conditions)(
    'fails only its own operation on a WebSocket: %s',
    async (_what, operation) => {
      const socket = await openSocket(gateway.url);
      await socket.initialize();
      socket.send({ type: 'subscribe', id: '1', payload: operation });
      const rejected = await socket.nextMessage();
      socket.send({ type: 'subscribe', id: '2', payload: { query: '{ __typename }' } });
      const next = await socket.nextMessage();

      expect(rejected).toMatchObject({
        type: 'error',
        id: '1',
        payload: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
      });
      expect(next).toMatchObject({ type: 'next', id: '2' });
      socket.socket.terminate();
      await socket.closed;
    },
  );

  test('is allowed below the root', async () => {
    const query =
      'subscription ($a: Boolean!) { chatUpdated { change chat @skip(if: $a) { id } } }';
    const controller = new AbortController();
    const response = await fetch(`${gateway.url}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query, variables: { a: true } }),
      signal: controller.signal,
    });

    expect(response.headers.get('content-type')).toContain('text/event-stream');
    controller.abort();
  });
});

describe('an invalid argument of a subscription', () => {
  test.each([
    ['an object', {}],
    ['a list', [1]],
    ['a boolean', true],
    ['a fraction', 1.5],
    ['a text that is no id', 'x'],
  ])('is BAD_USER_INPUT with status 400 on an event stream: %s', async (_what, a) => {
    const query = 'subscription ($a: ID) { chatUpdated(id: $a) { change } }';

    expect(await send('/graphql/stream', { query, variables: { a } })).toEqual({
      status: 400,
      code: 'BAD_USER_INPUT',
    });
    expect(gateway.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test('is BAD_USER_INPUT when a required variable is missing', async () => {
    const query = 'subscription ($a: ID!) { chatUpdated(id: $a) { change } }';

    expect(await send('/graphql/stream', { query })).toEqual({
      status: 400,
      code: 'BAD_USER_INPUT',
    });
  });
});
