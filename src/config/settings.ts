import { defaultAllowedHosts } from '../lib/hosts.ts';
import { findingsOf } from './crossChecks.ts';
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
      /** A secret shared with the issuer of tokens, or the URL of its public keys. */
      readonly signedBy:
        | { readonly secret: string; readonly previousSecret?: string | undefined }
        | { readonly jwksUrl: string };
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
  const signedBy =
    jwksUrl === undefined ? { secret: jwtSecret ?? '', previousSecret } : { jwksUrl };
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

/** Derives what depends on several variables. */
function configFrom(values: Values, demoWebhookSecret: string | undefined) {
  const { auth, tracing, environment, ...settings } = values;
  const isSimulated = settings.apiKey === undefined && auth.mode !== 'forward';
  const webhookSecret = settings.webhookSecret ?? (isSimulated ? demoWebhookSecret : undefined);
  const { withWebhooks, withoutWebhooks } = defaultChatsTtlMs;
  const chatsTtlMs = webhookSecret === undefined ? withoutWebhooks : withWebhooks;
  return {
    ...settings,
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
    // The rest of a minute's calls is left to others.
    maxReferenceCalls:
      settings.rateLimit === 0
        ? settings.maxReferenceCalls
        : Math.min(settings.maxReferenceCalls, Math.max(1, Math.floor(settings.rateLimit / 2))),
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

/** Reads the configuration. Throws a `ConfigError`. `demoWebhookSecret` is the webhook secret of the simulator in demo mode. */
export function readConfig(
  environment: Environment = process.env,
  demoWebhookSecret?: string,
): Config {
  const { environment: given, problems: fileProblems } = readSecretFiles(withoutEmpty(environment));
  const reader = new SettingsReader(given);
  const values = reader.read(declarations);
  const combined = findingsOf(given)
    .filter(({ severity }) => severity === 'error')
    .map(({ variable, message }) => `${variable}: ${message}`);
  const problems = [...renamedSettings(given), ...fileProblems, ...reader.problems, ...combined];
  if (problems.length > 0) throw new ConfigError(problems);
  return configFrom(values, demoWebhookSecret);
}

/** Whether the gateway serves the simulator. */
export const isDemo = ({ apiKey, auth }: Config): boolean =>
  apiKey === undefined && auth.mode !== 'forward';

/** The environment of this process. */
export const environmentVariables = (): Environment => process.env;

/** Overrides variables by options of the command line. */
export function setEnvironmentVariables(values: Environment): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) process.env[name] = value;
  }
}
