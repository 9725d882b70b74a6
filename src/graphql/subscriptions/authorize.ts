import type { DomainEvent } from '../../events/bus.ts';
import { isVisible, isVisibleToCustomers } from '../../lib/visibility.ts';
import { nullIfNotFound } from '../../upstream/errors.ts';
import type { Context, Viewer } from '../context.ts';

/** Whether the viewer may hear of the news; true as well where only a look at the chat can tell. */
export function canReceive(viewer: Viewer, event: DomainEvent): boolean {
  if (viewer.role !== 'CUSTOMER') return true;
  if (event.kind === 'message' && !isVisibleToCustomers(event.message.type)) return false;
  const { customerId } = event;
  // A viewer that is known by your own id alone is looked up when there is something to tell.
  return customerId === null || viewer.id === undefined || customerId === viewer.id;
}

/** As `mayHear`, with that look where it is needed. */
export async function canReceiveEvent(
  { viewer, loaders }: Context,
  event: DomainEvent,
): Promise<boolean> {
  if (viewer.role !== 'CUSTOMER') return true;
  if (!canReceive(viewer, event)) return false;
  // A customer is given its own chats alone.
  if (event.kind !== 'customer' && event.customerId === null)
    return (await nullIfNotFound(loaders.chat.load(event.chatId))) !== null;
  return isVisible(await loaders.visibility(), event);
}
