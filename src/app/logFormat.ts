import type { Config } from '../config/settings.ts';

/** Text on a terminal outside production, otherwise JSON, unless `LOG_FORMAT` is set. */
export async function lineFormat({
  logFormat,
  isProduction,
}: Config): Promise<(line: string) => string> {
  const isTerminal = process.stderr.isTTY && !isProduction;
  if ((logFormat ?? (isTerminal ? 'pretty' : 'json')) === 'json') return (line) => line;
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({ singleLine: true, translateTime: 'HH:MM:ss.l' });
}
