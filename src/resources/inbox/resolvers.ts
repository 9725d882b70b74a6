import { createHash } from 'node:crypto';
import type { InboxView } from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
import { cursorsOf } from '../../lib/cursors.ts';
import type { Connection } from '../../lib/paging.ts';
import { pageInfoOf, parsePageWindow } from '../../lib/paging.ts';
import type { Chat } from '../chats/model.ts';
import type { Inbox } from './model.ts';
import { summarize, viewConditions } from './model.ts';

/** The position of a chat in the inbox, newest first. It never changes. */
interface Position {
  readonly createdAt: number;
  readonly id: bigint;
}

const positionOf = ({ createdAt, id }: Chat): Position => ({
  createdAt: createdAt ?? 0,
  id: BigInt(id),
});

const isBefore = (a: Position, b: Position): boolean =>
  a.createdAt === b.createdAt ? a.id > b.id : a.createdAt > b.createdAt;

const digestOf = (list: string): string =>
  createHash('sha256').update(list).digest('base64url').slice(0, 13);

const toCursor = (list: string, { createdAt, id }: Position): string =>
  Buffer.from(`${digestOf(list)}:${createdAt}:${id}`).toString('base64url');

function fromCursor(list: string, cursor: string): Position {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, createdAt, id] = /^[^:]+:(\d{1,15}):(\d{1,100})$/.exec(text) ?? [];
  if (createdAt !== undefined && id !== undefined) {
    const position = { createdAt: Number(createdAt), id: BigInt(id) };
    if (toCursor(list, position) === cursor) return position;
  }
  throw badUserInputError('after', 'must be a cursor of a list with the same view.');
}

interface InboxWindow {
  readonly view: InboxView;
  readonly count: number;
  readonly after: string | null | undefined;
}

/** A page of a view. Fails before `read` for a cursor of another list. */
async function inboxConnection(
  { view, count, after }: InboxWindow,
  read: () => Promise<Inbox>,
  nowMs: () => number,
): Promise<Connection<Chat>> {
  const list = `inbox ${view}`;
  const start = typeof after === 'string' ? fromCursor(list, after) : undefined;
  const { chats } = await read();
  const now = nowMs();
  const members = chats
    .filter((chat) => viewConditions[view](chat, now))
    .map((chat) => ({ chat, position: positionOf(chat) }))
    .sort((a, b) => (isBefore(a.position, b.position) ? -1 : 1));
  const offset =
    start === undefined ? 0 : members.filter(({ position }) => !isBefore(start, position)).length;
  const page = members.slice(offset, offset + count);
  const rows = page.map(({ chat }) => chat);
  const cursors = page.map(({ position }) => toCursor(list, position));
  const cursorOf = (index: number): string => cursors[index] ?? '';
  return {
    rows,
    total: members.length,
    cursorOf,
    pageInfo: () =>
      pageInfoOf(
        { rows, cursorOf },
        {
          hasNextPage: offset + rows.length < members.length,
          hasPreviousPage: offset > 0 && rows.length > 0,
        },
      ),
  };
}

export const inboxResolvers: Resolvers = {
  Query: {
    inboxSummary: async (_root, _args, { sources, now }) =>
      summarize(await sources.inbox.read(), now()),
    inbox(_root, { view, first, after }, { sources, now }) {
      const { count } = parsePageWindow({ first: first ?? null }, cursorsOf(view));
      return inboxConnection({ view, count, after }, () => sources.inbox.read(), now);
    },
  },
  // An agent or a department that was deleted is still counted.
  AgentCount: {
    agent: async ({ agent }, _args, { loaders }, info) =>
      (await loaders.agents.resolvePartial(agent, info)) ?? {
        ...{ name: null, email: null, role: null },
        ...agent,
      },
  },
  DepartmentCount: {
    department: async ({ department }, _args, { loaders }, info) =>
      (await loaders.departments.resolvePartial(department, info)) ?? {
        ...{ name: '', agents: [] },
        ...department,
      },
  },
};
