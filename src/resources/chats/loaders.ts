import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { OffsetRange, Page } from '../../lib/paging.ts';
import { defaultPageSize, maxPageSize } from '../../lib/paging.ts';
import { argumentsOfSelected } from '../../lib/selection.ts';
import type { Schedule } from '../../lib/turns.ts';
import { isNotFound, nullIfNotFound, UpstreamError } from '../../upstream/errors.ts';
import { createPeekableLoader } from '../../upstream/cachedLoader.ts';
import type { CustomerIdentity } from '../../lib/viewer.ts';
import { partialChats } from './descriptor.ts';
import type { Chat, ChatPart } from './model.ts';
import type { ChatSource, OwnedChats } from './source.ts';
import { asError } from '../../lib/asError.ts';

/** The range of the newest messages if these are selected; undefined for other pages and invalid arguments. */
function newestMessagesRange(info: GraphQLResolveInfo): OffsetRange | undefined {
  const { first, after, last, before } = argumentsOfSelected(info, 'Chat', 'messages') ?? {
    last: 0,
  };
  const limit = typeof first === 'number' ? first : defaultPageSize;
  const isOther = [after, last, before].some((argument) => (argument ?? null) !== null);
  return isOther || limit < 1 || limit > maxPageSize ? undefined : { offset: 0, limit };
}

interface ChatLoaderOptions {
  readonly batchScheduleFn: Schedule;
  /** Reads messages that the same operation selects. Fails with `notFound` for an unknown chat. */
  readonly preloadMessages: (chatId: string, range: OffsetRange) => Promise<unknown>;
}

export function createChatLoaders(
  source: ChatSource,
  viewer: CustomerIdentity | undefined,
  { batchScheduleFn, preloadMessages }: ChatLoaderOptions,
) {
  async function loadForViewer(id: string, viewer: CustomerIdentity): Promise<Chat> {
    const customerId = await viewer.id();
    if (customerId === null) throw new UpstreamError('notFound', 'There is no such chat.');
    return source.byIdForCustomer(customerId, id);
  }
  const load = (id: string) => (viewer === undefined ? source.byId(id) : loadForViewer(id, viewer));
  const byId = createPeekableLoader(
    new DataLoader<string, Chat>((ids) => Promise.all(ids.map((id) => load(id).catch(asError)))),
    // The owner must be verified first.
    viewer === undefined ? source.peek : () => undefined,
  );
  const resolvePartial = (
    partial: ChatPart,
    info: GraphQLResolveInfo,
  ): Chat | Promise<Chat | null> =>
    partialChats.resolve(partial, info, () => byId.peek(partial.id) ?? byId.load(partial.id));

  /** Whether the chat exists is known from its messages. The field of the messages reports other errors. */
  async function verifyByMessages(chat: Chat, range: OffsetRange): Promise<Chat> {
    await preloadMessages(chat.id, range).catch((error: unknown) => {
      if (isNotFound(error)) throw error;
    });
    return chat;
  }

  /** The owner must be verified before any field is returned, even the id. */
  async function resolveForViewer(
    partial: ChatPart,
    info: GraphQLResolveInfo,
    viewer: CustomerIdentity,
  ): Promise<Chat | null> {
    const owner = partial.customer?.id;
    return owner !== undefined && owner === (await viewer.id())
      ? resolvePartial(partial, info)
      : nullIfNotFound(byId.load(partial.id));
  }

  /** One call reads the chats of several owners of one kind in one order. */
  const ownedChatsLoaders = new Map<string, DataLoader<OwnedChats, Page<Chat>>>();

  return {
    /** Fails with `notFound` for an id that HelpCrunch does not know. */
    load: (id: string): Chat | Promise<Chat> => byId.peek(id) ?? byId.load(id),
    /** As `load`, without a call for the chat if only its newest messages and fields that follow from its id are selected. */
    loadSelected(id: string, info: GraphQLResolveInfo): Chat | Promise<Chat> {
      const range = viewer === undefined ? newestMessagesRange(info) : undefined;
      const part = range && partialChats.ifSufficient({ __typename: 'Chat', id }, info);
      return byId.peek(id) ?? (part ? verifyByMessages(part, range) : byId.load(id));
    },
    /** The chat of which another entity embeds a part; null when it does not exist any more. */
    resolvePartial: (partial: ChatPart, info: GraphQLResolveInfo): Chat | Promise<Chat | null> =>
      viewer === undefined
        ? resolvePartial(partial, info)
        : resolveForViewer(partial, info, viewer),
    /** Later fields of the same operation return this chat. */
    prime: (chat: Chat) => byId.prime(chat.id, chat),
    /** The chats of a customer, an agent or a department, batched with those of other owners. */
    owned(chats: OwnedChats): Promise<Page<Chat>> {
      const { owner, sort } = chats;
      const key = `${owner} ${sort.sort} ${sort.order}`;
      let loader = ownedChatsLoaders.get(key);
      if (loader === undefined) {
        loader = new DataLoader<OwnedChats, Page<Chat>>(source.ownedPages, {
          cache: false,
          batchScheduleFn,
        });
        ownedChatsLoaders.set(key, loader);
      }
      return loader.load(chats);
    },
  };
}
