import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { globSync } from 'tinyglobby';
import { z } from 'zod';
import { isLoopback, readHost } from '../lib/hosts.ts';
import { readSentinelUrl } from '../lib/redisUrl.ts';
import type { OperationManifest } from './manifest.ts';
import { readManifest } from './manifest.ts';

/** Parsers of variables. The description of each states the valid values in the settings reference. */

export const text = z.string().describe('text');

export const boolean = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((word) => word === 'true')
  .describe('`true`, `false`');

export const oneOf = <const Word extends string>(...words: readonly [Word, Word, ...Word[]]) =>
  z
    .enum(words, `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`)
    .describe(words.map((word) => `\`${word}\``).join(', '));

export const integer = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^[0-9]{1,15}$/, `must be a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .pipe(
      z
        .number()
        .min(minimum, `must be ${minimum} to ${maximum}`)
        .max(maximum, `must be ${minimum} to ${maximum}`),
    )
    .describe(`${minimum} to ${maximum}`);

export const atLeastOne = integer(1, 1_000_000);
export const upToAMillion = integer(0, 1_000_000);

/** At most a day. */
export const milliseconds = integer(0, 86_400_000);

export const apiKey = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII characters without spaces')
  .describe('printable ASCII');

export const webhookKey = z
  .string()
  .min(8, 'must have at least 8 characters')
  .describe('at least 8 characters; 16 or more recommended');

export const tokenSecret = z
  .string()
  .refine((secret) => Buffer.byteLength(secret) >= 32, 'must have at least 32 bytes')
  .describe('at least 32 bytes');

/** Part of Redis keys and metrics. */
export const accountName = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, underscores or hyphens')
  .describe('1 to 64 letters, digits, `_` or `-`');

const url = (protocol: RegExp, examples: string) =>
  z
    .url({ protocol, abort: true, error: `must be a URL that begins with ${examples}` })
    .describe('URL');

export const httpUrl = url(/^https?$/, 'http:// or https://');

export const redisUrl = z
  .string()
  .refine(
    (value) =>
      (/^rediss?:\/\//.test(value) && URL.canParse(value)) || readSentinelUrl(value) !== undefined,
    'must be a URL that begins with redis:// or rediss://, or redis-sentinel://host:port,host:port/name',
  )
  .describe('URL');

/** Part of keys and channels. Braces would change the slot of keys, and `*` the channels that are subscribed to. */
export const keyPrefix = z
  .string()
  .regex(/^[\w:.-]{1,64}$/, 'must be 1 to 64 letters, digits, or characters of _ : . -')
  .describe('1 to 64 letters, digits, or `_`, `:`, `.`, `-`');

/** The text of a file in PEM format that the function accepts. */
const pemFile = (content: string, parse: (pem: string) => unknown) =>
  z
    .string()
    .transform((path, { addIssue }): string => {
      try {
        const pem = readFileSync(path, 'utf8');
        parse(pem);
        return pem;
      } catch {
        addIssue(`the file ${path} cannot be read, or is not ${content} in PEM format`);
        return '';
      }
    })
    .describe('file');

export const certificateFile = pemFile('a certificate', (pem) => new X509Certificate(pem));
export const privateKeyFile = pemFile('an unencrypted private key', (pem) => createPrivateKey(pem));

/** The base URL of all upstream requests. */
export const apiUrl = httpUrl
  .refine((value) => {
    const { username, password } = new URL(value);
    return username + password === '' && !/[?#]/.test(value);
  }, 'must not contain a user, query or fragment')
  .transform((value) => value.replace(/\/+$/, ''))
  .describe('URL');

export const jwksUrl = url(/^https?$/, 'https://')
  .refine((value) => {
    const { protocol, hostname } = new URL(value);
    return protocol === 'https:' || isLoopback(hostname);
  }, 'must begin with https:// unless the host is this machine: keys read over http:// can be replaced in transit')
  .describe('HTTPS URL');

/** Items separated by commas, each of them parsed by `item`. */
const listOf = <Item>(item: z.ZodType<Item, string>): z.ZodType<readonly Item[], string> =>
  z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .pipe(z.array(item));

export const rootFields = listOf(z.string()).describe('list of fields');

/** The mutations that clients may use, by name; a word stands for a set of them. */
export const mutationNames = z
  .string()
  .transform((value) =>
    value === 'all' || value === 'none' ? value : value.split(',').map((name) => name.trim()),
  )
  .describe('`all`, `none`, or list of mutations');

export const origins = listOf(
  httpUrl.refine(
    (value) => new URL(value).origin === value,
    'must be an origin such as https://app.example.com',
  ),
).describe('list of origins');

/** A scheme, host and port; the scheme defaults to https. Wildcards are rejected. */
const callbackOrigin = z.string().transform((value, { addIssue }) => {
  const address = /^https?:\/\//i.test(value) ? value : `https://${value}`;
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  const isOrigin =
    /^https?:\/\/[^/?#@\\\s]+\/?$/i.test(address) &&
    /^([\w.-]+|\[.*\])$/.test(parsed?.hostname ?? '');
  if (parsed !== undefined && isOrigin) return parsed.origin;
  addIssue(
    'must be hosts such as router.example.com, or origins such as http://router.internal:4000',
  );
  return '';
});

export const callbackHosts = listOf(callbackOrigin).describe('list of hosts or origins');

export const hostNames = z
  .string()
  .transform((value, { addIssue }): readonly string[] => {
    const names = value.split(',').map((part) => readHost(part.trim()) ?? '');
    if (names.includes('')) {
      addIssue('must be host names or addresses without ports, separated by commas');
    }
    return names;
  })
  .describe('list of hosts');

/** Hosts in the common form of `NO_PROXY`: `example.com`, `.example.com` and `*.example.com` mean the same. */
export const proxyExceptions = z
  .string()
  .transform((value): readonly string[] =>
    value
      .split(',')
      .map((part) =>
        part
          .trim()
          .toLowerCase()
          .replace(/^\*?\./, ''),
      )
      .filter((part) => part !== ''),
  )
  .describe('list of hosts');

/** An address, or a network such as `10.0.0.0/8`. */
function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return (
    bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  );
}

export const trustedProxies = z
  .string()
  .transform((value, { addIssue }): number | readonly string[] => {
    if (/^[0-9]$/.test(value)) return Number(value);
    const networks = value.split(',').map((part) => part.trim());
    if (!networks.every(isNetwork)) {
      addIssue('must be a number of proxies from 0 to 9, or a list of addresses and networks');
    }
    return networks;
  })
  .describe('0 to 9, or list of addresses and networks');

export const manifestFile = z
  .string()
  .transform((path, { addIssue }): OperationManifest => {
    try {
      return readManifest(readFileSync(path, 'utf8'));
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error;
      const reason = error instanceof Error && !isMissing ? error.message : 'cannot be read';
      addIssue(`the file ${path} ${reason}`);
      return new Map();
    }
  })
  .describe('file');

/** Empty for `/`, otherwise without a slash at its end. */
export const basePath = z
  .string()
  .regex(
    /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*\/?$/,
    'must be a path such as /support, of letters, digits and . _ ~ -',
  )
  .transform((value) => value.replace(/\/$/, ''))
  .describe('path');

/** The address of the gateway, without a slash at its end. */
export const publicUrl = httpUrl
  .refine((value) => {
    const { username, password } = new URL(value);
    return username + password === '' && !/[?#]/.test(value);
  }, 'must not contain a user, query or fragment')
  .refine((value) => {
    const { protocol, hostname } = new URL(value);
    return protocol === 'https:' || isLoopback(hostname);
  }, 'must begin with https:// unless the host is this machine')
  .transform((value) => value.replace(/\/+$/, ''))
  .describe('HTTPS URL');

export interface OperationText {
  readonly file: string;
  readonly text: string;
}

function readOperations(pattern: string): readonly OperationText[] {
  if (pattern.endsWith('.json')) {
    const manifest = readManifest(readFileSync(pattern, 'utf8'));
    return Array.from(manifest, ([id, text]) => ({ file: `${pattern} (${id})`, text }));
  }
  const files = existsSync(pattern)
    ? [pattern]
    : globSync(pattern, { expandDirectories: false, absolute: isAbsolute(pattern) });
  return files.sort().map((file) => ({ file, text: readFileSync(file, 'utf8') }));
}

export const operationFiles = z
  .string()
  .transform((pattern, { addIssue }): readonly OperationText[] => {
    try {
      const files = readOperations(pattern);
      if (files.length === 0) addIssue(`no file matches ${pattern}`);
      return files;
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error;
      const reason = error instanceof Error && !isMissing ? error.message : 'cannot be read';
      addIssue(`the file ${pattern} ${reason}`);
      return [];
    }
  })
  .describe('manifest, or pattern of files');
