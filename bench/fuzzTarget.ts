import { readConfig } from '../src/config.ts';
import { startGateway } from '../src/gateway.ts';
import { startSimulator } from '../src/simulator/simulator.ts';
import { systemClock } from '../src/support/clock.ts';
import { createLog } from '../src/support/log.ts';

export interface Reading {
  /** The longest turn of the event loop, in work: time in which the machine did something else is not counted. */
  readonly longestBlockMs: number;
  readonly longestDelayMs: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
}

const simulator = await startSimulator({ rateLimit: 0 });
const gateway = await startGateway(
  { ...readConfig({ PORT: '0', HELPCRUNCH_RATE_LIMIT: '0' }), requestRateLimit: 0 },
  { helpdesk: simulator, clock: systemClock, log: createLog({ write: () => undefined }) },
);

let longestBlockMs = 0;
let longestDelayMs = 0;
let lastMs = performance.now();
let lastUsage = process.cpuUsage();
const everyMs = 5;

setInterval(() => {
  const now = performance.now();
  const { user, system } = process.cpuUsage(lastUsage);
  const delayMs = now - lastMs - everyMs;
  longestDelayMs = Math.max(longestDelayMs, delayMs);
  longestBlockMs = Math.max(longestBlockMs, Math.min(delayMs, (user + system) / 1000));
  lastMs = now;
  lastUsage = process.cpuUsage();
}, everyMs);

process.on('message', () => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const reading: Reading = { longestBlockMs, longestDelayMs, heapBytes: heapUsed, rssBytes: rss };
  process.send?.(reading);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ url: gateway.url });
