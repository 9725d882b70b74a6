import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Rows } from '../../support/paging.ts';
import { answers } from '../../support/selection.ts';
import { orNull } from '../../upstream/errors.ts';
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
export function createChatLoaders(source: ChatSource) {
  const byId = new DataLoader<string, Chat>((ids) =>
    Promise.all(ids.map((id) => source.byId(id).catch(failed))),
  );
  /** One batch for each kind of owner and order: those can go in one call. */
  const ownChats = new Map<string, DataLoader<OwnChats, Rows<Chat>>>();

  return {
    chat: {
      /** Fails with `notFound` for an id that the helpdesk does not know. */
      load: (id: string) => byId.load(id),
      /** The chat that something carries a part of; null when it is gone. */
      from: (part: ChatPart, info: GraphQLResolveInfo): Chat | Promise<Chat | null> =>
        answers(part, info, madeFrom) ? part : orNull(byId.load(part.id)),
      /** What later fields of the same operation must see. */
      learn: (chat: Chat) => byId.clear(chat.id).prime(chat.id, chat),
    },
    /** The chats of a customer, an agent or a department, asked for together with those of its likes. */
    chatsOf(chats: OwnChats): Promise<Rows<Chat>> {
      const { owner, sort } = chats;
      const key = `${owner} ${sort.sort} ${sort.order}`;
      let loader = ownChats.get(key);
      if (loader === undefined) {
        loader = new DataLoader<OwnChats, Rows<Chat>>(source.pagesOf, { cache: false });
        ownChats.set(key, loader);
      }
      return loader.load(chats);
    },
  };
}
