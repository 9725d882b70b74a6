import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';

let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: fake, config: { rateLimit: 0 } });
});

afterAll(async () => {
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

interface Row {
  readonly id: number;
  /** The time by which the list is sorted, in seconds. */
  readonly time: number;
}

const newestSeconds = 1_800_000_000;

/** Rows whose times are a second apart, the newest first. */
const rowsFrom = (firstId: number, count: number, newest = newestSeconds): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: firstId + index, time: newest - index }));

let rows: Row[];

beforeEach(() => {
  rows = rowsFrom(1_000, 300);
  const pageOf = (found: readonly Row[], offset: number, limit: number) => ({
    body: {
      data: found
        .slice(offset, offset + limit)
        .map(({ id, time }) =>
          wireChat({ id, createdAt: String(time), lastMessageAt: String(time) }),
        ),
      meta: { total: found.length },
    },
  });
  fake.respond('GET /chats', ({ query }) =>
    pageOf(rows, Number(query.get('offset')), Number(query.get('limit'))),
  );
  fake.respond('POST /chats/search', ({ body }) => {
    const [{ operator, value }] = body.filter;
    if (operator !== '<') throw new Error('Only a later time is expected.');
    return pageOf(
      rows.filter(({ time }) => time < value),
      body.offset,
      body.limit,
    );
  });
  fake.clearCalls();
});

const document = `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: ChatOrder) {
  chats(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

const byLastMessage = { orderBy: { field: 'LAST_MESSAGE_AT', direction: 'DESC' } };

interface ReadPage {
  readonly ids: readonly number[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
  readonly calls: number;
}

async function read(variables: object): Promise<ReadPage> {
  const { data, errors, extensions } = await gateway.query(document, { ...variables });
  expect(errors).toEqual([]);
  const { nodes, pageInfo } = data.chats;
  const ids: number[] = nodes.map(({ id }: { id: string }) => Number(id));
  return { ids, ...pageInfo, calls: extensions.upstream.calls };
}

const idsOf = (part: readonly Row[]): number[] => part.map(({ id }) => id);

/** Rows that were added at the start of the list. */
const addRows = (count: number): void => {
  rows = [...rowsFrom(5_000, count, newestSeconds + count), ...rows];
};

describe('pages of a list that has changed', () => {
  test.each([1, 9, 40, 400])(
    'the next page continues after the last row when %i rows were added',
    async (count) => {
      const first = await read({ ...byLastMessage, first: 20 });
      const expected = idsOf(rows.slice(20, 40));
      addRows(count);

      const next = await read({ ...byLastMessage, first: 20, after: first.endCursor });

      expect(expected.slice(0, next.ids.length)).toEqual(next.ids);
      expect(next.ids.length).toBeGreaterThanOrEqual(10);
      expect(next.hasNextPage).toBe(true);
      expect(next.calls).toBeLessThanOrEqual(count < 20 ? 1 : 5);
    },
  );

  test.each([1, 9, 40, 150])(
    'the next page continues after the last row when %i rows were removed, the row of the cursor included',
    async (count) => {
      const first = await read({ ...byLastMessage, first: 90 });
      const second = await read({ ...byLastMessage, first: 90, after: first.endCursor });
      const expected = idsOf(rows.slice(180, 200));
      rows.splice(180 - count, count);

      const next = await read({ ...byLastMessage, first: 20, after: second.endCursor });

      expect(next.ids).toEqual(expected);
      expect(next.calls).toBeLessThanOrEqual(count < 10 ? 1 : 4);
    },
  );

  test.each([1, 9, 40, 400])(
    'the previous page ends before the first row when %i rows were added',
    async (count) => {
      const first = await read({ ...byLastMessage, first: 60 });
      const second = await read({ ...byLastMessage, first: 20, after: first.endCursor });
      const expected = idsOf(rows.slice(40, 60));
      addRows(count);

      const previous = await read({ ...byLastMessage, last: 20, before: second.startCursor });

      expect(expected.slice(-previous.ids.length)).toEqual(previous.ids);
      expect(previous.ids.length).toBeGreaterThanOrEqual(10);
      expect(previous.hasPreviousPage).toBe(true);
    },
  );

  test('a list that can be searched by its time needs one call, however many rows were added', async () => {
    const first = await read({ first: 20 });
    const expected = idsOf(rows.slice(20, 110));
    addRows(5_000);
    fake.clearCalls();

    const next = await read({ first: 90, after: first.endCursor });

    expect(next.ids).toEqual(expected);
    expect(fake.calls.map(({ path, body }) => [path, body])).toEqual([
      [
        '/chats/search',
        {
          comparison: 'AND',
          filter: [{ field: 'chats.createdAt', operator: '<', value: newestSeconds - 19 + 1 }],
          sort: 'chats.createdAt',
          order: 'desc',
          offset: 0,
          limit: 91,
        },
      ],
    ]);
  });

  test.each([91, 100])(
    'a page of %i rows after a cursor costs two calls and is complete',
    async (size) => {
      const first = await read({ first: 20 });
      const byMessage = await read({ ...byLastMessage, first: 20 });
      addRows(3);
      const expected = idsOf(rows.slice(23, 23 + size));

      const next = await read({ first: size, after: first.endCursor });
      const nextByMessage = await read({
        ...byLastMessage,
        first: size,
        after: byMessage.endCursor,
      });

      expect([next.ids, next.calls]).toEqual([expected, 2]);
      expect([nextByMessage.ids, nextByMessage.calls]).toEqual([expected, 2]);
    },
  );

  test('a search that finds nothing does not end the list', async () => {
    const first = await read({ first: 20 });
    fake.respond('POST /chats/search', { body: { data: [], meta: { total: 0 } } });

    const next = await read({ first: 20, after: first.endCursor });

    expect([next.ids, next.hasNextPage, next.calls]).toEqual([idsOf(rows.slice(20, 40)), true, 2]);
  });

  test('pages of up to 90 rows cost at most 5 % more calls while rows are added and removed', async () => {
    rows = rowsFrom(1_000, 2_700);
    const expected = idsOf(rows);
    const seen: number[] = [];
    let calls = 0;
    for (let page = 0, after: string | null = null; ; page += 1) {
      const { ids, ...next } = await read({ ...byLastMessage, first: 30, after });
      seen.push(...ids);
      calls += next.calls;
      if (!next.hasNextPage) break;
      after = next.endCursor;
      if (page % 3 === 0) rows.splice(page, 1);
      else rows = [...rowsFrom(9_000 + page, 1, newestSeconds + page), ...rows];
    }

    expect(seen).toEqual(expected);
    expect(calls).toBeLessThanOrEqual(90 * 1.05);
  });

  test('a cursor whose row cannot be found in six further calls is rejected', async () => {
    const first = await read({ ...byLastMessage, first: 20 });
    addRows(9_000);
    fake.clearCalls();

    const { errors } = await gateway.query(document, {
      ...byLastMessage,
      first: 20,
      after: first.endCursor,
    });

    expect(errors.map(({ message, extensions }) => [message, extensions['code']])).toEqual([
      [
        'after: can no longer be found, because the list has changed too much. Start from its first page again.',
        'BAD_USER_INPUT',
      ],
    ]);
    expect(fake.calls).toHaveLength(7);
  });
});

describe('rows with equal times', () => {
  test.each(['ascending', 'descending', 'no'])(
    'rows with equal times in %s order of ids are neither repeated nor skipped, although the row of the cursor has left',
    async (order) => {
      const ids = Array.from({ length: 60 }, (_, index) => 2_000 + index);
      const sorted =
        order === 'ascending'
          ? ids
          : order === 'descending'
            ? ids.toReversed()
            : ids.map((id) => 2_000 + ((id * 37) % 60));
      rows = sorted.map((id) => ({ id, time: newestSeconds }));
      const walked = async (orderBy: object) => {
        const kept = [...rows];
        const seen: number[] = [];
        for (let after: string | null = null; ;) {
          const page = await read({ ...orderBy, first: 7, after });
          seen.push(...page.ids);
          if (!page.hasNextPage) break;
          after = page.endCursor;
          rows = rows.filter(({ id }) => id !== page.ids.at(-1));
        }
        rows = kept;
        return seen;
      };

      const byTime = await walked({});
      const byMessage = await walked(byLastMessage);

      expect([byTime, byMessage]).toEqual([sorted, sorted]);
    },
  );
});

describe('cursors of the released version', () => {
  test('a cursor that contains an offset only continues there', async () => {
    const list =
      'chats [{"comparison":"AND","filter":[]},{"sort":"chats.createdAt","order":"desc"}]';
    const digest = createHash('sha256').update(list).digest('base64url').slice(0, 13);
    const released = (offset: number) => Buffer.from(`${digest}:${offset}`).toString('base64url');

    const next = await read({ first: 5, after: released(9) });
    const previous = await read({ last: 5, before: released(9) });
    const none = await read({ last: 5, before: released(0) });

    expect([next.ids, next.calls]).toEqual([idsOf(rows.slice(10, 15)), 1]);
    expect([previous.ids, previous.calls]).toEqual([idsOf(rows.slice(4, 9)), 1]);
    expect([none.ids, none.hasNextPage]).toEqual([[], true]);
  });
});
