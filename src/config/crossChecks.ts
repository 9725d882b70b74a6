import { isLoopback } from '../lib/hosts.ts';
import { isAnywhere, isLinkLocal, isRemote, isRepetitive, listOf } from './riskyValues.ts';
import type { Environment } from './setting.ts';

/** What a check reads; every value may still be invalid by itself. */
interface Facts {
  readonly host: string;
  readonly auth: string;
  readonly isProduction: boolean;
  /** Only this machine can connect. */
  readonly isLoopback: boolean;
  /** A HelpCrunch account is served with the gateway's own key. */
  readonly hasLiveKey: boolean;
  /** Nothing but the simulator can be served. */
  readonly isDemo: boolean;
  has(name: string): boolean;
  value(name: string): string;
  isTrue(name: string): boolean;
}

export type Severity = 'error' | 'warning';

/** A combination of settings that is wrong or risky although each value is valid. */
interface Check {
  /** Identifies the check in tests. */
  readonly name: string;
  /** `error` where the combination is never right, `warning` where a deliberate deployment exists. */
  readonly severity: Severity;
  /** The variable that the message is about. */
  readonly variable: string;
  applies(facts: Facts): boolean;
  /** What is wrong, and how to put it right. Never contains a value. */
  readonly message: string;
}

export interface Finding {
  readonly severity: Severity;
  readonly variable: string;
  readonly message: string;
}

function factsOf(environment: Environment): Facts {
  const has = (name: string) => environment[name] !== undefined && environment[name] !== '';
  const value = (name: string) => environment[name] ?? '';
  const host = has('HOST') ? value('HOST') : '127.0.0.1';
  const auth = has('AUTH') ? value('AUTH') : 'none';
  return {
    host,
    auth,
    isProduction: value('NODE_ENV') === 'production',
    isLoopback: isLoopback(host),
    hasLiveKey: has('HELPCRUNCH_API_KEY') && auth !== 'forward',
    isDemo: !has('HELPCRUNCH_API_KEY') && auth !== 'forward',
    has,
    value,
    isTrue: (name) => value(name) === 'true',
  };
}

const secretSettings = [
  'HELPCRUNCH_API_KEY',
  'HELPCRUNCH_WEBHOOK_SECRET',
  'JWT_SECRET',
  'ROUTER_SECRET',
];

const sharedSecrets: readonly Check[] = secretSettings.flatMap((other, index) =>
  secretSettings.slice(index + 1).map((variable): Check => ({
    name: `${variable} equals ${other}`,
    severity: 'error',
    variable,
    applies: ({ has, value }) => has(variable) && value(variable) === value(other),
    message: `must differ from ${other}: whoever is given one would hold the other too. Create a secret of its own, such as with openssl rand -hex 32.`,
  })),
);

const repetitiveSecrets: readonly Check[] = secretSettings.slice(1).map((variable) => ({
  name: `${variable} is repetitive`,
  severity: 'error',
  variable,
  applies: ({ has, value }) => has(variable) && isRepetitive(value(variable)),
  message:
    'has too few different characters and can be guessed. Create one with openssl rand -hex 32.',
}));

const unusedTokenSettings: readonly Check[] = [
  'JWT_SECRET',
  'JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
].map((variable) => ({
  name: `${variable} without AUTH=jwt`,
  severity: 'error',
  variable,
  applies: ({ auth, has }) => has(variable) && (auth === 'none' || auth === 'forward'),
  message: 'has no effect unless AUTH=jwt. Set AUTH=jwt, or remove it.',
}));

const supergraphSettings: readonly Check[] = ['SUBGRAPH_EXCLUDE_FIELDS', 'ROUTER_SECRET'].map(
  (variable) => ({
    name: `${variable} without SUBGRAPH`,
    severity: 'error',
    variable,
    applies: ({ has, isTrue }) => has(variable) && !isTrue('SUBGRAPH'),
    message: 'needs SUBGRAPH=true',
  }),
);

const isOpen = ({ auth, hasLiveKey, has, isTrue }: Facts): boolean =>
  auth === 'none' && hasLiveKey && !isTrue('ALLOW_UNAUTHENTICATED') && !has('ROUTER_SECRET');

const usesProxy = ({ value }: Facts): boolean => !['', '0'].includes(value('TRUST_PROXY'));

const demoChecks: readonly Check[] = [
  {
    name: 'demo in production',
    severity: 'error',
    variable: 'HELPCRUNCH_API_KEY',
    applies: ({ isDemo, isProduction, isLoopback, isTrue }) =>
      isDemo && (isProduction || !isLoopback) && !isTrue('DEMO'),
    message:
      'is not set, so only simulated data could be served. Set it, or set DEMO=true to serve simulated data with NODE_ENV=production or on a HOST that other machines reach.',
  },
  {
    name: 'DEMO with a live account',
    severity: 'warning',
    variable: 'DEMO',
    applies: ({ isDemo, isTrue }) => isTrue('DEMO') && !isDemo,
    message: 'has no effect: HELPCRUNCH_API_KEY or AUTH=forward selects a live account. Remove it.',
  },
];

const accessChecks: readonly Check[] = [
  {
    name: 'JWT_SECRET beside JWKS_URL',
    severity: 'error',
    variable: 'JWT_SECRET',
    applies: ({ auth, has }) => auth === 'jwt' && has('JWT_SECRET') && has('JWKS_URL'),
    message: 'cannot be set beside JWKS_URL. Set the one that tokens are signed with.',
  },
  {
    name: 'AUTH=jwt without keys',
    severity: 'error',
    variable: 'AUTH',
    applies: ({ auth, has }) => auth === 'jwt' && !has('JWT_SECRET') && !has('JWKS_URL'),
    message: 'jwt needs JWT_SECRET or JWKS_URL to verify tokens.',
  },
  {
    name: 'open account on an external HOST',
    severity: 'error',
    variable: 'AUTH',
    applies: (facts) => isOpen(facts) && !facts.isLoopback,
    message:
      'none would let anybody who reaches HOST use the account. Set AUTH=jwt, keep HOST on this machine, or set ALLOW_UNAUTHENTICATED=true if something in front authenticates clients.',
  },
  {
    name: 'open account behind a proxy',
    severity: 'error',
    variable: 'AUTH',
    applies: (facts) => isOpen(facts) && facts.isLoopback && usesProxy(facts),
    message:
      'none would let anybody who reaches the proxy (TRUST_PROXY) use the account. Set AUTH=jwt, or ALLOW_UNAUTHENTICATED=true if the proxy authenticates clients.',
  },
  {
    name: 'open account in production',
    severity: 'warning',
    variable: 'AUTH',
    applies: (facts) =>
      isOpen(facts) && facts.isLoopback && facts.isProduction && !usesProxy(facts),
    message:
      'none lets every process and user of this machine use the account. Set AUTH=jwt, or ALLOW_UNAUTHENTICATED=true if that is intended.',
  },
  {
    name: 'live account outside production on an external HOST',
    severity: 'warning',
    variable: 'NODE_ENV',
    applies: ({ isDemo, isProduction, isLoopback }) => !isDemo && !isProduction && !isLoopback,
    message:
      'is not production, so other machines reach the explorer and introspection, and pages on localhost may read responses. Set NODE_ENV=production.',
  },
  {
    name: 'JWKS_URL without issuer and audience',
    severity: 'warning',
    variable: 'JWKS_URL',
    applies: ({ auth, has }) =>
      auth === 'jwt' && has('JWKS_URL') && !(has('JWT_ISSUER') && has('JWT_AUDIENCE')),
    message:
      'is set without both JWT_ISSUER and JWT_AUDIENCE, so tokens that its keys sign for other services are accepted. Set both.',
  },
  {
    name: 'HELPCRUNCH_API_KEY beside AUTH=forward',
    severity: 'warning',
    variable: 'HELPCRUNCH_API_KEY',
    applies: ({ auth, has }) => auth === 'forward' && has('HELPCRUNCH_API_KEY'),
    message: 'is not used with AUTH=forward: clients send their own keys. Remove it.',
  },
  {
    name: 'HELPCRUNCH_WEBHOOK_SECRET beside AUTH=forward',
    severity: 'error',
    variable: 'HELPCRUNCH_WEBHOOK_SECRET',
    applies: ({ auth, has }) => auth === 'forward' && has('HELPCRUNCH_WEBHOOK_SECRET'),
    message:
      'belongs to one account, but AUTH=forward serves many and a webhook does not name its account. Remove it.',
  },
];

const mostLikelyHops = 3;

const networkChecks: readonly Check[] = [
  {
    name: 'TRUST_PROXY trusts everybody',
    severity: 'error',
    variable: 'TRUST_PROXY',
    applies: ({ value }) => listOf(value('TRUST_PROXY')).some(isAnywhere),
    message:
      "includes addresses of clients, who could then forge their address and evade limits. List your proxies' addresses or networks only.",
  },
  {
    name: 'TRUST_PROXY counts many hops',
    severity: 'warning',
    variable: 'TRUST_PROXY',
    applies: ({ value }) =>
      /^[0-9]$/.test(value('TRUST_PROXY')) && Number(value('TRUST_PROXY')) > mostLikelyHops,
    message:
      'counts more proxies than usual. With more than there are, clients can forge their address. Count the proxies in front of the gateway, or list their addresses.',
  },
  {
    name: 'HELPCRUNCH_API_URL without TLS',
    severity: 'warning',
    variable: 'HELPCRUNCH_API_URL',
    applies: ({ value }) => isRemote(value('HELPCRUNCH_API_URL'), 'http'),
    message:
      'sends the API key and customer data unencrypted to another machine. Use https:// unless the network encrypts.',
  },
  {
    name: 'REDIS_URL without TLS',
    severity: 'warning',
    variable: 'REDIS_URL',
    applies: ({ value }) => isRemote(value('REDIS_URL'), 'redis'),
    message:
      'sends customer data unencrypted to another machine. Use rediss:// unless the network is private.',
  },
  {
    name: 'REDIS_URL without a password',
    severity: 'warning',
    variable: 'REDIS_URL',
    applies: ({ value }) =>
      (isRemote(value('REDIS_URL'), 'redis') || isRemote(value('REDIS_URL'), 'rediss')) &&
      new URL(value('REDIS_URL')).password === '',
    message:
      'has no password, so whoever reaches Redis reads and changes what this gateway serves. Set a password in Redis and in REDIS_URL.',
  },
  {
    name: 'callbacks without ROUTER_SECRET',
    severity: 'warning',
    variable: 'SUBSCRIPTION_CALLBACK_HOSTS',
    applies: ({ has }) => has('SUBSCRIPTION_CALLBACK_HOSTS') && !has('ROUTER_SECRET'),
    message:
      'lets every client make the gateway send requests to these hosts. Set ROUTER_SECRET and SUBGRAPH=true so that only the router can.',
  },
  {
    name: 'callbacks to link-local addresses',
    severity: 'error',
    variable: 'SUBSCRIPTION_CALLBACK_HOSTS',
    applies: ({ value }) => listOf(value('SUBSCRIPTION_CALLBACK_HOSTS')).some(isLinkLocal),
    message:
      "includes a link-local or metadata address, which must never be called. List the router's own address.",
  },
  {
    name: 'no client rate limit on an external HOST',
    severity: 'warning',
    variable: 'REQUEST_RATE_LIMIT',
    applies: ({ auth, isLoopback, value, has }) =>
      !isLoopback &&
      Number(value('AUTH_FAILURE_LIMIT') || '60') === 0 &&
      (has('REQUEST_RATE_LIMIT') ? Number(value('REQUEST_RATE_LIMIT')) === 0 : auth === 'none'),
    message:
      'and AUTH_FAILURE_LIMIT are both off on a HOST that other machines reach. Set at least one, unless something in front limits clients.',
  },
];

const shortWebhookSecret = 16;

const otherChecks: readonly Check[] = [
  {
    name: 'short HELPCRUNCH_WEBHOOK_SECRET',
    severity: 'warning',
    variable: 'HELPCRUNCH_WEBHOOK_SECRET',
    applies: ({ has, value }) =>
      has('HELPCRUNCH_WEBHOOK_SECRET') &&
      value('HELPCRUNCH_WEBHOOK_SECRET').length < shortWebhookSecret,
    message: `has fewer than ${shortWebhookSecret} characters and could be guessed. Create a new one in HelpCrunch.`,
  },
  {
    // It would reject every operation.
    name: 'PERSISTED_ONLY without PERSISTED_OPERATIONS',
    severity: 'error',
    variable: 'PERSISTED_ONLY',
    applies: ({ has, isTrue }) => isTrue('PERSISTED_ONLY') && !has('PERSISTED_OPERATIONS'),
    message: 'needs the list in PERSISTED_OPERATIONS',
  },
];

/** Every combination that is checked, errors and warnings. */
export const checks: readonly Check[] = [
  ...demoChecks,
  ...accessChecks,
  ...unusedTokenSettings,
  ...supergraphSettings,
  ...repetitiveSecrets,
  ...sharedSecrets,
  ...networkChecks,
  ...otherChecks,
];

/** What is wrong or risky in the combination of settings, in the order of the table. */
export function findingsOf(environment: Environment): readonly Finding[] {
  const facts = factsOf(environment);
  return checks
    .filter(({ applies }) => applies(facts))
    .map(({ severity, variable, message }) => ({ severity, variable, message }));
}
