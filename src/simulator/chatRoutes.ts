import type { Behaviour } from './behaviour.ts';
import { writableStatuses } from './chatStatus.ts';
import { ratings, type Author, type ChatRow, type ChatStatus, type Rating } from './entities.ts';
import type { Route, RouteContext } from './routes.ts';
import { search, slice, type RowPage } from './search.ts';
import { createChatRules } from './searchRules.ts';
import {
  choicesOf,
  createProblems,
  fieldsOf,
  readChoice,
  readFilledText,
  readFlag,
  readInteger,
  readNullable,
  readOptional,
  readTime,
  type Fields,
  type Reader,
} from './validate.ts';
import { readFlags } from './wire.ts';

const readStatus = readChoice<ChatStatus>(writableStatuses, 'new');
const readRatings: Readonly<Record<Behaviour['ratingScale'], Reader<Rating>>> = {
  5: readChoice<Rating>(choicesOf(ratings), 'average'),
  3: readChoice<Rating>(choicesOf(['great', 'average', 'poor'] as const), 'average'),
};
const readMessageType = readChoice(choicesOf(['message', 'private'] as const), 'message');

/** Chats and their messages. Writes name the chat in the body, not in the path. */
export function createChatRoutes(context: RouteContext): readonly Route[] {
  return [
    ...createChatReads(context),
    ...createChatCreations(context),
    ...createChatUpdates(context),
  ];
}

function createChatReads({ account, wire, behaviour }: RouteContext): readonly Route[] {
  const { store } = account;
  const rules = createChatRules(store, behaviour);
  const list = (fields: Fields) => {
    const page = search(store.chats.values(), { fields, rules, behaviour: behaviour() });
    return { data: page.rows.map((chat) => wire.chat(chat)), meta: { total: page.total } };
  };
  // Searches have the total in both places: clients read either.
  const searched = (fields: Fields) => {
    const page = list(fields);
    return { ...page, total: page.meta.total };
  };
  return [
    { method: 'GET', template: '/chats', handle: ({ query }) => list({ ...query, filter: null }) },
    { method: 'POST', template: '/chats/search', handle: ({ body }) => searched(fieldsOf(body)) },
    {
      method: 'GET',
      template: '/chats/{chatId}',
      handle: ({ id }) => wire.chat(store.chat(id)),
    },
    {
      method: 'GET',
      template: '/chats/{chatId}/messages',
      handle({ id, query }) {
        const chat = store.chat(id);
        const messages = store.messagesOf(id);
        const flags = readFlags(chat, messages);
        const flagged = messages.map((message, index) => ({ message, read: flags[index] ?? true }));
        const { rows, total }: RowPage<(typeof flagged)[number]> = slice(
          flagged,
          query,
          behaviour(),
        );
        return { data: rows.map(({ message, read }) => wire.message(message, read)), total };
      },
    },
  ];
}

function createChatCreations({ account: { chats }, wire }: RouteContext): readonly Route[] {
  return [
    {
      method: 'POST',
      template: '/chats',
      creates: true,
      handle({ body }) {
        const { customer, application, assignee, department } = fieldsOf(body);
        const problems = createProblems();
        const readId = readOptional(readInteger);
        const chat = {
          customerId: readInteger(problems, 'customer', customer),
          applicationId: readInteger(problems, 'application', application),
          assigneeId: readId(problems, 'assignee', assignee),
          departmentId: readId(problems, 'department', department),
        };
        problems.check();
        return wire.chat(chats.create(chat));
      },
    },
    {
      method: 'POST',
      template: '/messages',
      creates: true,
      handle({ body }) {
        const { chat, text, type, agent, markdownText } = fieldsOf(body);
        const problems = createProblems();
        const plain = readFilledText(problems, 'text', text);
        const message = {
          chatId: readInteger(problems, 'chat', chat),
          text: readOptional(readFilledText)(problems, 'markdownText', markdownText) ?? plain,
          type: readMessageType(problems, 'type', type),
          agentId: readOptional(readInteger)(problems, 'agent', agent),
        };
        problems.check();
        return wire.message(chats.post(message), false);
      },
    },
  ];
}

function createChatUpdates({
  account: { chats },
  wire,
  behaviour,
}: RouteContext): readonly Route[] {
  const update = <T>(
    name: string,
    read: Reader<T>,
    apply: (id: number, value: T) => ChatRow,
  ): Route => ({
    method: 'PUT',
    template: `/chats/${name}`,
    handle({ body }) {
      const fields = fieldsOf(body);
      const problems = createProblems();
      const id = readInteger(problems, 'id', fields['id']);
      const property = bodyProperties[name] ?? name;
      const value = read(problems, property, fields[property]);
      problems.check();
      return wire.chat(apply(id, value));
    },
  });
  const readRating: Reader<Rating> = (...value) => readRatings[behaviour().ratingScale](...value);
  const markRead = (by: Author) => (id: number, read: boolean) => chats.markRead(id, by, read);
  return [
    update('status', readStatus, (id, status) => chats.setStatus(id, status)),
    update('assignee', readNullable(readInteger), (id, agentId) => chats.assign(id, agentId)),
    update('department', readInteger, (id, departmentId) => chats.move(id, departmentId)),
    update('snooze', readNullable(readTime), (id, until) => chats.snooze(id, until)),
    update('rate', readRating, (id, rating) => chats.rate(id, rating)),
    update('readByAgent', readFlag, markRead('agent')),
    update('readByCustomer', readFlag, markRead('customer')),
    // The deprecated form without a side marks the chat for agents.
    update('read', readFlag, markRead('agent')),
  ];
}

/** The body property of a chat write, where it differs from the last segment of the path. */
const bodyProperties: Readonly<Record<string, string>> = {
  snooze: 'snoozedUntil',
  rate: 'rating',
  readByAgent: 'read',
  readByCustomer: 'read',
};
