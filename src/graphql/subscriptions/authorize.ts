import type { DomainEvent } from '../../events/bus.ts';
import {
  isChangeVisibleToCustomers,
  isVisible,
  isVisibleToCustomers,
} from '../../lib/visibility.ts';
import { nullIfNotFound } from '../../upstream/errors.ts';
import type { Viewer } from '../../lib/viewer.ts';
import type { Context } from '../context.ts';

/** Whether the event alone shows that the viewer may not receive it. Otherwise `isAuthorized` decides. */
export function isDeniedByEvent(viewer: Viewer, event: DomainEvent): boolean {
  if (viewer.role !== 'CUSTOMER') return false;
  if (event.kind === 'message' && !isVisibleToCustomers(event.message.type)) return true;
  if (event.kind === 'chat' && !isChangeVisibleToCustomers(event.change)) return true;
  if (event.kind === 'customer' && event.isTeamOnly === true) return true;
  const { customerId } = event;
  // Viewers identified by `userId` only are looked up per event.
  return customerId !== null && viewer.id !== undefined && customerId !== viewer.id;
}

/** Whether the viewer may receive the event. Loads the chat if the event does not decide it. Only for customers it returns a promise. */
export const isAuthorized = (context: Context, event: DomainEvent): boolean | Promise<boolean> =>
  context.viewer.role !== 'CUSTOMER' || isCustomerAuthorized(context, event);

async function isCustomerAuthorized(
  { viewer, loaders }: Context,
  event: DomainEvent,
): Promise<boolean> {
  if (isDeniedByEvent(viewer, event)) return false;
  // For a customer, the loader returns own chats only.
  if (event.kind !== 'customer' && event.customerId === null)
    return (await nullIfNotFound(loaders.chats.load(event.chatId))) !== null;
  return isVisible(await loaders.customers.visibility(), event);
}
