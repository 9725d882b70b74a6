import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import type { OutputStreams } from './checkConfig.ts';
import { setEnvironmentVariables } from '../config/settings.ts';
import { loadEnvironmentFile } from '../config/listSettings.ts';
import { paint } from '../lib/terminal.ts';
import { UsageError } from '../lib/usageError.ts';
import { version } from '../lib/version.ts';

const help = `A typed GraphQL API in front of the HelpCrunch REST API.

Usage: helpcrunch-graphql [command] [options]

  serve           serve the API (default)
  simulator       serve a simulated HelpCrunch account with HelpCrunch's REST API
  price           report the cost of GraphQL operations in upstream calls and response nodes
  export          export the data of an account through a gateway to files, and continue after interruptions
  mcp             serve tools for one AI agent over standard input and output (Model Context Protocol)
  schema          print the schema as SDL; --federation prints that of the subgraph, --json the introspection result
  check-config    print all settings and what is wrong with them; --connect also calls HelpCrunch

Options of serve and check-config; mcp and schema accept only --env-file:

  --host NAME       host name or address to listen on (HOST)
  --port NUMBER     port to listen on; 0 picks a free port (PORT)
  --env-file FILE   read settings from a file; environment variables take precedence

  --help, --version

simulator, price and export have options of their own: "helpcrunch-graphql export --help". All settings are
environment variables. Without HELPCRUNCH_API_KEY the gateway serves a simulated account.
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

/** Options take precedence over environment variables, and these over the file. */
function applySettingFlags({ host, port, 'env-file': file }: SettingFlags): void {
  if (file !== undefined) loadEnvironmentFile(file);
  setEnvironmentVariables({ HOST: host, PORT: port });
}

/** Reports invalid options as a `UsageError`. */
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
    // Its module reads the options from `process.argv`.
    process.argv.splice(2, process.argv.length, ...args);
    await import('../simulator/main.ts');
    return 0;
  },
  async price(args, streams) {
    const { runPrice } = await import('./price.ts');
    return runPrice(args, streams);
  },
  async schema(args, streams) {
    const options = {
      federation: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'env-file': { type: 'string' },
    } as const;
    const { federation, json, ...settings } = parseFlags(args, options);
    applySettingFlags(settings);
    const { runSchema } = await import('./schema.ts');
    return runSchema({ federation, json }, streams);
  },
  async export(args, streams) {
    const { runExport } = await import('./export.ts');
    return runExport(args, streams);
  },
  async mcp(args) {
    applySettingFlags(parseFlags(args, { 'env-file': { type: 'string' } } as const));
    const { runMcp } = await import('./mcp.ts');
    return runMcp();
  },
  async 'check-config'(args, streams) {
    const options = { ...settingFlags, connect: { type: 'boolean', default: false } } as const;
    const values = parseFlags(args, options);
    applySettingFlags(values);
    const { runCheckConfig } = await import('./checkConfig.ts');
    return runCheckConfig({ connects: values.connect }, streams);
  },
};

async function run(commandArguments: readonly string[], streams: OutputStreams): Promise<number> {
  const [first = 'serve', ...rest] = commandArguments;
  const [name, args] = first.startsWith('-') ? ['serve', commandArguments] : [first, rest];
  const hasOwnHelp = ['simulator', 'price', 'export'].includes(name);
  if (!hasOwnHelp && args.includes('--help')) {
    streams.print(help);
    return 0;
  }
  if (args.includes('--version')) {
    streams.print(`${version}\n`);
    return 0;
  }
  const command = commands[name];
  if (command === undefined) {
    throw new UsageError(
      `Unknown command "${name}". Commands: ${Object.keys(commands).join(', ')}.`,
    );
  }
  return command(args, streams);
}

/** Runs a command and returns its exit code. A command that serves continues after 0 is returned. */
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
      `${paint(process.stderr, 'red', reason)}\nRun "helpcrunch-graphql --help" for the commands and options.\n`,
    );
    return 1;
  }
}
