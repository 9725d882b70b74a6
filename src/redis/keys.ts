import { createHash } from 'node:crypto';

/** Increased when a value or a message changes its format, so that two versions of the gateway can share one Redis. */
const version = 4;

/** Kinds of keys: cache, rate limiter, webhooks, events, mutations, request rates, health. docs/data.md describes each. */
export const keyKinds = [
  'entry',
  'tag',
  'generation',
  'popular',
  'leases',
  'window',
  'throttle',
  'instances',
  'delivery',
  'repetition',
  'log',
  'logged',
  'position',
  'idempotency',
  'created',
  'lock',
  'requests',
  'failures',
  'probe',
] as const;

type KeyKind = (typeof keyKinds)[number];

/** Channels of every account that all instances receive. */
export type ChannelKind = 'invalidation' | 'event';

/**
 * The layout of all keys and channels: `helpcrunch:<version>:{<account>}:<kind>[:<name>]`. The hash tag `{<account>}` keeps the keys of
 * one script in one slot of a cluster. Names that can contain customer data are hashed.
 */
export const redisKey = (
  account: string,
  kind: KeyKind | ChannelKind | 'fence',
  name?: string,
): string => `helpcrunch:${version}:{${account}}:${kind}${name === undefined ? '' : `:${name}`}`;

/** Matches the keys or channels of all accounts. */
export const redisPattern = (kind: Parameters<typeof redisKey>[1]): string => redisKey('*', kind);

const channelKinds: readonly ChannelKind[] = ['invalidation', 'event'];

/** What the patterns match that all instances subscribe to. */
export const channelPatterns = (keyPrefix: string): ReadonlyMap<string, ChannelKind> =>
  new Map(channelKinds.map((kind) => [keyPrefix + redisPattern(kind), kind]));

/** The account of a channel that matches the pattern of its kind. */
export const channelAccount = (channel: string, kind: ChannelKind): string => {
  const [before = '', after = ''] = redisPattern(kind).split('*');
  return channel.slice(before.length, channel.length - after.length);
};

/** Replaces a filter, an e-mail address, a user id or another name that may contain customer data. */
export const hashedName = (name: string): string =>
  createHash('sha256').update(name).digest('base64url').slice(0, 22);
