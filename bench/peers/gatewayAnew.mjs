import { start as startGateway } from './gatewayWarm.mjs';

/** Whole answers are not kept: each is put together anew from what is known. */
export const start = (upstream) => startGateway(upstream, { RESPONSE_CACHE_MAX_BYTES: '0' });
