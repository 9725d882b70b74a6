import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Page } from '../../lib/paging.ts';
import { satisfiesSelection } from '../../lib/selection.ts';
import type { Schedule } from '../../lib/turns.ts';
import { nullIfNotFound, UpstreamError } from '../../upstream/errors.ts';
import { createCachedLoader } from '../../upstream/cachedLoader.ts';
import type { ViewerIdentity } from '../customers/loaders.ts';
import type { Chat, ChatPart } from './model.ts';
import type { ChatSource, OwnedChats } from './source.ts';

const derivedFields = {
  nodeId: 'id',
  application: 'applicationId',
  lastCommunicatedAgent: 'lastCommunicatedAgentId',
  messages: 'id',
};

const toError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createChatLoaders(
  source: ChatSource,
  viewer: ViewerIdentity | undefined,
  batchScheduleFn: Schedule,
) {
  async function loadForViewer(id: string, viewer: ViewerIdentity): Promise<Chat> {
    const customerId = await viewer.id();
    if (customerId === null) throw new UpstreamError('notFound', 'There is no such chat.');
    return source.byIdForCustomer(customerId, id);
  }
  const load = (id: string) => (viewer === undefined ? source.byId(id) : loadForViewer(id, viewer));
  const byId = createCachedLoader(
    new DataLoader<string, Chat>((ids) => Promise.all(ids.map((id) => load(id).catch(toError)))),
    // Whose a chat is has to be known first.
    viewer === undefined ? source.peek : () => undefined,
  );
  const resolvePartial = (
    partial: ChatPart,
    info: GraphQLResolveInfo,
  ): Chat | Promise<Chat | null> =>
    satisfiesSelection(partial, info, derivedFields)
      ? partial
      : (byId.peek(partial.id) ?? nullIfNotFound(byId.load(partial.id)));

  /** Whose a chat is must be known before anything of it is shown, even its id. */
  async function resolveForViewer(
    partial: ChatPart,
    info: GraphQLResolveInfo,
    viewer: ViewerIdentity,
  ): Promise<Chat | null> {
    const owner = partial.customer?.id;
    return owner !== undefined && owner === (await viewer.id())
      ? resolvePartial(partial, info)
      : nullIfNotFound(byId.load(partial.id));
  }

  /** One batch for each kind of owner and order: those can go in one call. */
  const ownedChatsLoaders = new Map<string, DataLoader<OwnedChats, Page<Chat>>>();

  return {
    chat: {
      /** Fails with `notFound` for an id that the helpdesk does not know. */
      load: (id: string): Chat | Promise<Chat> => byId.peek(id) ?? byId.load(id),
      /** The chat that something carries a part of; null when it is gone. */
      resolvePartial: (partial: ChatPart, info: GraphQLResolveInfo): Chat | Promise<Chat | null> =>
        viewer === undefined
          ? resolvePartial(partial, info)
          : resolveForViewer(partial, info, viewer),
      /** What later fields of the same operation must see. */
      prime: (chat: Chat) => byId.prime(chat.id, chat),
    },
    /** The chats of a customer, an agent or a department, asked for together with those of its likes. */
    ownedChats(chats: OwnedChats): Promise<Page<Chat>> {
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
