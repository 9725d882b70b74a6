import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Rows } from '../../support/paging.ts';
import { answers } from '../../support/selection.ts';
import type { Schedule } from '../../support/turns.ts';
import { orNull, UpstreamError } from '../../upstream/errors.ts';
import { createKnownFirst } from '../../upstream/knownFirst.ts';
import type { Self } from '../customers/loaders.ts';
import type { Chat, ChatPart } from './model.ts';
import type { ChatSource, OwnChats } from './source.ts';

const madeFrom = {
  nodeId: 'id',
  application: 'applicationId',
  lastCommunicatedAgent: 'lastCommunicatedAgentId',
  messages: 'id',
};

const failed = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createChatLoaders(
  source: ChatSource,
  self: Self | undefined,
  batchScheduleFn: Schedule,
) {
  async function loadOwn(id: string, own: Self): Promise<Chat> {
    const customerId = await own.id();
    if (customerId === null) throw new UpstreamError('notFound', 'There is no such chat.');
    return source.byIdOf(customerId, id);
  }
  const load = (id: string) => (self === undefined ? source.byId(id) : loadOwn(id, self));
  const byId = createKnownFirst(
    new DataLoader<string, Chat>((ids) => Promise.all(ids.map((id) => load(id).catch(failed)))),
    // Whose a chat is has to be known first.
    self === undefined ? source.known : () => undefined,
  );
  const from = (part: ChatPart, info: GraphQLResolveInfo): Chat | Promise<Chat | null> =>
    answers(part, info, madeFrom) ? part : (byId.now(part.id) ?? orNull(byId.load(part.id)));

  /** Whose a chat is must be known before anything of it is shown, even its id. */
  async function fromOwn(
    part: ChatPart,
    info: GraphQLResolveInfo,
    own: Self,
  ): Promise<Chat | null> {
    const owner = part.customer?.id;
    return owner !== undefined && owner === (await own.id())
      ? from(part, info)
      : orNull(byId.load(part.id));
  }

  /** One batch for each kind of owner and order: those can go in one call. */
  const ownChats = new Map<string, DataLoader<OwnChats, Rows<Chat>>>();

  return {
    chat: {
      /** Fails with `notFound` for an id that the helpdesk does not know. */
      load: (id: string): Chat | Promise<Chat> => byId.now(id) ?? byId.load(id),
      /** The chat that something carries a part of; null when it is gone. */
      from: (part: ChatPart, info: GraphQLResolveInfo): Chat | Promise<Chat | null> =>
        self === undefined ? from(part, info) : fromOwn(part, info, self),
      /** What later fields of the same operation must see. */
      learn: (chat: Chat) => byId.learn(chat.id, chat),
    },
    /** The chats of a customer, an agent or a department, asked for together with those of its likes. */
    chatsOf(chats: OwnChats): Promise<Rows<Chat>> {
      const { owner, sort } = chats;
      const key = `${owner} ${sort.sort} ${sort.order}`;
      let loader = ownChats.get(key);
      if (loader === undefined) {
        loader = new DataLoader<OwnChats, Rows<Chat>>(source.pagesOf, {
          cache: false,
          batchScheduleFn,
        });
        ownChats.set(key, loader);
      }
      return loader.load(chats);
    },
  };
}
