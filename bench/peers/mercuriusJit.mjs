import { start as startMercurius } from './mercurius.mjs';

/** Compiled from the second time on that an operation is asked. */
export const start = (upstream) => startMercurius(upstream, 1);
