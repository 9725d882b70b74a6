import type { DocumentNode } from 'graphql';
import { isUpstreamId } from '../../lib/ids.ts';
import type { FetchKind, IsCached } from '../../resources/declarations.ts';
import type { Context } from '../context.ts';
import { publicError } from '../errors.ts';
import type { CostOptions } from './estimate.ts';
import { estimateCost } from './estimate.ts';

/** Entities by kind and id. */
type EntityIds = ReadonlyMap<FetchKind, readonly string[]>;

/** Copies cached entities from Redis, so that `isCached` finds them. */
export type CopyFromRedis = (ids: EntityIds) => Promise<void>;

/** The fetches of these are certain. Collections cost one call at most, and customers are not sent for what they may not see. */
const certainKinds: Readonly<Record<'agent' | 'customer', readonly FetchKind[]>> = {
  agent: ['chat', 'customer', 'customerByUserId'],
  customer: ['chat'],
};

const isPossibleId = (kind: FetchKind, id: string): boolean =>
  kind === 'customerByUserId' ? id !== '' : isUpstreamId(id);

interface ReferenceRequest {
  readonly document: DocumentNode;
  readonly cost: Omit<CostOptions, 'isCached'>;
  readonly context: Context;
  readonly isCached: IsCached;
  readonly hydrate: CopyFromRedis;
}

/** The calls that fetch the referenced entities in any case, and the entities. */
function certainCalls({ document, cost, isCached }: ReferenceRequest) {
  const kinds = certainKinds[cost.customer === undefined ? 'agent' : 'customer'];
  const missing = new Map<FetchKind, string[]>();
  const { fields } = estimateCost(document, {
    ...cost,
    isCached(kind, id = '') {
      if (!kinds.includes(kind) || !isPossibleId(kind, id) || isCached(kind, id)) return true;
      missing.set(kind, [...(missing.get(kind) ?? []), id]);
      return false;
    },
  });
  const calls = fields
    .filter(({ path }) => !path.includes('.'))
    .reduce((sum, field) => sum + field.calls, 0);
  return { calls, missing };
}

/**
 * Fails, before the first call, if the referenced entities certainly cannot all be fetched before the deadline: the calls for some of
 * them would be wasted. If none can be fetched, nothing is wasted, and what is known is returned.
 */
export async function assertReferencesFetchable(request: ReferenceRequest): Promise<void> {
  const { context, hydrate } = request;
  const { calls: callsAtMost, missing } = certainCalls(request);
  if (context.quota.shortage(callsAtMost) === undefined) return;
  await hydrate(missing);
  const { calls } = certainCalls(request);
  const shortage = context.quota.shortage(calls);
  if (shortage === undefined || shortage.obtainable === 0) return;
  const { obtainable, retryAfterMs, reason } = shortage;
  throw publicError.rateLimited(
    retryAfterMs,
    `These references need ${calls} calls to HelpCrunch, of which ${obtainable} are available before the deadline. ` +
      'Retry after retryAfterMs, or request fewer.',
    { extensions: { reason } },
  );
}
