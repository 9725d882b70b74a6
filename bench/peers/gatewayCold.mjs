import { start as startGateway } from './gateway.mjs';

/** All TTLs are 0, so that each operation calls HelpCrunch. */
export const start = (upstream) =>
  startGateway(upstream, {
    CACHE_CHATS_TTL_MS: '0',
    CACHE_CUSTOMERS_TTL_MS: '0',
    CACHE_ACCOUNT_TTL_MS: '0',
    CACHE_NEGATIVE_TTL_MS: '0',
  });
