import { createHash } from 'node:crypto';
import type { Viewer } from '../context.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import type { SubscriptionCaller } from './subscribers.ts';

/** Viewers with the same key receive the same events and fields. */
const audienceKey = (viewer: Viewer): unknown =>
  viewer.role === 'CUSTOMER' ? viewer : viewer.role;

/** Equal for subscribers who receive the same results of an operation. */
export function sharingKey(
  { source, operationName, variables }: Omit<ValidatedSubscription, 'document'>,
  { account, viewer }: Pick<SubscriptionCaller, 'account' | 'viewer'>,
): string {
  const name = [account, audienceKey(viewer), source, operationName, variables];
  return createHash('sha256').update(JSON.stringify(name)).digest('base64url');
}
