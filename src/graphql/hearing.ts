import type { News } from '../events/feed.ts';
import { isInSight, isSaidToCustomers } from '../support/sight.ts';
import { orNull } from '../upstream/errors.ts';
import type { Context, Viewer } from './context.ts';

/** Whether the viewer may hear of the news; true as well where only a look at the chat can tell. */
export function mayHear(viewer: Viewer, news: News): boolean {
  if (viewer.role !== 'CUSTOMER') return true;
  if (news.kind === 'message' && !isSaidToCustomers(news.message.type)) return false;
  const { customerId } = news;
  // A viewer that is known by your own id alone is looked up when there is something to tell.
  return customerId === null || viewer.id === undefined || customerId === viewer.id;
}

/** As `mayHear`, with that look where it is needed. */
export async function isMeantFor({ viewer, loaders }: Context, news: News): Promise<boolean> {
  if (viewer.role !== 'CUSTOMER') return true;
  if (!mayHear(viewer, news)) return false;
  // A customer is given its own chats alone.
  if (news.kind !== 'customer' && news.customerId === null)
    return (await orNull(loaders.chat.load(news.chatId))) !== null;
  return isInSight(await loaders.sight(), news);
}
