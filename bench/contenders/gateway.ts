import { readConfig } from '../../src/config/settings.ts';
import { startGateway } from '../../src/app/createApp.ts';
import type { Log } from '../../src/observability/log.ts';
import { contestant } from './contender.ts';

const ignore = () => undefined;
const silent: Log = { info: ignore, warn: ignore, error: ignore };

/** This gateway as it starts by itself, but for the rate limit. */
export const gateway = contestant('this gateway', async (upstream, clock, rateLimit) => {
  const config = readConfig({ PORT: '0', HELPCRUNCH_RATE_LIMIT: String(rateLimit) });
  const { url, stop } = await startGateway(config, { upstream, clock, log: silent });
  return { url: `${url}/graphql`, stop };
});
