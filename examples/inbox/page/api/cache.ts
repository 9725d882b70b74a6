import { createCache } from '../../../clients/apolloCache.ts';

/** Normalized, with pagination without duplicates. */
export const cache = createCache();

cache.policies.addTypePolicies({
  // Tags have no id, so a list of them replaces the previous one.
  Customer: { fields: { tags: { merge: (_existing: unknown, incoming: unknown) => incoming } } },
});
