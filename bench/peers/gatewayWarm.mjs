import { start as startGateway } from './gateway.mjs';

const hour = '3600000';

/** What was read stays good for an hour. */
export const start = (upstream, settings) =>
  startGateway(upstream, {
    CACHE_CHATS_TTL_MS: hour,
    CACHE_CUSTOMERS_TTL_MS: hour,
    CACHE_ACCOUNT_TTL_MS: hour,
    ...settings,
  });
