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

export function createLog(stream: DestinationStream, level: LogLevel = 'info'): Log {
  const logger = pino(
    {
      level,
      base: null,
      errorKey: 'error',
      serializers: { error: pino.stdSerializers.err },
      // Nobody hands it a secret; should somebody, it is struck out all the same.
      redact: { paths: struckNames.flatMap((name) => [name, `*.${name}`]), censor: '***' },
      hooks: { streamWrite: struck },
    },
    stream,
  );
  return {
    info(message, fields = {}) {
      logger.info(fields, message);
    },
    warn(message, fields = {}) {
      logger.warn(fields, message);
    },
    error(message, fields = {}) {
      logger.error(fields, message);
    },
  };
}

/** For where nobody reads it. */
export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
