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
  validateChoice,
  validateFilledText,
  validateFlag,
  validateInteger,
  validateNullable,
  validateOptional,
  validateTime,
  type Fields,
  type FieldValidator,
} from './validate.ts';
import { readFlags } from './wire.ts';

const validateStatus = validateChoice<ChatStatus>(writableStatuses, 'new');
const ratingValidators: Readonly<Record<Behaviour['ratingScale'], FieldValidator<Rating>>> = {
  5: validateChoice<Rating>(choicesOf(ratings), 'average'),
  3: validateChoice<Rating>(choicesOf(['great', 'average', 'poor'] as const), 'average'),
};
const validateMessageType = validateChoice(choicesOf(['message', 'private'] as const), 'message');

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
        const readId = validateOptional(validateInteger);
        const chat = {
          customerId: validateInteger(problems, 'customer', customer),
          applicationId: validateInteger(problems, 'application', application),
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
        const plain = validateFilledText(problems, 'text', text);
        const message = {
          chatId: validateInteger(problems, 'chat', chat),
          text:
            validateOptional(validateFilledText)(problems, 'markdownText', markdownText) ?? plain,
          type: validateMessageType(problems, 'type', type),
          agentId: validateOptional(validateInteger)(problems, 'agent', agent),
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
    read: FieldValidator<T>,
    apply: (id: number, value: T) => ChatRow,
  ): Route => ({
    method: 'PUT',
    template: `/chats/${name}`,
    handle({ body }) {
      const fields = fieldsOf(body);
      const problems = createProblems();
      const id = validateInteger(problems, 'id', fields['id']);
      const property = bodyProperties[name] ?? name;
      const value = read(problems, property, fields[property]);
      problems.check();
      return wire.chat(apply(id, value));
    },
  });
  const validateRating: FieldValidator<Rating> = (...value) =>
    ratingValidators[behaviour().ratingScale](...value);
  const markRead = (by: Author) => (id: number, read: boolean) => chats.markRead(id, by, read);
  return [
    update('status', validateStatus, (id, status) => chats.setStatus(id, status)),
    update('assignee', validateNullable(validateInteger), (id, agentId) =>
      chats.assign(id, agentId),
    ),
    update('department', validateInteger, (id, departmentId) => chats.move(id, departmentId)),
    update('snooze', validateNullable(validateTime), (id, until) => chats.snooze(id, until)),
    update('rate', validateRating, (id, rating) => chats.rate(id, rating)),
    update('readByAgent', validateFlag, markRead('agent')),
    update('readByCustomer', validateFlag, markRead('customer')),
    // The deprecated form without a side marks the chat for agents.
    update('read', validateFlag, markRead('agent')),
  ];
}

/** The body property of a chat write, where it differs from the last segment of the path. */
const bodyProperties: Readonly<Record<string, string>> = {
  snooze: 'snoozedUntil',
  rate: 'rating',
  readByAgent: 'read',
  readByCustomer: 'read',
};
