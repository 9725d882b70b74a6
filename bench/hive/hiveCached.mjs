import InMemoryLRUCache from '@graphql-mesh/cache-inmemory-lru';
import { start as startHive } from './hive.mjs';

/** Whole answers are kept for an hour by its own response cache. */
export const start = (upstream) =>
  startHive(upstream, {
    cache: new InMemoryLRUCache(),
    responseCaching: { session: () => null, ttl: 3_600_000 },
  });
