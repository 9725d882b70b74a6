import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { z } from 'zod';
import { runCheckConfig } from './checkConfig.ts';
import type { OutputStreams } from './checkConfig.ts';
import { setEnvironmentVariables } from '../config/settings.ts';
import { runPrice } from './price.ts';
import { loadEnvironmentFile } from '../config/listSettings.ts';
import { paint } from './terminal.ts';
import { UsageError } from '../lib/usageError.ts';

const help = `A typed GraphQL API in front of the HelpCrunch REST API.

Usage: helpcrunch-graphql [command] [options]

  serve           serves the API; this is what happens when no command is given
  simulator       serves a made-up HelpCrunch account, as its REST API does
  price           reports what GraphQL operations cost in upstream calls and response nodes
  check-config    tells what the settings are and what is wrong with them

Options of serve and check-config:

  --host NAME       where to listen (HOST)
  --port NUMBER     0 is any free port (PORT)
  --env-file FILE   reads settings from a file; what the environment says goes before it

  --help, --version

"helpcrunch-graphql simulator --help" and the like say more. All settings are environment variables, such as
HELPCRUNCH_API_KEY; without that one the gateway serves the made-up account.
`;

const settingFlags = {
  host: { type: 'string' },
  port: { type: 'string' },
  'env-file': { type: 'string' },
} as const;

interface SettingFlags {
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly 'env-file'?: string | undefined;
}

/** Flags are settings that are written on the command line, and go before all others. */
function applySettingFlags({ host, port, 'env-file': file }: SettingFlags): void {
  if (file !== undefined) loadEnvironmentFile(file);
  setEnvironmentVariables({ HOST: host, PORT: port });
}

/** Flags that cannot be meant are the reader's to put right. */
function parseFlags<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const hasMessage = typeof error === 'object' && error !== null && 'message' in error;
    throw new UsageError(hasMessage ? String(error.message) : String(error));
  }
}

type Command = (args: readonly string[], streams: OutputStreams) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  async serve(args) {
    applySettingFlags(parseFlags(args, settingFlags));
    await import('../main.ts');
    return 0;
  },
  async simulator(args) {
    // It finds its flags as if it had been started alone.
    process.argv.splice(2, process.argv.length, ...args);
    await import('../simulator/main.ts');
    return 0;
  },
  price: (args, streams) => Promise.resolve(runPrice(args, streams)),
  async 'check-config'(args, streams) {
    const options = { ...settingFlags, connect: { type: 'boolean', default: false } } as const;
    const values = parseFlags(args, options);
    applySettingFlags(values);
    return runCheckConfig({ connects: values.connect }, streams);
  },
};

const packageFile = new URL('../../package.json', import.meta.url);

const version = (): string =>
  z.object({ version: z.string() }).parse(JSON.parse(readFileSync(packageFile, 'utf8'))).version;

async function run(commandArguments: readonly string[], streams: OutputStreams): Promise<number> {
  const [first = 'serve', ...rest] = commandArguments;
  const [name, args] = first.startsWith('-') ? ['serve', commandArguments] : [first, rest];
  const hasOwnHelp = name === 'simulator' || name === 'price';
  if (!hasOwnHelp && args.includes('--help')) {
    streams.print(help);
    return 0;
  }
  if (args.includes('--version')) {
    streams.print(`${version()}\n`);
    return 0;
  }
  const command = commands[name];
  if (command === undefined) {
    throw new UsageError(
      `There is no command "${name}". There are ${Object.keys(commands).join(', ')}.`,
    );
  }
  return command(args, streams);
}

/** Does what a line of words says. A failure is the process's exit code; a success leaves it to whatever serves. */
export async function runCommandLine(
  args: readonly string[],
  streams: OutputStreams,
): Promise<number> {
  try {
    return await run(args, streams);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const [reason = ''] = error.message.split('\n');
    streams.printError(
      `${paint(process.stderr, 'red', reason)}\n"helpcrunch-graphql --help" shows what there is.\n`,
    );
    return 1;
  }
}
