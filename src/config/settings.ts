import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ServedAccount } from '../lib/accounts.ts';
import { defaultAllowedHosts } from '../lib/hosts.ts';
import { accountsProblems } from './accountsFile.ts';
import { combinationFindings } from './crossChecks.ts';
import type { SettingName } from './declarations.ts';
import { allSettings, declarations } from './declarations.ts';
import { readSecretFiles } from './secretFiles.ts';
import type { Environment, ValuesOf } from './setting.ts';
import { SettingsReader } from './setting.ts';

type Values = ValuesOf<typeof declarations>;

/** How clients are authenticated. */
type Auth =
  | { readonly mode: 'none' }
  | { readonly mode: 'forward' }
  | {
      readonly mode: 'jwt';
      /** A secret shared with the issuer of tokens, or the URL of its public keys; undefined if each account has its own. */
      readonly signedBy:
        | { readonly secret: string; readonly previousSecret?: string | undefined }
        | { readonly jwksUrl: string }
        | undefined;
      readonly issuer: string | undefined;
      readonly audience: string | undefined;
      readonly claimNames: Values['auth']['claimNames'];
    };

/** Settings by the names of the environment variables. */
export type Settings = Partial<
  Readonly<Record<SettingName, string | number | boolean | undefined>>
>;

/** The configuration of a gateway, derived from valid settings. */
export type Config = Readonly<ReturnType<typeof configFrom>>;

/** Lists every invalid variable, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['The gateway cannot start with these settings:', ...problems].join('\n  '));
    this.problems = problems;
  }
}

function authFrom({
  mode,
  jwtSecret,
  previousJwtSecret: previousSecret,
  jwksUrl,
  issuer,
  audience,
  claimNames,
}: Values['auth']): Auth {
  if (mode !== 'jwt') return { mode };
  const bySecret = jwtSecret === undefined ? undefined : { secret: jwtSecret, previousSecret };
  const signedBy = jwksUrl === undefined ? bySecret : { jwksUrl };
  return { mode, signedBy, issuer, audience, claimNames };
}

/** The protocol that spans are exported with; undefined without tracing. */
function traceProtocolFrom(tracing: Values['tracing']) {
  const endpoint = tracing.tracesEndpoint ?? tracing.endpoint;
  const exporter = tracing.exporter ?? (endpoint === undefined ? 'none' : 'otlp');
  if (tracing.isDisabled || exporter === 'none') return undefined;
  return tracing.tracesProtocol ?? tracing.protocol ?? 'http/json';
}

const defaultChatsTtlMs = { withoutWebhooks: 5_000, withWebhooks: 60_000 };

const defaultRequestRateLimit = 600;

/** Events that may wait for a subscriber; more are dropped. */
const maxBufferedEvents = 100;

/** References leave the rest of a minute's calls to others. */
export const entitiesCallLimit = (rateLimit: number, maxReferenceCalls: number): number =>
  rateLimit === 0
    ? maxReferenceCalls
    : Math.min(maxReferenceCalls, Math.max(1, Math.floor(rateLimit / 2)));

/** The accounts of the file; undefined without one. */
const accountsFrom = ({ accounts, rateLimit }: Values): readonly ServedAccount[] | undefined =>
  accounts?.map((account) => ({ ...account, rateLimit: account.rateLimit ?? rateLimit }));

/** Derives what depends on several variables. */
function configFrom(values: Values, demoWebhookSecret: string | undefined) {
  const { auth, tracing, environment, ...settings } = values;
  const accounts = accountsFrom(values);
  const isSimulated =
    settings.apiKey === undefined && accounts === undefined && auth.mode !== 'forward';
  const webhookSecret = settings.webhookSecret ?? (isSimulated ? demoWebhookSecret : undefined);
  const { withWebhooks, withoutWebhooks } = defaultChatsTtlMs;
  const hasWebhooks =
    accounts?.every(({ webhookSecrets }) => webhookSecrets.length > 0) ??
    webhookSecret !== undefined;
  const chatsTtlMs = hasWebhooks ? withWebhooks : withoutWebhooks;
  return {
    ...settings,
    accounts,
    auth: authFrom(auth),
    mcp: { ...settings.mcp, isEnabled: settings.mcp.isEnabled ?? isSimulated },
    traceExportProtocol: traceProtocolFrom(tracing),
    isProduction: environment.name === 'production',
    webhookSecret,
    cacheTtlsMs: { ...settings.cacheTtlsMs, chats: settings.cacheTtlsMs.chats ?? chatsTtlMs },
    subscriptions: { ...settings.subscriptions, maxBuffered: maxBufferedEvents },
    // Without authentication one address may be a proxy of all clients.
    requestRateLimit:
      settings.requestRateLimit ?? (auth.mode === 'none' ? 0 : defaultRequestRateLimit),
    maxReferenceCalls: accounts
      ? settings.maxReferenceCalls
      : entitiesCallLimit(settings.rateLimit, settings.maxReferenceCalls),
    allowedHosts: settings.allowedHosts ?? defaultAllowedHosts(settings.host),
  };
}

/** The variables that are set. An empty variable counts as unset. */
export const withoutEmpty = (environment: Environment): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));

const renamedSettings = (environment: Environment): readonly string[] =>
  allSettings.flatMap(({ formerName, formerValues, name, schema }) =>
    formerName === undefined || environment[formerName] === undefined
      ? []
      : [
          `${formerName}: was renamed. Set ${name} instead (${formerValues ?? schema.description ?? ''}).`,
        ],
  );

function accountsProblemsOf({ accounts = [], auth, routerSecret }: Values): readonly string[] {
  const { jwtSecret, previousJwtSecret, jwksUrl } = auth;
  return accountsProblems(accounts, {
    hasTokenKeys: auth.mode !== 'jwt' || (jwtSecret ?? jwksUrl) !== undefined,
    secrets: {
      JWT_SECRET: jwtSecret,
      JWT_SECRET_PREVIOUS: previousJwtSecret,
      ROUTER_SECRET: routerSecret,
    },
  }).map((problem) => `ACCOUNTS_FILE: ${problem}`);
}

function redisProblemsOf({ redis: { tls } }: Values): readonly string[] {
  const { cert, key } = tls;
  if (!cert || !key || new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return [];
  return ['REDIS_TLS_KEY_FILE: must be the private key of REDIS_TLS_CERT_FILE'];
}

/** Reads the configuration. Throws a `ConfigError`. `demoWebhookSecret` is the webhook secret of the simulator in demo mode. */
export function readConfig(
  environment: Environment = process.env,
  demoWebhookSecret?: string,
): Config {
  const { environment: given, problems: fileProblems } = readSecretFiles(withoutEmpty(environment));
  const reader = new SettingsReader(given);
  const values = reader.read(declarations);
  const combined = combinationFindings(given)
    .filter(({ severity }) => severity === 'error')
    .map(({ variable, message }) => `${variable}: ${message}`);
  const problems = [
    ...renamedSettings(given),
    ...fileProblems,
    ...reader.problems,
    ...combined,
    ...accountsProblemsOf(values),
    ...redisProblemsOf(values),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return configFrom(values, demoWebhookSecret);
}

/** Whether the gateway serves the simulator. */
export const isDemo = ({ apiKey, accounts, auth }: Config): boolean =>
  apiKey === undefined && accounts === undefined && auth.mode !== 'forward';

/** The environment of this process. */
export const environmentVariables = (): Environment => process.env;

/** Overrides variables by options of the command line. */
export function setEnvironmentVariables(values: Environment): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) process.env[name] = value;
  }
}
