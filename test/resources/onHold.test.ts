import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { usualBehaviour } from '../../src/simulator/behaviour.ts';
import { startDemo } from '../support/gateway.ts';
import { rest } from '../support/rest.ts';

const account = { customers: 20, chats: 200 };
let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo(account);
});

afterAll(() => demo[Symbol.asyncDispose]());

afterEach(() => demo.simulator.behave(usualBehaviour));

const countOf = async (filter: string, { query } = demo): Promise<number> => {
  const { data, errors, extensions } = await query(`{ chats(filter: ${filter}) { totalCount } }`);
  expect(errors).toEqual([]);
  expect(extensions.upstream.calls).toBe(1);
  return data.chats.totalCount;
};

async function heldChats(): Promise<readonly Record<string, any>[]> {
  const pages = await Promise.all(
    [0, 100].map((offset) => rest(demo.simulator, `/chats?offset=${offset}`)),
  );
  return pages.flatMap(({ data }) => data);
}

describe.each(['on hold', 'onhold', 'on-hold'] as const)(
  'if HelpCrunch spells the status "%s" and finds no other spelling',
  (spelling) => {
    test('a filter on ON_HOLD finds all its chats with one call', async () => {
      demo.simulator.behave({ onHold: spelling, statusSearch: 'exact' });
      const statuses = (await heldChats()).map(({ status }) => status);
      const expected = statuses.filter((status) => status === spelling).length;
      const pending = statuses.filter((status) => status === 'pending').length;

      expect(expected).toBeGreaterThan(0);
      expect(await countOf('{ status: ON_HOLD }')).toBe(expected);
      expect(await countOf('{ anyOf: [{ status: ON_HOLD }, { status: PENDING }] }')).toBe(
        expected + pending,
      );
      expect(await countOf('{ statusNot: ON_HOLD }')).toBe(statuses.length - expected);
    });

    test('a combined filter on ON_HOLD finds its chats with HELPCRUNCH_ON_HOLD_SPELLING', async () => {
      demo.simulator.behave({ onHold: spelling, statusSearch: 'exact' });
      await using gateway = await startDemo({ ...account, config: { onHoldSpelling: spelling } });
      gateway.simulator.behave({ onHold: spelling, statusSearch: 'exact' });
      const chats = await heldChats();
      const { department } = chats.find(
        (chat) => chat['status'] === spelling && chat['department'] !== null,
      )!;
      const expected = chats.filter(
        (chat) => chat['status'] === spelling && chat['department']?.id === department.id,
      ).length;

      const filter = `{ status: ON_HOLD, departmentId: ${department.id} }`;
      expect(await countOf(filter, gateway)).toBe(expected);
    });
  },
);

test('a filter of 100 alternatives with ON_HOLD stays within the limit of conditions', async () => {
  const alternatives = [
    '{ status: ON_HOLD }',
    ...Array.from({ length: 99 }, (_, index) => `{ departmentId: ${index + 1} }`),
  ];

  await countOf(`{ anyOf: [${alternatives.join(', ')}] }`);

  const { body } = demo.simulator.calls.at(-1) ?? {};
  expect((body as { readonly filter: readonly unknown[] }).filter).toHaveLength(100);
});
