import type { GraphQLResolveInfo } from 'graphql';
import type { DomainEvent } from '../../graphql/context.ts';
import type { Context } from '../../graphql/context.ts';
import type {
  ChatChange,
  ChatOrder,
  CustomerChatsArgs,
  SubscriptionChatUpdatedArgs,
} from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { forbiddenError } from '../../lib/clientError.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { eventNotForSubscription } from '../../lib/eventNotForSubscription.ts';
import {
  connectionFields,
  emptyPage,
  readConnection,
  connectionSelection,
} from '../../lib/paging.ts';
import { resolveById } from '../../lib/representation.ts';
import { whenSettled } from '../../lib/whenSettled.ts';
import { requireTotal } from '../../upstream/decode.ts';
import { nullIfNotFound, UpstreamError } from '../../upstream/errors.ts';
import { idEquals, restrictToScope } from '../../upstream/filters.ts';
import { knownFields } from '../../upstream/partialEntities.ts';
import { chatFilter, chatRowOrder, chatSort } from './filter.ts';
import type { Chat, ChatPart, ChatUpdate } from './model.ts';
import type { MutationGroup } from '../runMutation.ts';
import { mutationResolvers } from '../runMutation.ts';
import { chatType, chatChangeKey } from './descriptor.ts';
import { chatEventFields } from './model.ts';
import { chatMutations, inboxChangesOf } from './mutations.ts';
import type { OwnedChats } from './source.ts';

const newestFirst: ChatOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** An order by a field that the viewer may not see would reveal its values. */
function orderFor(orderBy: ChatOrder | null | undefined, { viewer }: Context) {
  if (viewer.role === 'CUSTOMER' && orderBy?.field === 'LAST_MESSAGE_AT') {
    throw forbiddenError(
      'orderBy: LAST_MESSAGE_AT is not available to customers. Use LAST_CUSTOMER_MESSAGE_AT.',
    );
  }
  const chatOrder = orderBy ?? newestFirst;
  return { sort: chatSort(chatOrder), order: chatRowOrder(chatOrder) };
}

/** A name of a DNS label. */
const isSubdomain = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

const customerEquals = idEquals('chats.customer');

/** The `chats` field of a customer, an agent or a department. */
const ownedChatsResolver =
  (owner: OwnedChats['owner']) =>
  (
    { id }: { readonly id: string },
    { orderBy, ...args }: Partial<CustomerChatsArgs>,
    context: Context,
    info: GraphQLResolveInfo,
  ) => {
    const { sort, order } = orderFor(orderBy, context);
    const selection = connectionSelection(info, 'ChatConnection');
    const { loaders } = context;
    return readConnection({
      list: `chats of ${owner} ${id} ${JSON.stringify(sort)}`,
      args,
      selection,
      order,
      searchReads: loaders.searchReads,
      read: (range) => loaders.chats.owned({ owner, id, sort, range, selection }),
    });
  };

/** The chat of a message or an event; `notFound` when it does not exist any more. */
const requireChat = (partial: ChatPart, { chats }: Context['loaders'], info: GraphQLResolveInfo) =>
  whenSettled(chats.resolvePartial(partial, info), (found) => {
    if (found === null) throw new UpstreamError('notFound', `There is no chat ${partial.id}.`);
    return found;
  });

type ChatEvent = Extract<DomainEvent, { readonly chatId: string }>;

/** The change that subscribers receive. Customers receive MESSAGE for visible messages only, so that notes are not revealed. */
function visibleChange(event: DomainEvent, { viewer }: Context): ChatChange | undefined {
  if (event.kind === 'message') return viewer.role === 'CUSTOMER' ? 'MESSAGE' : undefined;
  return event.kind === 'chat' ? event.change : undefined;
}

interface OwnerIds {
  readonly customerId: string | null;
  readonly assigneeId?: string | null;
  readonly departmentId?: string | null;
}

const ownerFields = ['customerId', 'assigneeId', 'departmentId'] as const;

/** Whether the chat belongs to the owners in the arguments; undefined when the event does not contain them. */
function matchesOwners(args: SubscriptionChatUpdatedArgs, ownerIds: OwnerIds): boolean | undefined {
  let isDecided = true;
  for (const owner of ownerFields) {
    if (typeof args[owner] !== 'string') continue;
    if (typeof ownerIds[owner] !== 'string') isDecided = false;
    else if (ownerIds[owner] !== args[owner]) return false;
  }
  return isDecided ? true : undefined;
}

const ownersOf = (chat: Chat | null): OwnerIds => ({
  customerId: chat?.customer?.id ?? null,
  assigneeId: chat?.assignee?.id ?? null,
  departmentId: chat?.department?.id ?? null,
});

async function matchesChat(args: SubscriptionChatUpdatedArgs, chat: Chat | Promise<Chat>) {
  return matchesOwners(args, ownersOf(await nullIfNotFound(chat)));
}

function toChatUpdate(
  event: ChatEvent,
  args: SubscriptionChatUpdatedArgs,
  context: Context,
): ChatUpdate | Promise<ChatUpdate> {
  const { chatId: id, atMs: at } = event;
  const change = visibleChange(event, context);
  const isMatch = matchesOwners(args, event) ?? matchesChat(args, context.loaders.chats.load(id));
  return whenSettled(isMatch, (matches) => {
    if (change === undefined || matches !== true) throw eventNotForSubscription;
    return { chat: { __typename: 'Chat', id }, change, at };
  });
}

/** Mutations of the chat in the argument `id`. */
const chatMutationGroup: MutationGroup<{ readonly id: string }, Chat, ChatChange> = {
  queueOf: ({ id }) => ({ type: chatType, id }),
  // For a customer, the loader fails for chats of others.
  verifyOwner: async ({ id }, { loaders }) => {
    await loaders.chats.load(id);
  },
  changes: inboxChangesOf,
  updateLoaders: (chat, { loaders }) => {
    loaders.chats.prime(chat);
  },
  eventsOf: (chat, { change, atMs }) => [
    { kind: 'chat', change, atMs, ...chatEventFields(knownFields(chat)) },
  ],
  webhookChangeKey: (webhook, chat) => chatChangeKey(webhook, chat.id, knownFields(chat)),
};

export const chatResolvers: Resolvers = {
  Subscription: {
    chatUpdated: {
      subscribe(_root, args, context) {
        for (const name of ['id', ...ownerFields] as const) {
          if (typeof args[name] === 'string') parseUpstreamId(name, args[name]);
        }
        const { id } = args;
        return context.events.subscribe(
          (event) =>
            visibleChange(event, context) !== undefined &&
            'chatId' in event &&
            (typeof id !== 'string' || id === event.chatId) &&
            matchesOwners(args, event),
        );
      },
      resolve: toChatUpdate,
    },
  },
  ChatUpdate: { chat: ({ chat }, _args, { loaders }, info) => requireChat(chat, loaders, info) },
  Query: {
    chat: (_root, { id }, { loaders }, info) =>
      loaders.chats.loadSelected(parseUpstreamId('id', id), info),
    async chats(_root, { filter, orderBy, ...args }, context, info) {
      const { sort, order } = orderFor(orderBy, context);
      const { sources, loaders } = context;
      const restricted = restrictToScope(
        await loaders.customers.visibility(),
        chatFilter(filter ?? {}),
        customerEquals,
      );
      return readConnection({
        list: `chats ${JSON.stringify([restricted, sort])}`,
        args,
        selection: connectionSelection(info, 'ChatConnection'),
        order,
        searchReads: loaders.searchReads,
        read: (range) =>
          restricted === undefined
            ? emptyPage
            : sources.chats.page({ filter: restricted, sort, range }),
        readFrom: (timeMs) =>
          restricted && sources.chats.pagesFrom({ filter: restricted, sort }, timeMs),
      });
    },
  },
  Mutation: mutationResolvers(chatMutationGroup, chatMutations),
  Customer: { chats: ownedChatsResolver('customer') },
  Agent: { chats: ownedChatsResolver('assignee') },
  Department: { chats: ownedChatsResolver('department') },
  ChatMessage: {
    chat: ({ chat }, _args, { loaders }, info) => requireChat(chat, loaders, info),
  },
  Chat: {
    __resolveReference: (reference, { loaders }, info) =>
      resolveById(reference, info, (part) => loaders.chats.resolvePartial(part, info)),
    nodeId: ({ id }) => toNodeId('Chat', id),
    async url({ id }, _args, { loaders }) {
      const { domain } = await loaders.organization.load();
      return domain !== null && isSubdomain.test(domain)
        ? `https://${domain}.helpcrunch.com/v2/chats/${id}`
        : null;
    },
  },
  ChatConnection: { ...connectionFields, totalCount: requireTotal },
};
