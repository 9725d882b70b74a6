import { start as startApollo } from './apollo.mjs';

/** The same, with a minute of freshness in its own cache. */
export const start = (upstream) => startApollo(upstream, 60);
