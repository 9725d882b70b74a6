import { z } from 'zod';
import type { Config } from './config.ts';
import { ConfigError, surroundings } from './config.ts';
import { startGateway } from './gateway.ts';
import { loadConfig, warningsOf } from './loadConfig.ts';
import { listSettings } from './settings.ts';
import { systemClock } from './support/clock.ts';
import { silentLog } from './support/log.ts';
import { paint, showProgress } from './terminal.ts';

const answer = z.object({
  data: z.object({ organization: z.object({ domain: z.string().nullable() }) }).nullish(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) }))
    .default([]),
});

/** What to do about a failure of the first call. */
const advice: Readonly<Record<string, string>> = {
  UPSTREAM_UNAUTHENTICATED:
    'Create a key in HelpCrunch under Settings → Developers → Public API and set HELPCRUNCH_API_KEY.',
  UPSTREAM_FORBIDDEN: 'Give the key the right to read the organization.',
  UPSTREAM_TIMEOUT: 'Check HELPCRUNCH_API_URL and whether this machine may reach it.',
  UPSTREAM_UNAVAILABLE: 'Check HELPCRUNCH_API_URL and whether this machine may reach it.',
  RATE_LIMITED: 'The account has no calls left this minute. Try again in a minute.',
};

/** One call through a gateway of its own; gives what to tell, and whether it went well. */
async function tryHelpdesk(config: Config): Promise<{ isWell: boolean; text: string }> {
  const helpdesk = { url: config.apiUrl, key: config.apiKey ?? '' };
  const gateway = await startGateway(
    { ...config, host: '127.0.0.1', port: 0, auth: { mode: 'none' } },
    { helpdesk, clock: systemClock, log: silentLog },
  );
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ organization { domain } }' }),
  });
  const { data, errors } = answer.parse(await response.json());
  await gateway.stop();
  const [error] = errors;
  if (error !== undefined) {
    const { code } = error.extensions;
    return { isWell: false, text: `${error.message} (${code}) ${advice[code] ?? ''}`.trimEnd() };
  }
  return {
    isWell: true,
    text: `The helpdesk answers: ${data?.organization.domain ?? 'an account'}.`,
  };
}

async function connect(config: Config, { print }: Streams): Promise<boolean> {
  if (config.apiKey === undefined) {
    print('There is no key of its own to try.\n');
    return true;
  }
  const { isWell, text } = await showProgress('Asking the helpdesk', tryHelpdesk(config));
  print(`${paint(process.stdout, isWell ? 'green' : 'red', text)}\n`);
  return isWell;
}

export interface Streams {
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

interface Options {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether the helpdesk is asked, which spends one call. */
  readonly isConnecting: boolean;
}

/** Tells the settings, what is wrong with them, and gives the exit code: 0 when nothing is. */
export async function runCheckConfig(
  { isConnecting, environment = surroundings() }: Options,
  streams: Streams,
): Promise<number> {
  const { print, complain } = streams;
  const settings = listSettings(environment);
  const width = Math.max(...settings.map(({ name }) => name.length));
  for (const { name, value, isGiven } of settings) {
    const line = `  ${name.padEnd(width)}  ${value}`;
    print(`${isGiven ? line : paint(process.stdout, 'dim', line)}\n`);
  }
  for (const { variable, message } of warningsOf(environment)) {
    print(`Warning: ${variable}: ${message}\n`);
  }
  try {
    const config = loadConfig(environment);
    print('The gateway can start with these settings.\n');
    return !isConnecting || (await connect(config, streams)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(`${paint(process.stderr, 'red', error.message)}\n`);
    return 1;
  }
}
