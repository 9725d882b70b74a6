import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { readHost, usualAllowedHosts } from '../lib/hosts.ts';
import type { AllowedHosts } from '../lib/hosts.ts';
import type { OperationManifest } from './manifest.ts';
import { readManifest } from './manifest.ts';
import { booleanVariable, integerVariable } from './parsers.ts';

/** An address, or a network such as `10.0.0.0/8`. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return (
    bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  );
}

const trustedProxies = z.string().transform((text, { addIssue }): number | readonly string[] => {
  if (/^[0-9]$/.test(text)) return Number(text);
  const networks = text.split(',').map((part) => part.trim());
  if (!networks.every(isNetwork)) {
    addIssue('must be a number of proxies up to 9, or addresses and networks separated by commas');
  }
  return networks;
});

const hosts = z.string().transform((text, { addIssue }): readonly string[] => {
  const names = text.split(',').map((part) => readHost(part.trim()) ?? '');
  if (names.includes('')) {
    addIssue('must be host names or addresses without ports, separated by commas');
  }
  return names;
});

const manifestFile = z.string().transform((path, { addIssue }): OperationManifest => {
  try {
    return readManifest(readFileSync(path, 'utf8'));
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error;
    const reason = error instanceof Error && !isMissing ? error.message : 'cannot be read';
    addIssue(`the file ${path} ${reason}`);
    return new Map();
  }
});

/** The settings that bound what clients may send. */
export const clientLimitVariables = {
  MAX_DEPTH: integerVariable(1, 1_000_000).default(12),
  MAX_ALIASES: integerVariable(0, 1_000_000).default(30),
  MAX_DIRECTIVES: integerVariable(0, 1_000_000).default(20),
  MAX_TOKENS: integerVariable(1, 1_000_000).default(2_000),
  MAX_RESPONSE_NODES: integerVariable(1, 100_000_000).default(20_000),
  MAX_RESPONSE_BYTES: integerVariable(16_384, 268_435_456).default(8_388_608),
  MAX_BODY_BYTES: integerVariable(1_024, 67_108_864).default(262_144),
  MAX_CONNECTIONS: integerVariable(1, 1_000_000).default(20_000),
  REQUEST_TIMEOUT_MS: integerVariable(100, 600_000).default(30_000),
  REQUEST_RATE_LIMIT: integerVariable(0, 1_000_000).optional(),
  AUTH_FAILURE_LIMIT: integerVariable(0, 1_000_000).default(60),
  TRUST_PROXY: trustedProxies.default(0),
  ALLOWED_HOSTS: hosts.optional(),
  SEND_TIMEOUT_MS: integerVariable(100, 600_000).default(30_000),
  MAX_UNSENT_BYTES: integerVariable(65_536, 17_179_869_184).default(67_108_864),
  PERSISTED_OPERATIONS: manifestFile.optional(),
  PERSISTED_ONLY: booleanVariable.default(false),
};

/** What of a client is let in. */
export interface ClientLimits {
  /** How large the text of an operation may be. */
  readonly limits: {
    readonly depth: number;
    readonly aliases: number;
    readonly directives: number;
    readonly tokens: number;
  };
  /** How many objects a response may contain, estimated before an operation is executed and counted during it. */
  readonly maxResponseNodes: number;
  /** How long a response may be as JSON. */
  readonly maxResponseBytes: number;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  /** How long a request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** Requests in a minute of one client; 0 for no limit. */
  readonly requestRateLimit: number;
  /** Credentials that fail in a minute from one address; 0 for no limit. */
  readonly authFailureLimit: number;
  /** How many proxies in a row are believed, or which. */
  readonly trustProxy: number | readonly string[];
  /** The host names of requests that are answered. */
  readonly allowedHosts: AllowedHosts;
  /** What may wait for clients that do not read. */
  readonly sending: { readonly sendTimeoutMs: number; readonly maxUnsentBytes: number };
  /** The texts of the listed operations by their ids. */
  readonly persistedOperations: OperationManifest | undefined;
  readonly isPersistedOnly: boolean;
}

type ClientLimitVariables = z.infer<z.ZodObject<typeof clientLimitVariables>> & {
  readonly AUTH: string;
  readonly HOST: string;
};

export const clientLimitsFrom = (data: ClientLimitVariables): ClientLimits => ({
  limits: {
    depth: data.MAX_DEPTH,
    aliases: data.MAX_ALIASES,
    directives: data.MAX_DIRECTIVES,
    tokens: data.MAX_TOKENS,
  },
  maxResponseNodes: data.MAX_RESPONSE_NODES,
  maxResponseBytes: data.MAX_RESPONSE_BYTES,
  maxBodyBytes: data.MAX_BODY_BYTES,
  maxConnections: data.MAX_CONNECTIONS,
  requestTimeoutMs: data.REQUEST_TIMEOUT_MS,
  // Where nobody says who asks, one address may be everybody: who is behind a proxy that knows them.
  requestRateLimit: data.REQUEST_RATE_LIMIT ?? (data.AUTH === 'none' ? 0 : 600),
  authFailureLimit: data.AUTH_FAILURE_LIMIT,
  trustProxy: data.TRUST_PROXY,
  allowedHosts: data.ALLOWED_HOSTS ?? usualAllowedHosts(data.HOST),
  sending: { sendTimeoutMs: data.SEND_TIMEOUT_MS, maxUnsentBytes: data.MAX_UNSENT_BYTES },
  persistedOperations: data.PERSISTED_OPERATIONS,
  isPersistedOnly: data.PERSISTED_ONLY,
});
