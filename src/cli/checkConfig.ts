import { z } from 'zod';
import type { Config } from '../config/settings.ts';
import { ConfigError, environmentVariables } from '../config/settings.ts';
import { startGateway } from '../app/createApp.ts';
import { loadConfig, configWarnings } from '../config/loadConfig.ts';
import { listSettings } from '../config/listSettings.ts';
import type { ServedAccount } from '../lib/accounts.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import { silentLog } from '../observability/log.ts';
import { paint, showProgress } from '../lib/terminal.ts';

const responseSchema = z.object({
  data: z
    .object({ organization: z.object({ domain: z.string().nullable() }).nullable() })
    .nullish(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) }))
    .default([]),
});

/** How to fix a failed call. */
const adviceByCode: Readonly<Record<string, string>> = {
  UPSTREAM_UNAUTHENTICATED:
    'Create a key in HelpCrunch under Settings → Developers → Public API and set HELPCRUNCH_API_KEY.',
  UPSTREAM_FORBIDDEN: 'Allow the key to read the organization.',
  UPSTREAM_TIMEOUT: 'Check HELPCRUNCH_API_URL and whether this machine can reach it.',
  UPSTREAM_UNAVAILABLE: 'Check HELPCRUNCH_API_URL and whether this machine can reach it.',
  RATE_LIMITED: 'The account has used its calls of this minute. Try again in a minute.',
};

/** How to fix a failed connection, by the beginning of its error code. */
const adviceByConnectionError: readonly (readonly [RegExp, string])[] = [
  [/^(ENOTFOUND|EAI_)/, 'No address was found for the host of HELPCRUNCH_API_URL or HTTPS_PROXY.'],
  [/^ECONNREFUSED$/, 'Nothing listens at the host and port of HELPCRUNCH_API_URL or HTTPS_PROXY.'],
  [/^PROXY_/, 'The proxy of HTTPS_PROXY did not connect to HELPCRUNCH_API_URL.'],
  [
    /CERT|^(ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO)/,
    'TLS failed. If a proxy inspects the connection, set NODE_EXTRA_CA_CERTS to its certificate.',
  ],
];

function adviceFor(code: string, connectionError: string | undefined): string | undefined {
  const [, advice] =
    adviceByConnectionError.find(([pattern]) => pattern.test(connectionError ?? '')) ?? [];
  return advice ?? adviceByCode[code];
}

/** Keeps the error code of the last failed connection, which responses do not contain. */
function createConnectionErrorLog() {
  let connectionError: string | undefined;
  const log: Log = {
    ...silentLog,
    warn(_event, fields) {
      const value = fields?.['connectionError'];
      if (typeof value === 'string') connectionError = value;
    },
  };
  return { log, connectionError: () => connectionError };
}

type CheckedAccount = Pick<ServedAccount, 'name' | 'apiKey'>;

/** Removes the limits of clients: this process is the only client. */
const configOfCheck = (config: Config, { name, apiKey }: CheckedAccount): Config => ({
  ...config,
  accounts: undefined,
  account: name,
  apiKey,
  host: '127.0.0.1',
  port: 0,
  allowedHosts: 'loopback',
  basePath: '',
  metricsServer: { ...config.metricsServer, port: undefined },
  auth: { mode: 'none' },
  routerSecret: undefined,
  isRouterOnly: false,
  persistedOnly: 'false',
  limits: { ...config.limits, depth: 10, tokens: 100 },
  shutdown: { ...config.shutdown, delayMs: 0 },
});

async function queryOrganization(url: string): Promise<z.infer<typeof responseSchema>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ organization { domain } }' }),
  });
  return responseSchema.parse(await response.json());
}

/** Makes one upstream call through a temporary gateway. */
async function checkUpstream(
  config: Config,
  account: CheckedAccount,
): Promise<{ isSuccess: boolean; text: string }> {
  const upstream = { url: config.apiUrl, key: account.apiKey };
  const { log, connectionError } = createConnectionErrorLog();
  const options = { upstream, clock: systemClock, log };
  const gateway = await startGateway(configOfCheck(config, account), options);
  const { data, errors } = await queryOrganization(gateway.url).finally(() => gateway.stop());
  const [error] = errors;
  if (error !== undefined) {
    const { code } = error.extensions;
    const reason = connectionError();
    const codes = reason === undefined ? code : `${code}: ${reason}`;
    return {
      isSuccess: false,
      text: `${error.message} (${codes}) ${adviceFor(code, reason) ?? ''}`.trimEnd(),
    };
  }
  return {
    isSuccess: true,
    text: `HelpCrunch accepts the key. Account: ${data?.organization?.domain ?? 'unknown'}.`,
  };
}

async function runConnectionCheck(config: Config, { print }: OutputStreams): Promise<boolean> {
  const { accounts, account: name, apiKey } = config;
  const checked = accounts ?? (apiKey === undefined ? [] : [{ name, apiKey }]);
  if (checked.length === 0) {
    print('HELPCRUNCH_API_KEY is not set, so no call is made.\n');
    return true;
  }
  let areAllSuccessful = true;
  for (const account of checked) {
    const check = checkUpstream(config, account);
    const { isSuccess, text } = await showProgress('Calling HelpCrunch', check);
    areAllSuccessful &&= isSuccess;
    const line = accounts === undefined ? text : `${account.name}: ${text}`;
    print(`${paint(process.stdout, isSuccess ? 'green' : 'red', line)}\n`);
  }
  return areAllSuccessful;
}

export interface OutputStreams {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
}

interface CheckConfigOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether to make one upstream call. */
  readonly connects: boolean;
}

/** Prints all settings and problems, and returns the exit code: 0 if the gateway can start. */
export async function runCheckConfig(
  { connects, environment = environmentVariables() }: CheckConfigOptions,
  streams: OutputStreams,
): Promise<number> {
  const { print, printError } = streams;
  const settings = listSettings(environment);
  const width = Math.max(...settings.map(({ name }) => name.length));
  for (const { name, value, isGiven } of settings) {
    const line = `  ${name.padEnd(width)}  ${value}`;
    print(`${isGiven ? line : paint(process.stdout, 'dim', line)}\n`);
  }
  for (const { variable, message } of configWarnings(environment)) {
    print(`Warning: ${variable}: ${message}\n`);
  }
  try {
    const config = loadConfig(environment);
    print('The gateway can start with these settings.\n');
    return !connects || (await runConnectionCheck(config, streams)) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printError(`${paint(process.stderr, 'red', error.message)}\n`);
    return 1;
  }
}
