import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Environment } from '../config/setting.ts';
import { environmentVariables } from '../config/settings.ts';
import { exportData } from '../export/exportData.ts';
import type { ExportOptions, ExportProgress, ExportSummary } from '../export/options.ts';
import { ExportError, exportExitCodes, exportKinds } from '../export/options.ts';
import { parseFilter, parseKinds } from '../export/settings.ts';
import { UsageError } from '../lib/usageError.ts';
import type { OutputStreams } from './checkConfig.ts';

const help = `Exports chats with their messages, customers and the team through a gateway. Run it again to continue after an interruption.

Usage: helpcrunch-graphql export --url URL --out DIR [options]

  --url URL          GraphQL endpoint of the gateway, such as https://gateway.example.com/graphql
  --out DIR          directory for the files: one JSON object per line, one file per kind
  --kinds LIST       kinds, separated by commas: ${exportKinds.join(', ')}, team (default: all)
  --filter JSON      conditions: {"chats": ChatFilter, "customers": CustomerFilter}
  --since TIME       only chats created, and customers seen, at or after this time
  --follow           continue with live changes until a signal arrives
  --gzip             compress the files
  --token-file FILE  the token is the first line of this file, which is read before each request
  --quiet            print nothing but errors
  --help             print this

Without --token-file, the token is the value of the environment variable GATEWAY_TOKEN.

Exit codes: 0 complete, 1 invalid options, 2 the directory belongs to another export, 3 credentials rejected,
4 a file cannot be written, 5 the gateway is unavailable, 6 the gateway rejected a request, 7 the messages of some chats cannot
be read, 130 or 143 stopped by a signal. After 3, 4, 5, 7, 130 and 143 the same command continues the export.
`;

const options = {
  url: { type: 'string' },
  out: { type: 'string' },
  kinds: { type: 'string' },
  filter: { type: 'string' },
  since: { type: 'string' },
  follow: { type: 'boolean', default: false },
  gzip: { type: 'boolean', default: false },
  'token-file': { type: 'string' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The argument may be a token.
    throw new UsageError(message.replace(/^Unexpected argument '.*?'/s, 'Unexpected argument'));
  }
}

type Arguments = ReturnType<typeof readArguments>;

function readTokenFile(path: string): string {
  try {
    const [token = ''] = readFileSync(path, 'utf8').split('\n', 1);
    return token.trim();
  } catch {
    throw new ExportError('CREDENTIALS', `The token file ${path} cannot be read.`);
  }
}

function tokenOf({ 'token-file': path }: Arguments, environment: Environment) {
  return path === undefined ? environment['GATEWAY_TOKEN'] : () => readTokenFile(path);
}

function parseJsonOption(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ExportError('INVALID_OPTIONS', '--filter: must be JSON.');
  }
}

const timePattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

function parseSince(text: string): Date {
  // Other spellings depend on the time zone of the machine.
  if (!timePattern.test(text)) return new Date(NaN);
  const day = text.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  // The 30th of February would be read as the 2nd of March.
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day))
    throw new ExportError('INVALID_OPTIONS', `--since: ${day} is not a day of the calendar.`);
  return new Date(text);
}

function optionsFrom(values: Arguments, environment: Environment): ExportOptions {
  const { url, out, kinds, filter, since, follow, gzip } = values;
  if (url === undefined) throw new ExportError('INVALID_OPTIONS', '--url: is required.');
  if (out === undefined) throw new ExportError('INVALID_OPTIONS', '--out: is required.');
  const token = tokenOf(values, environment);
  return {
    url,
    directory: out,
    follow,
    gzip,
    ...(token !== undefined && { token }),
    ...(kinds !== undefined && { kinds: parseKinds(kinds.split(',')) }),
    ...(filter !== undefined && { filter: parseFilter(parseJsonOption(filter)) }),
    ...(since !== undefined && { since: parseSince(since) }),
  };
}

const countsOf = (lines: ExportProgress['lines']): string =>
  exportKinds
    .filter((kind) => lines[kind] > 0)
    .map((kind) => `${lines[kind]} ${kind}`)
    .join(', ');

function formatDuration(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function formatProgress(progress: ExportProgress): string {
  const { phase, lines, calls, callsPerMinute, remainingMs, skippedChats } = progress;
  const rest = remainingMs === null ? [] : [`about ${formatDuration(remainingMs)} left`];
  const following = phase === 'follow' ? ['following'] : [];
  const [first, ...others] = skippedChats;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  const skipped = first === undefined ? [] : [`skipped chat ${first}${more}`];
  return [
    countsOf(lines),
    `${calls} calls`,
    `${Math.round(callsPerMinute)}/min`,
    ...rest,
    ...skipped,
    ...following,
  ].join(' · ');
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Stops the export at the first signal. Ignores further ones while it stops: `npx` sends a signal again that the terminal has sent to both.
 * When the export has ended, a signal ends the process, which a connection may keep alive.
 */
function stopAtSignal() {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let hasEnded = false;
  const stop = (_signal: NodeJS.Signals, number: number) => {
    if (hasEnded) process.exit();
    exitCode ??= 128 + number;
    controller.abort();
  };
  for (const signal of stopSignals) process.on(signal, stop);
  return {
    signal: controller.signal,
    exitCode: () => exitCode ?? exportExitCodes.INTERRUPTED,
    end: () => {
      hasEnded = true;
    },
  };
}

const summaryOf = ({ lines, calls }: ExportSummary, directory: string): string =>
  `Exported to ${directory}: ${countsOf(lines) || 'nothing'}; ${calls} calls to HelpCrunch.\n`;

/** Runs the command and returns its exit code. */
export async function runExport(
  args: readonly string[],
  { print, printError }: OutputStreams,
  environment: Environment = environmentVariables(),
): Promise<number> {
  const values = readArguments(args);
  if (values.help) {
    print(help);
    return 0;
  }
  const stopping = stopAtSignal();
  const { stderr } = process;
  const showsProgress = stderr.isTTY && !values.quiet;
  const clearLine = () => showsProgress && stderr.write('\r\u001b[K');
  try {
    const exportOptions = optionsFrom(values, environment);
    const summary = await exportData({
      ...exportOptions,
      signal: stopping.signal,
      onProgress: (progress) => clearLine() && stderr.write(formatProgress(progress)),
    });
    clearLine();
    if (!values.quiet) print(summaryOf(summary, exportOptions.directory));
    return 0;
  } catch (error) {
    clearLine();
    if (!(error instanceof ExportError)) throw error;
    printError(`${error.message}\n`);
    return error.code === 'INTERRUPTED' ? stopping.exitCode() : exportExitCodes[error.code];
  } finally {
    stopping.end();
  }
}
