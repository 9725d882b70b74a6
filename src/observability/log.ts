import type { DestinationStream } from 'pino';
import { pino } from 'pino';
import { createRedactor, withoutTokens } from '../lib/redaction.ts';
import { redact, redactedKeys, withoutCredentials } from './redact.ts';

type LogFields = Readonly<Record<string, unknown>>;

/** Writes JSON lines for operators: a short event name with fields. Keys, tokens and bodies must not be passed. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const redactedKeySet: ReadonlySet<string> = new Set(redactedKeys);

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isListOfTexts = (value: object): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** Whether fields of an `info` line may need redaction. Plain strings, also in lists, come from bounded sets. */
const mayNeedRedaction = (fields: LogFields): boolean =>
  Object.keys(fields).some((name) => {
    const value = fields[name];
    return redactedKeySet.has(name) || (isNested(value) && !isListOfTexts(value));
  });

const maxErrorLength = 20_000;

const isStackFrame = (line: string): boolean => /^\s+at /.test(line);

/** An error text without tokens. Stack frames are kept as they are. */
const redactedText = (text: string): string =>
  text
    .slice(0, maxErrorLength)
    .split('\n')
    .map((line) => (isStackFrame(line) ? line : withoutTokens(withoutCredentials(line))))
    .join('\n');

const maxErrorDepth = 6;

const minSecretLength = 8;

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
): Log & {
  /** Redacts further secrets from now on. */
  hide(secrets: readonly string[]): void;
} {
  const options = {
    level,
    base: null,
    errorKey: 'error',
    serializers: { error: errorOf },
    hooks: { streamWrite: redact },
  };
  // Shorter secrets occur in ordinary words.
  const isLong = ({ length }: string) => length >= minSecretLength;
  const hidden = new Set(secrets.filter(isLong));
  let redactSecrets = createRedactor([...hidden]);
  const plainLogger = pino(options, stream);
  // Defence in depth: secrets should not be passed to the log.
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
    hide(more) {
      for (const secret of more.filter(isLong)) hidden.add(secret);
      redactSecrets = createRedactor([...hidden]);
    },
    info(message, fields = {}) {
      // Every operation writes such a line, and redaction is expensive.
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

export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
