import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { startTwoCustomers, wireMessage } from '../support/twoCustomers.ts';
import { propertyParameters } from '../support/propertyRuns.ts';

// Walks to the end of many conversations.

const shownTypes = ['message', 'email', 'knowledgebase'];
const hiddenTypes = ['private', 'tech', 'a type of tomorrow'];

const ada = { role: 'customer', customerId: 7001 };

let helpCrunch: Awaited<ReturnType<typeof startTwoCustomers>>;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startTwoCustomers();
  gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { auth: jwtAuth(), rateLimit: 0 },
  });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

/** `-` is a message for the team, `+` one for the customer. */
const conversation = (pattern: string) =>
  pattern.split('').map((sign, index) => {
    const types = sign === '+' ? shownTypes : hiddenTypes;
    return wireMessage({
      id: 1000 + index,
      type: types[index % types.length],
      text: `${sign} ${index}`,
    });
  });

const placesShown = (pattern: string): string[] =>
  pattern.split('').flatMap((sign, index) => (sign === '+' ? String(1000 + index) : []));

interface Page {
  readonly ids: readonly string[];
  readonly cursors: readonly string[];
  readonly pageInfo: any;
  readonly totalCount: unknown;
  readonly calls: number;
}

interface PageArguments {
  readonly first?: number;
  readonly after?: string | null;
  readonly last?: number;
  readonly before?: string | null;
}

const read = (first: number, after: string | null, claims: object = ada): Promise<Page> =>
  readPage({ first, after }, claims);

async function readPage(page: PageArguments, claims: object = ada): Promise<Page> {
  const { data, errors, extensions } = await gateway.query(
    `query ($first: Int, $after: String, $last: Int, $before: String) {
      chat(id: 1) { messages(first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      } }
    }`,
    { ...page },
    await bearer({ ...claims }),
  );
  expect(errors).toEqual([]);
  const { edges, pageInfo, totalCount } = data.chat.messages;
  return {
    ids: edges.map(({ node }: any) => node.id),
    cursors: edges.map(({ cursor }: any) => cursor),
    pageInfo,
    totalCount,
    calls: extensions.upstream.calls - 1,
  };
}

async function walk(first: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let after: string | null = null; ;) {
    const page: Page = await read(first, after);
    pages.push(page);
    if (!page.pageInfo.hasNextPage) return pages;
    after = page.pageInfo.endCursor;
  }
}

/** From the oldest messages to the newest. */
async function walkBack(last: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let before: string | null = null; ;) {
    const page: Page = await readPage({ last, before });
    pages.push(page);
    if (!page.pageInfo.hasPreviousPage) return pages;
    before = page.pageInfo.startCursor;
  }
}

const patterns = fc
  .array(fc.tuple(fc.constantFrom('+', '-'), fc.integer({ min: 1, max: 60 })), { maxLength: 6 })
  .map((runs) => runs.map(([sign, length]) => sign.repeat(length)).join(''));

describe('messages for a customer', () => {
  test('a customer reads full pages of public messages from the oldest to the newest', async () => {
    await fc.assert(
      fc.asyncProperty(patterns, fc.integer({ min: 20, max: 100 }), async (pattern, last) => {
        helpCrunch.holdsMessages(1, conversation(pattern));

        const pages = await walkBack(last);

        expect(pages.toReversed().flatMap(({ ids }) => ids)).toEqual(placesShown(pattern));
        for (const [index, { ids, cursors, pageInfo, calls }] of pages.entries()) {
          if (index < pages.length - 1) expect(ids).toHaveLength(last);
          expect(index === 0 || ids.length > 0).toBe(true);
          expect(calls).toBeLessThanOrEqual(6);
          expect(pageInfo).toEqual({
            hasNextPage: index > 0,
            hasPreviousPage: index < pages.length - 1,
            startCursor: cursors[0] ?? null,
            endCursor: cursors.at(-1) ?? null,
          });
        }
      }),
      propertyParameters(5),
    );
  });

  test('a page of the oldest messages ends after six calls and the previous page continues there', async () => {
    const pattern = `++${'-'.repeat(1_200)}+`;
    helpCrunch.holdsMessages(1, conversation(pattern));

    const pages = await walkBack(2);

    expect(pages.map(({ ids, calls }) => [ids.length, calls])).toEqual([
      [1, 6],
      [0, 6],
      [2, 4],
    ]);
    expect(pages.toReversed().flatMap(({ ids }) => ids)).toEqual(placesShown(pattern));
  });

  test.each([1, 60, 130])(
    'messages that arrive between two pages, visible or not, neither repeat nor skip a message: %i',
    async (count) => {
      const older = '+-+++--+'.repeat(30);
      const newer = '-+'.repeat(count);
      helpCrunch.holdsMessages(1, conversation(older));
      const first = await read(20, null);
      const before = await readPage({ last: 20 });
      const newest = conversation(newer).map((message) => ({
        ...message,
        id: message.id + 5_000,
        createdAt: '1900000000',
      }));

      helpCrunch.holdsMessages(1, [...newest, ...conversation(older)]);
      const next = await read(20, first.pageInfo.endCursor);
      const previous = await readPage({ last: 20, before: before.pageInfo.startCursor });

      const shown = placesShown(older);
      expect(next.ids).toEqual(shown.slice(20, 40));
      expect(previous.ids).toEqual(shown.slice(-40, -20));
    },
  );

  test('all cursors of messages have the same length, whatever lies between', async () => {
    helpCrunch.holdsMessages(1, conversation('+-+++------++-+'));

    const { cursors } = await read(20, null);

    expect(new Set(cursors.map(({ length }) => length)).size).toBe(1);
  });

  test('messages between two cursors are read from either end', async () => {
    helpCrunch.holdsMessages(1, conversation('+-++-+-++'));
    const { cursors } = await read(10, null);
    const between = { after: cursors[0]!, before: cursors[4]! };

    const first = await readPage({ ...between, first: 2 });
    const last = await readPage({ ...between, last: 2 });
    const none = await readPage({ after: cursors[4]!, before: cursors[0]!, last: 2 });
    const noneFirst = await readPage({ after: cursors[4]!, before: cursors[0]!, first: 2 });

    expect([first.ids, last.ids]).toEqual([
      ['1002', '1003'],
      ['1003', '1005'],
    ]);
    expect([none.ids, noneFirst.ids]).toEqual([[], []]);
    expect(none.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
  });

  test('a customer reads full pages of public messages, however many private ones lie between', async () => {
    await fc.assert(
      fc.asyncProperty(patterns, fc.integer({ min: 20, max: 100 }), async (pattern, first) => {
        helpCrunch.holdsMessages(1, conversation(pattern));

        const pages = await walk(first);

        expect(pages.flatMap(({ ids }) => ids)).toEqual(placesShown(pattern));
        for (const [index, { ids, cursors, pageInfo, totalCount, calls }] of pages.entries()) {
          if (index < pages.length - 1) expect(ids).toHaveLength(first);
          expect(index === 0 || ids.length > 0).toBe(true);
          expect(calls).toBeLessThanOrEqual(5);
          expect(totalCount).toBeNull();
          expect(pageInfo).toEqual({
            hasNextPage: index < pages.length - 1,
            hasPreviousPage: index > 0,
            startCursor: cursors[0] ?? null,
            endCursor: cursors.at(-1) ?? null,
          });
        }
      }),
      propertyParameters(5),
    );
  });

  test('a page of messages ends after five calls and the next page continues there', async () => {
    const pattern = `+${'-'.repeat(1_200)}++`;
    helpCrunch.holdsMessages(1, conversation(pattern));

    const pages = await walk(2);

    expect(pages.map(({ ids, calls }) => [ids.length, calls])).toEqual([
      [1, 5],
      [0, 5],
      [2, 3],
    ]);
    expect(pages.flatMap(({ ids }) => ids)).toEqual(placesShown(pattern));
  });

  test('all chats of an operation share the limit of calls for messages', async () => {
    helpCrunch.holdsMessages(1, conversation('-'.repeat(900)));
    helpCrunch.holdsMessages(3, conversation('-'.repeat(900)));

    const { extensions, errors } = await gateway.query(
      '{ chats { nodes { messages { nodes { id } } } } }',
      {},
      await bearer(ada),
    );

    expect(errors).toEqual([]);
    // The list, one for each chat, and four more.
    expect(extensions.upstream.calls).toBe(1 + 2 + 4);
    helpCrunch.holdsMessages(3, []);
  });

  test('message cursors are stable and reveal no offset', async () => {
    helpCrunch.holdsMessages(1, conversation('+-+---+'));

    const { cursors } = await read(10, null);
    const again = await read(10, null);

    expect(again.cursors).toEqual(cursors);
    expect(new Set(cursors.map(({ length }) => length)).size).toBe(1);
    const bytes = cursors.map((cursor) => Buffer.from(cursor, 'base64url'));
    for (const [index, one] of bytes.entries()) {
      for (const other of bytes.slice(index + 1)) {
        const shared = one.filter((byte, at) => byte === other[at]).length;
        expect(shared).toBeLessThan(8);
      }
    }
  });

  test('message cursors are valid on every instance and invalid for another account', async () => {
    helpCrunch.holdsMessages(1, conversation('+++'));
    await using other = await startTestGateway({
      upstream: helpCrunch,
      config: { auth: jwtAuth(), rateLimit: 0 },
    });
    await using otherAccount = await startTestGateway({
      upstream: { ...helpCrunch, key: 'another key' },
      config: { auth: jwtAuth(), rateLimit: 0 },
    });
    const { cursors } = await read(2, null);
    const query = `{ chat(id: 1) { messages(after: "${cursors[1]}") { nodes { id } } } }`;

    const there = await other.query(query, {}, await bearer(ada));
    const elsewhere = await otherAccount.query(query, {}, await bearer(ada));

    expect(there.data.chat.messages.nodes).toEqual([{ id: '1002' }]);
    expect(elsewhere.errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  });

  test.each(['nonsense', '', 'AAAA', 'A'.repeat(30), 'bWVzc2FnZXM6MA'])(
    'a forged message cursor is rejected: %j',
    async (cursor) => {
      helpCrunch.clearCalls();

      const { errors } = await gateway.query(
        `{ chat(id: 1) { messages(after: "${cursor}") { nodes { id } } } }`,
        {},
        await bearer(ada),
      );

      expect(errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
      expect(helpCrunch.callsTo('GET /chats/1/messages')).toEqual([]);
    },
  );

  test('a message cursor of another chat or of an agent is rejected for a customer', async () => {
    helpCrunch.holdsMessages(1, conversation('+++'));
    helpCrunch.holdsMessages(3, conversation('+++'));
    const ofTeam = await read(1, null, { role: 'agent' });
    const { cursors } = await read(1, null);
    const ask = async (chat: number, cursor: string | undefined, claims: object) =>
      gateway.query(
        `{ chat(id: ${chat}) { messages(after: "${cursor}") { nodes { id } } } }`,
        {},
        await bearer({ ...claims }),
      );

    const answers = [
      await ask(3, cursors[0], ada),
      await ask(1, ofTeam.cursors[0], ada),
      await ask(1, cursors[0], { role: 'agent' }),
    ];

    for (const { errors } of answers) expect(errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  });

  test('pages of messages for a customer have the usual size limits', async () => {
    const sizes = [0, -1, 101].flatMap((size) => [`first: ${size}`, `last: ${size}`]);
    for (const invalid of [...sizes, 'first: 1, last: 1', 'last: 1, before: "x"']) {
      const { errors } = await gateway.query(
        `{ chat(id: 1) { messages(${invalid}) { nodes { id } } } }`,
        {},
        await bearer(ada),
      );
      expect(errors[0]?.extensions['code']).toBe('BAD_USER_INPUT');
    }
  });

  test('totalCount of messages is null for a customer and costs no additional call', async () => {
    helpCrunch.clearCalls();

    const { data } = await gateway.query(
      '{ chat(id: 1) { messages { totalCount } } }',
      {},
      await bearer(ada),
    );

    expect(data.chat.messages).toEqual({ totalCount: null });
    expect(helpCrunch.calls).toHaveLength(1);
  });
});

describe('messages for an agent', () => {
  test('an agent reads all messages', async () => {
    helpCrunch.holdsMessages(1, conversation('+-+-'));

    const page = await read(10, null, { role: 'agent' });

    expect(page.ids).toEqual(['1000', '1001', '1002', '1003']);
    expect(page.totalCount).toBe(4);
  });

  test('an agent reads all messages from the oldest to the newest', async () => {
    helpCrunch.holdsMessages(1, conversation('+-'.repeat(75)));
    const agent = { role: 'agent' };

    const oldest = await readPage({ last: 100 }, agent);
    const newest = await readPage({ last: 100, before: oldest.pageInfo.startCursor }, agent);

    expect(oldest.ids).toEqual(Array.from({ length: 100 }, (_, index) => String(1050 + index)));
    expect(newest.ids).toEqual(Array.from({ length: 50 }, (_, index) => String(1000 + index)));
    expect([oldest.calls, newest.calls]).toEqual([2, 1]);
    expect(oldest.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(newest.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });
});
