import { allSettings } from './declarations.ts';
import { Facts } from './facts.ts';
import {
  includesPublicAddresses,
  isLinkLocalOrMetadataHost,
  isRemote,
  isRepetitive,
  listOf,
} from './riskyValues.ts';
import { redisSettingErrors, redisSettingWarnings } from './redisChecks.ts';
import type { SettingRule } from './settingRule.ts';
import type { Environment } from './setting.ts';

/** `error` if the combination is never right, `warning` if it can be intended. */
type Severity = 'error' | 'warning';

export interface Finding {
  readonly severity: Severity;
  readonly variable: string;
  readonly message: string;
}

const secrets = allSettings.flatMap(({ name, isSecret = false }) =>
  isSecret && !name.startsWith('REDIS_') ? [name] : [],
);

const equalSecrets = secrets.flatMap((other, index) =>
  secrets.slice(index + 1).map((variable): SettingRule => ({
    name: `${variable} equals ${other}`,
    variable,
    applies: (facts) => facts.has(variable) && facts.value(variable) === facts.value(other),
    message: `must differ from ${other}, because a party that knows one would know both. Create another one with openssl rand -hex 32.`,
  })),
);

const repetitiveSecrets = secrets
  .filter((name) => name !== 'HELPCRUNCH_API_KEY')
  .map((variable): SettingRule => ({
    name: `${variable} is repetitive`,
    variable,
    applies: (facts) => facts.has(variable) && isRepetitive(facts.value(variable)),
    message:
      'has too few different characters and can be guessed. Create one with openssl rand -hex 32.',
  }));

const settingsOfOneAccount = ['HELPCRUNCH_API_KEY', 'HELPCRUNCH_WEBHOOK_SECRET', 'ACCOUNT'].map(
  (variable): SettingRule => ({
    name: `${variable} beside ACCOUNTS_FILE`,
    variable,
    applies: (facts) => facts.has(variable) && facts.has('ACCOUNTS_FILE'),
    message: 'cannot be combined with ACCOUNTS_FILE, which names every account. Set only one.',
  }),
);

const unusedTokenSettings = ['JWT_SECRET', 'JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'].map(
  (variable): SettingRule => ({
    name: `${variable} without AUTH=jwt`,
    variable,
    applies: (facts) => facts.has(variable) && ['none', 'forward'].includes(facts.auth),
    message: 'has no effect unless AUTH=jwt. Set AUTH=jwt, or remove it.',
  }),
);

const unusedSubgraphSettings = ['SUBGRAPH_EXCLUDE_FIELDS', 'ROUTER_SECRET'].map(
  (variable): SettingRule => ({
    name: `${variable} without SUBGRAPH`,
    variable,
    applies: (facts) => facts.has(variable) && !facts.isTrue('SUBGRAPH'),
    message: 'needs SUBGRAPH=true.',
  }),
);

const dependentSettings = (
  [
    ['ROUTER_ONLY', 'ROUTER_SECRET', 'without it every client would be rejected'],
    ['ROUTER_MAY_CACHE', 'ROUTER_SECRET', 'it applies only to an authenticated router'],
    ['REDIS_REQUIRED', 'REDIS_URL', 'without it the gateway would never be ready'],
    ['JWT_SECRET_PREVIOUS', 'JWT_SECRET', 'it is accepted beside the current secret'],
    [
      'HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS',
      'HELPCRUNCH_WEBHOOK_SECRET',
      'it is accepted beside the current secret',
    ],
    ['METRICS_HOST', 'METRICS_PORT', 'without it there is no separate server'],
  ] as const
).map(([variable, needed, reason]): SettingRule => ({
  name: `${variable} without ${needed}`,
  variable,
  applies: (facts) => !['', 'false'].includes(facts.value(variable)) && !facts.has(needed),
  message: `needs ${needed}; ${reason}.`,
}));

const errors: readonly SettingRule[] = [
  ...dependentSettings,
  {
    name: 'MAX_PARTIAL_BODY_BYTES for few bodies',
    variable: 'MAX_PARTIAL_BODY_BYTES',
    applies: (facts) => facts.number('MAX_PARTIAL_BODY_BYTES') < 8 * facts.number('MAX_BODY_BYTES'),
    message:
      'must be at least eight times MAX_BODY_BYTES, or few clients could end all others. Set it to more.',
  },
  {
    name: 'METRICS_PORT equals PORT',
    variable: 'METRICS_PORT',
    applies: (facts) =>
      facts.has('METRICS_PORT') &&
      facts.value('METRICS_PORT') !== '0' &&
      facts.number('METRICS_PORT') === facts.number('PORT'),
    message: 'must differ from PORT. Set it to a port that only your monitoring can reach.',
  },
  {
    name: 'demo in production',
    variable: 'HELPCRUNCH_API_KEY',
    applies: (facts) =>
      facts.isDemo && (facts.isProduction || !facts.isLoopback) && !facts.isTrue('DEMO'),
    message:
      'is not set, so only simulated data could be served. Set it, or set DEMO=true to serve simulated data with NODE_ENV=production or on a HOST that other machines reach.',
  },
  {
    name: 'JWT_SECRET beside JWKS_URL',
    variable: 'JWT_SECRET',
    applies: (facts) => facts.auth === 'jwt' && facts.has('JWT_SECRET') && facts.has('JWKS_URL'),
    message: 'cannot be combined with JWKS_URL. Set only the one that verifies your tokens.',
  },
  {
    name: 'AUTH=jwt without keys',
    variable: 'AUTH',
    applies: (facts) =>
      facts.auth === 'jwt' &&
      !facts.has('JWT_SECRET') &&
      !facts.has('JWKS_URL') &&
      // Accounts may have their own.
      !facts.has('ACCOUNTS_FILE'),
    message: 'jwt needs JWT_SECRET or JWKS_URL to verify tokens.',
  },
  {
    name: 'open account on an external HOST',
    variable: 'AUTH',
    applies: (facts) => facts.isUnintendedlyOpen && !facts.isLoopback,
    message:
      'none allows every client that reaches HOST to use the account. Set AUTH=jwt, keep HOST on this machine, or set ALLOW_UNAUTHENTICATED=true if a proxy authenticates clients. A subgraph can set ROUTER_SECRET and ROUTER_ONLY=true.',
  },
  {
    name: 'open account behind a proxy',
    variable: 'AUTH',
    applies: (facts) => facts.isUnintendedlyOpen && facts.isLoopback && facts.usesProxy,
    message:
      'none allows every client that reaches the proxy (TRUST_PROXY) to use the account. Set AUTH=jwt, or ALLOW_UNAUTHENTICATED=true if the proxy authenticates clients.',
  },
  {
    name: 'HELPCRUNCH_WEBHOOK_SECRET beside AUTH=forward',
    variable: 'HELPCRUNCH_WEBHOOK_SECRET',
    applies: (facts) => facts.auth === 'forward' && facts.has('HELPCRUNCH_WEBHOOK_SECRET'),
    message:
      'belongs to one account, but AUTH=forward serves many and a webhook does not name its account. Remove it.',
  },
  {
    name: 'ACCOUNTS_FILE without AUTH=jwt',
    variable: 'ACCOUNTS_FILE',
    applies: (facts) => facts.has('ACCOUNTS_FILE') && ['none', 'forward'].includes(facts.auth),
    message: 'needs AUTH=jwt, because a claim of the token selects the account.',
  },
  ...settingsOfOneAccount,
  ...redisSettingErrors,
  ...unusedTokenSettings,
  ...unusedSubgraphSettings,
  ...repetitiveSecrets,
  ...equalSecrets,
  {
    name: 'TRUST_PROXY trusts every address',
    variable: 'TRUST_PROXY',
    applies: (facts) => listOf(facts.value('TRUST_PROXY')).some(includesPublicAddresses),
    message:
      'includes addresses of clients, who could then forge their address and evade limits. List only the addresses or networks of your proxies.',
  },
  {
    name: 'callbacks to link-local addresses',
    variable: 'SUBSCRIPTION_CALLBACK_HOSTS',
    applies: (facts) =>
      listOf(facts.value('SUBSCRIPTION_CALLBACK_HOSTS')).some(isLinkLocalOrMetadataHost),
    message:
      'includes a link-local or metadata address, which must never be called. List the address of the router.',
  },
  {
    name: 'PERSISTED_ONLY without PERSISTED_OPERATIONS',
    variable: 'PERSISTED_ONLY',
    applies: (facts) =>
      ['true', 'customers'].includes(facts.value('PERSISTED_ONLY')) &&
      !facts.has('PERSISTED_OPERATIONS'),
    message: 'needs PERSISTED_OPERATIONS; without it every operation would be rejected.',
  },
  {
    name: 'PERSISTED_ONLY=customers without AUTH=jwt',
    variable: 'PERSISTED_ONLY',
    applies: (facts) =>
      facts.value('PERSISTED_ONLY') === 'customers' && ['none', 'forward'].includes(facts.auth),
    message:
      'customers has no effect unless AUTH=jwt, because only tokens distinguish customers. Set AUTH=jwt, or PERSISTED_ONLY=true.',
  },
];

const maxLikelyProxies = 3;
const recommendedWebhookSecretLength = 16;

const warnings: readonly SettingRule[] = [
  {
    name: 'DEMO with a live account',
    variable: 'DEMO',
    applies: (facts) => facts.isTrue('DEMO') && !facts.isDemo,
    message:
      'has no effect: HELPCRUNCH_API_KEY, ACCOUNTS_FILE or AUTH=forward selects a live account. Remove it.',
  },
  {
    name: 'simulated data in Redis',
    variable: 'ACCOUNT',
    applies: (facts) => facts.isDemo && facts.has('REDIS_URL') && !facts.has('ACCOUNT'),
    message:
      'is not set, so simulated data would be shared with every gateway that uses this Redis under the default name. Set another name, such as demo.',
  },
  {
    name: 'open account in production',
    variable: 'AUTH',
    applies: (facts) =>
      facts.isUnintendedlyOpen && facts.isLoopback && facts.isProduction && !facts.usesProxy,
    message:
      'none allows every process and user of this machine to use the account. Set AUTH=jwt, or ALLOW_UNAUTHENTICATED=true if that is intended.',
  },
  {
    name: 'open account with remote clients',
    variable: 'AUTH',
    applies: (facts) => facts.isUnintendedlyOpen && facts.isLoopback && facts.expectsRemoteClients,
    message:
      'none allows every client that addresses a host in ALLOWED_HOSTS, and every page of an origin in CORS_ORIGINS, to use the account. Set AUTH=jwt, or ALLOW_UNAUTHENTICATED=true if a proxy authenticates clients.',
  },
  {
    name: 'live account outside production on an external HOST',
    variable: 'NODE_ENV',
    applies: (facts) => !facts.isDemo && !facts.isProduction && !facts.isLoopback,
    message:
      'is not production, so other machines reach the explorer and introspection, and pages on localhost may read responses. Set NODE_ENV=production.',
  },
  {
    name: 'JWKS_URL without issuer and audience',
    variable: 'JWKS_URL',
    applies: (facts) =>
      facts.auth === 'jwt' &&
      facts.has('JWKS_URL') &&
      !(facts.has('JWT_ISSUER') && facts.has('JWT_AUDIENCE')),
    message:
      'is set without both JWT_ISSUER and JWT_AUDIENCE, so tokens that its keys sign for other services are accepted. Set both.',
  },
  {
    name: 'HELPCRUNCH_API_KEY beside AUTH=forward',
    variable: 'HELPCRUNCH_API_KEY',
    applies: (facts) => facts.auth === 'forward' && facts.has('HELPCRUNCH_API_KEY'),
    message: 'is not used with AUTH=forward: clients send their own keys. Remove it.',
  },
  {
    name: 'TRUST_PROXY counts many hops',
    variable: 'TRUST_PROXY',
    applies: (facts) =>
      /^[0-9]$/.test(facts.value('TRUST_PROXY')) &&
      Number(facts.value('TRUST_PROXY')) > maxLikelyProxies,
    message:
      'counts more proxies than usual. If it exceeds their number, clients can forge their address. Count the proxies in front of the gateway, or list their addresses.',
  },
  {
    name: 'HELPCRUNCH_API_URL without TLS',
    variable: 'HELPCRUNCH_API_URL',
    applies: (facts) => isRemote(facts.value('HELPCRUNCH_API_URL'), 'http'),
    message:
      'sends the API key and customer data unencrypted to another machine. Use https:// unless the network encrypts.',
  },
  ...redisSettingWarnings,
  {
    name: 'callbacks without ROUTER_SECRET',
    variable: 'SUBSCRIPTION_CALLBACK_HOSTS',
    applies: (facts) => facts.has('SUBSCRIPTION_CALLBACK_HOSTS') && !facts.has('ROUTER_SECRET'),
    message:
      'lets every client make the gateway send requests to these hosts. Set ROUTER_SECRET and SUBGRAPH=true so that only the router can.',
  },
  {
    name: 'no client rate limit on an external HOST',
    variable: 'REQUEST_RATE_LIMIT',
    applies: (facts) =>
      !facts.isLoopback &&
      facts.number('AUTH_FAILURE_LIMIT') === 0 &&
      (facts.has('REQUEST_RATE_LIMIT')
        ? Number(facts.value('REQUEST_RATE_LIMIT')) === 0
        : facts.auth === 'none'),
    message:
      'and AUTH_FAILURE_LIMIT are both off on a HOST that other machines reach. Set at least one, unless a proxy limits clients.',
  },
  {
    name: 'short HELPCRUNCH_WEBHOOK_SECRET',
    variable: 'HELPCRUNCH_WEBHOOK_SECRET',
    applies: (facts) =>
      facts.has('HELPCRUNCH_WEBHOOK_SECRET') &&
      facts.value('HELPCRUNCH_WEBHOOK_SECRET').length < recommendedWebhookSecretLength,
    message: `has fewer than ${recommendedWebhookSecretLength} characters and could be guessed. Create a new one in HelpCrunch.`,
  },
];

const withSeverity = (severity: Severity, rules: readonly SettingRule[]) =>
  rules.map((rule) => ({ ...rule, severity }));

/** Every combination that is checked. */
export const settingRules = [
  ...withSeverity('error', errors),
  ...withSeverity('warning', warnings),
];

/** What is wrong or risky in the combination of settings, in the order of the table. */
export function combinationFindings(environment: Environment): readonly Finding[] {
  const facts = new Facts(environment);
  return settingRules
    .filter(({ applies }) => applies(facts))
    .map(({ severity, variable, message }) => ({ severity, variable, message }));
}
