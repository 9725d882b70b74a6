// The measured process: one gateway, as it is built, which its parent controls over IPC.
const load = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const [{ readConfig }, { startGateway }, { systemClock }] = await Promise.all(
  ['config/settings.js', 'app/createApp.js', 'lib/clock.js'].map(load),
);

const ignore = () => undefined;
const silent = { info: ignore, warn: ignore, error: ignore };

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
