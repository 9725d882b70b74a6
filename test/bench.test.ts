import { describe, expect, test } from '@jest/globals';
import { gateway } from '../bench/contenders/gateway.ts';
import { stockApollo, stockApolloWithDataLoader } from '../bench/contenders/stockApollo.ts';
import type { Differences } from '../bench/contest.ts';
import { createContests } from '../bench/contest.ts';
import { judge } from '../bench/soak/validity.ts';
import { isRising, trendOf } from '../bench/soak/trend.ts';
import { createMix, firstOfEach } from '../bench/mix.ts';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { formatTable } from '../bench/table.ts';

describe('the benchmark mix', () => {
  test('the benchmark mix has 200 operations, the same for the same seed', () => {
    const mix = createMix(1);

    expect(mix).toHaveLength(200);
    expect(createMix(1)).toEqual(mix);
    expect(createMix(2)).not.toEqual(mix);
  });

  test('the gateway and both stock Apollo Servers respond equally to the benchmark mix', async () => {
    const differences: Differences = new Map();
    const contestants = [gateway, stockApollo, stockApolloWithDataLoader];
    const requests = firstOfEach(createMix(1)).map(({ request }) => request);
    const start = await createContests({ contestants, differences }, requests);
    const contest = await start();

    try {
      await contest.askInTurn(requests);
    } finally {
      await contest.stop();
    }

    expect([...differences.keys()]).toEqual([]);
  });
});

test('a benchmark table aligns its first column left and the others right', () => {
  const table = formatTable(
    ['operation', 'calls'],
    [
      ['inbox', 1_234],
      ['all', '2x'],
    ],
  );

  expect(table).toBe(
    ['operation  calls', '---------  -----', 'inbox      1,234', 'all           2x', ''].join('\n'),
  );
});

describe('heap growth of the soak test', () => {
  const swing = [0, 3, -2, 1, -3, 2, 0, -1, 3, -2];

  test('a fluctuating heap is not reported as growth', () => {
    expect(isRising(trendOf(swing.map((value) => 50 + value)))).toBe(false);
  });

  test('a heap that grows beyond its fluctuation is reported', () => {
    const trend = trendOf(swing.map((value, index) => 50 + value + 2 * index));

    expect(isRising(trend)).toBe(true);
    expect(trend.growth).toBeGreaterThan(15);
  });
});

describe('response validation of the soak test', () => {
  const schema = buildSchema(`
    scalar DateTime
    enum Status { OPEN CLOSED }
    type Chat { id: ID! status: Status at: DateTime tags: [String!]! }
    type Query { chat: Chat }
  `);
  const operation = getOperationAST(parse('{ chat { number: id status at tags } }')) ?? undefined;
  const chat = { number: '1', status: 'OPEN', at: '2026-01-15T12:00:00.000Z', tags: ['a'] };
  const faultOf = (answer: unknown) => judge(schema, operation, answer).fault;
  const failed = (extensions: object) => ({ errors: [{ message: 'No.', extensions }] });

  test('a response that matches the schema is valid', () => {
    expect(faultOf({ data: { chat } })).toBeUndefined();
    expect(faultOf({ data: { chat: null } })).toBeUndefined();
  });

  test.each([
    ['a name in place of another', { ...chat, number: undefined }, 'data.chat.number is missing'],
    ['a required value that is null', { ...chat, tags: [null] }, 'data.chat.tags.0 is missing'],
    [
      'a value that is none of the enum',
      { ...chat, status: 'AJAR' },
      'data.chat.status is no Status',
    ],
    ['a time in another form', { ...chat, at: '2026-01-15' }, 'data.chat.at is no DateTime'],
    ['one thing where many are due', { ...chat, tags: 'a' }, 'data.chat.tags is no list'],
  ])('a response is invalid with %s', (_name, wrong, fault) => {
    expect(faultOf({ data: { chat: wrong } })).toBe(fault);
  });

  test('only documented error codes are valid', () => {
    expect(faultOf(failed({ code: 'NOT_FOUND', retryable: false }))).toBeUndefined();
    expect(faultOf(failed({ code: 'OOPS', retryable: false }))).toBe('an error has a strange code');
    expect(faultOf(failed({ code: 'INTERNAL_SERVER_ERROR', retryable: false }))).toBe(
      'an internal error',
    );
    expect(judge(schema, operation, failed({ code: 'NOT_FOUND', retryable: false })).codes).toEqual(
      ['NOT_FOUND'],
    );
    expect(faultOf('')).toBe('no JSON object');
  });
});
