import type { DestinationStream } from 'pino';
import { pino } from 'pino';
import { createRedactor, withoutTokens } from '../lib/redaction.ts';
import { redact, redactedKeys, withoutCredentials } from './redact.ts';

type LogFields = Readonly<Record<string, unknown>>;

/** One JSON line for each thing an operator should know. Never given a key, a token or a body. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const redactedKeySet: ReadonlySet<string> = new Set(redactedKeys);

/** Whether a field of a line of level `info` may need redaction: its texts come from bounded sets. */
const mayNeedRedaction = (fields: LogFields): boolean =>
  Object.entries(fields).some(
    ([name, value]) => redactedKeySet.has(name) || (typeof value === 'object' && value !== null),
  );

const maxErrorText = 20_000;

const isFrame = (line: string): boolean => /^\s+at /.test(line);

/** What others wrote into an error without what looks like a token. The places in a stack are ours, and stay. */
const redactedText = (text: string): string =>
  text
    .slice(0, maxErrorText)
    .split('\n')
    .map((line) => (isFrame(line) ? line : withoutTokens(withoutCredentials(line))))
    .join('\n');

const maxErrorDepth = 6;

const shortestSecret = 8;

function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === maxErrorDepth) return '…';
  if (Array.isArray(value)) return value.map((item: unknown) => redacted(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]: [string, unknown]) => [
      name,
      redacted(item, depth + 1),
    ]),
  );
}

const errorOf = (error: unknown): unknown =>
  redacted(error instanceof Error ? pino.stdSerializers.err(error) : error);

/** `secrets` are redacted, in any encoding, in every warning and error, and in other lines with objects. */
export function createLog(
  stream: DestinationStream,
  level: LogLevel = 'info',
  secrets: readonly string[] = [],
): Log {
  const options = {
    level,
    base: null,
    errorKey: 'error',
    serializers: { error: errorOf },
    hooks: { streamWrite: redact },
  };
  // A shorter one could be a part of any word of a line.
  const redactSecrets = createRedactor(secrets.filter(({ length }) => length >= shortestSecret));
  const plainLogger = pino(options, stream);
  // Nobody hands it a secret; should somebody, it is struck out all the same.
  const paths = redactedKeys.flatMap((name) => [name, `*.${name}`]);
  const redactingLogger = pino(
    {
      ...options,
      hooks: { streamWrite: (line: string) => redact(redactSecrets(line)) },
      redact: { paths, censor: '***' },
    },
    stream,
  );
  return {
    info(message, fields = {}) {
      // Each operation has such a line, and redaction is expensive.
      (mayNeedRedaction(fields) ? redactingLogger : plainLogger).info(fields, message);
    },
    warn(message, fields = {}) {
      redactingLogger.warn(fields, message);
    },
    error(message, fields = {}) {
      redactingLogger.error(fields, message);
    },
  };
}

/** For where nobody reads it. */
export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
