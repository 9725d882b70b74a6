import type { ChatRowFragment, ChatStatus } from './gql/graphql.ts';

export const statuses: Readonly<Record<ChatStatus, string>> = {
  NEW: 'New',
  OPENED: 'Open',
  PENDING: 'Pending',
  ON_HOLD: 'On hold',
  NO_COMMUNICATION: 'No reply yet',
  CLOSED: 'Closed',
  EMPTY: 'Empty',
  UNKNOWN: 'Other',
};

export const customerName = (customer: ChatRowFragment['customer']): string =>
  customer === null
    ? 'Deleted customer'
    : (customer.name ?? customer.email ?? `Customer ${customer.id}`);

const dayMs = 86_400_000;

const startOfDay = (date: Date): number => new Date(date).setHours(0, 0, 0, 0);

export const timeOfDay = (iso: string): string =>
  new Date(iso).toLocaleTimeString(undefined, { hour: 'numeric', minute: '2-digit' });

export function dayOf(iso: string): string {
  const date = new Date(iso);
  const days = Math.round((startOfDay(new Date()) - startOfDay(date)) / dayMs);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return date.toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'long',
    ...(isThisYear ? {} : { year: 'numeric' }),
  });
}

/** A short date or time for lists. */
export function when(iso: string): string {
  const date = new Date(iso);
  const days = Math.round((startOfDay(new Date()) - startOfDay(date)) / dayMs);
  if (days === 0) return timeOfDay(iso);
  if (days < 7) return date.toLocaleDateString(undefined, { weekday: 'short' });
  return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
}

/** Converts a key such as `orderCount` to the label "Order count". */
export function labelOf(key: string): string {
  const words = key
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
