// The measured process: one gateway, which its parent controls over IPC.
import { readConfig } from '../../src/config/settings.ts';
import { startGateway } from '../../src/app/createApp.ts';
import type { Log } from '../../src/observability/log.ts';
import { systemClock } from '../../src/lib/clock.ts';

const ignore = () => undefined;
const silent: Log = { info: ignore, warn: ignore, error: ignore };

const [upstreamUrl = '', key = ''] = process.argv.slice(2);
const places = '1000000';
const config = readConfig({
  PORT: '0',
  HELPCRUNCH_RATE_LIMIT: '0',
  MAX_LIVE_CONNECTIONS: places,
  MAX_LIVE_CONNECTIONS_PER_VIEWER: places,
  MAX_SUBSCRIPTIONS_PER_VIEWER: places,
});
const { url } = await startGateway(config, {
  upstream: { url: upstreamUrl, key },
  clock: systemClock,
  log: silent,
});

process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  process.send?.({ rss, heapUsed, cpuMs: (user + system) / 1000 });
});
process.send?.({ url });
