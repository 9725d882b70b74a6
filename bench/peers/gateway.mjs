/** This gateway as it starts in production, with Redis and the limit of calls left out: no peer has them. */
export async function start(upstream, settings = {}) {
  const dist = new URL(process.env.GATEWAY_DIST);
  const load = (file) => import(new URL(file, dist).href);
  const [{ readConfig }, { startGateway }, { systemClock }, { createLog }] = await Promise.all(
    ['config/settings.js', 'app/createApp.js', 'lib/clock.js', 'observability/log.js'].map(load),
  );
  const config = readConfig({
    PORT: '0',
    NODE_ENV: 'production',
    HELPCRUNCH_API_KEY: 'bench',
    HELPCRUNCH_API_URL: upstream,
    HELPCRUNCH_RATE_LIMIT: '0',
    MAX_UPSTREAM_CALLS: '200',
    ...settings,
    ...JSON.parse(process.env.GATEWAY_SETTINGS ?? '{}'),
  });
  const gateway = await startGateway(config, {
    upstream: { url: upstream, key: 'bench' },
    clock: systemClock,
    log: createLog({ write: () => undefined }),
  });
  return `${gateway.url}/graphql`;
}
