import type { Behaviour } from './behaviour.ts';
import { validateSearchedStatus, statusOnWire } from './chatStatus.ts';
import type { ChatRow, CustomerRow } from './entities.ts';
import type { SearchRules } from './search.ts';
import type { SearchField } from './searchFilter.ts';
import type { Store } from './store.ts';

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000));

const integer = <Row>(read: (row: Row) => number | null): SearchField<Row> => ({
  kind: 'integer',
  read,
});
const text = <Row>(read: (row: Row) => string | null): SearchField<Row> => ({
  kind: 'string',
  read,
});
const date = <Row>(read: (row: Row) => number | null): SearchField<Row> => ({
  kind: 'date',
  read: (row) => seconds(read(row)),
});

/** The filter fields of chats; the id of a chat is not one of them. */
export function createChatRules(store: Store, behaviour: () => Behaviour): SearchRules<ChatRow> {
  const customerOf = ({ customerId }: ChatRow): CustomerRow => store.customer(customerId);
  return {
    fields: new Map<string, SearchField<ChatRow>>([
      ['chats.assignee', integer(({ assigneeId }) => assigneeId)],
      ['chats.agents', { kind: 'integers', read: ({ agentIds }) => agentIds }],
      ['chats.department', integer(({ departmentId }) => departmentId)],
      ['chats.customer', integer(({ customerId }) => customerId)],
      ['chats.customer.email', text((chat) => customerOf(chat).email)],
      ['chats.customer.userId', text((chat) => customerOf(chat).userId)],
      ['chats.customer.tagsData', { kind: 'tags', read: (chat) => tagNames(customerOf(chat)) }],
      [
        'chats.status',
        {
          kind: 'string',
          read: ({ status }) => statusOnWire(status, behaviour()),
          readValue: (...value) => validateSearchedStatus(behaviour())(...value),
        },
      ],
      ['chats.rating', text(({ rating }) => rating)],
      ['chats.createdAt', date(({ createdAt }) => createdAt)],
      ['chats.closedAt', date(({ closedAt }) => closedAt)],
      ['chats.updatedAt', date(({ updatedAt }) => updatedAt)],
    ]),
    sorts: new Map<string, (chat: ChatRow) => number | null>([
      ['chats.createdAt', ({ createdAt }) => createdAt],
      ['chats.lastCustomerMessageAt', (chat) => chat.lastCustomerMessageAt],
      ['chats.lastMessageAt', ({ lastMessageAt }) => lastMessageAt],
      ['chats.closedAt', ({ closedAt }) => closedAt],
    ]),
  };
}

/** The filter fields of customers. */
export const customerRules: SearchRules<CustomerRow> = {
  fields: new Map<string, SearchField<CustomerRow>>([
    ['customers.id', integer(({ id }) => id)],
    ['customers.userId', text(({ userId }) => userId)],
    ['customers.name', text(({ name }) => name)],
    ['customers.email', text(({ email }) => email)],
    ['customers.company', text(({ company }) => company)],
    ['customers.phone', text(({ phone }) => phone)],
    ['customers.countryCode', text(({ countryCode }) => countryCode)],
    ['customers.city', text(({ city }) => city)],
    ['customers.regionCode', text(({ regionCode }) => regionCode)],
    ['customers.telegramId', channelId('telegram')],
    ['customers.facebookId', channelId('facebook')],
    ['customers.instagramId', channelId('instagram')],
    ['customers.viberId', channelId('viber')],
    ['customers.whatsappId', channelId('whatsapp')],
    ['customers.tagsData', { kind: 'tags', read: tagNames }],
    ['customers.lastSeen', date(({ lastSeen }) => lastSeen)],
    ['customers.createdAt', date(({ createdAt }) => createdAt)],
  ]),
  sorts: new Map<string, (customer: CustomerRow) => number | null>([
    ['customers.firstSeen', ({ firstSeen }) => firstSeen],
    ['customers.lastSeen', ({ lastSeen }) => lastSeen],
  ]),
};

function tagNames({ tags }: CustomerRow): readonly string[] {
  return tags.map(({ name }) => name);
}

/** The messenger's own id; some accounts name a channel more closely, such as `telegram_bot`. */
function channelId(channel: string): SearchField<CustomerRow> {
  return text(({ createdFrom, integrationId }) =>
    createdFrom?.startsWith(channel) === true ? integrationId : null,
  );
}
