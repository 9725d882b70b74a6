import { start as startGateway } from './gateway.mjs';

/** Nothing stays good, so that each operation goes to the helpdesk. */
export const start = (upstream) =>
  startGateway(upstream, {
    CACHE_CHATS_TTL_MS: '0',
    CACHE_CUSTOMERS_TTL_MS: '0',
    CACHE_ACCOUNT_TTL_MS: '0',
    CACHE_NEGATIVE_TTL_MS: '0',
  });
