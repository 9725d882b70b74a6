import type { DestinationStream } from 'pino';
import { pino } from 'pino';
import { struck, struckNames } from './secrets.ts';

type Fields = Readonly<Record<string, unknown>>;

/** One JSON line for each thing an operator should know. Never given a key, a token or a body. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const struckSet: ReadonlySet<string> = new Set(struckNames);

/** Whether there may be a field in it that has to be struck out. */
const hasSecrets = (fields: Fields): boolean =>
  Object.entries(fields).some(
    ([name, value]) => struckSet.has(name) || (typeof value === 'object' && value !== null),
  );

export function createLog(stream: DestinationStream, level: LogLevel = 'info'): Log {
  const options = {
    level,
    base: null,
    errorKey: 'error',
    serializers: { error: pino.stdSerializers.err },
    hooks: { streamWrite: struck },
  };
  const plain = pino(options, stream);
  // Nobody hands it a secret; should somebody, it is struck out all the same.
  const paths = struckNames.flatMap((name) => [name, `*.${name}`]);
  const striking = pino({ ...options, redact: { paths, censor: '***' } }, stream);
  const loggerFor = (fields: Fields) => (hasSecrets(fields) ? striking : plain);
  return {
    info(message, fields = {}) {
      loggerFor(fields).info(fields, message);
    },
    warn(message, fields = {}) {
      loggerFor(fields).warn(fields, message);
    },
    error(message, fields = {}) {
      loggerFor(fields).error(fields, message);
    },
  };
}

/** For where nobody reads it. */
export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
