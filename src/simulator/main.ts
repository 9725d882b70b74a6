import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';

import { listenErrorMessage } from '../lib/listenError.ts';
import { switches, webhookSwitches, type SwitchTable } from './behaviour.ts';
import { readSwitch } from './switches.ts';
import { startSimulator, type SimulatorOptions, type WebhookTarget } from './simulator.ts';

const optionsOf = (table: SwitchTable, prefix = '') =>
  Object.entries(table).map(([name, { values, about }]) => ({
    name,
    flag: prefix + name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    values,
    about,
  }));

const switchOptions = optionsOf(switches);
const webhookOptions = optionsOf(webhookSwitches, 'webhook-');

const describe = ({ flag, values, about }: (typeof switchOptions)[number]): string =>
  `  --${flag} <${values.join('|')}>\n                            ${about}\n`;

const usage = `Usage: helpcrunch-graphql simulator [options], or npm run simulator -- [options]

Runs a simulated HelpCrunch account behind its REST API v1.

  --host <name>             where to listen (127.0.0.1)
  --port <number>           0 is any free port (4010)
  --key <text>              the API key it accepts (demo)
  --seed <number>           seed of the generated data (1)
  --rate-limit <number>     calls per minute; 0: unlimited (120)
  --latency-ms <number>     delay of every response (0)
  --webhook-url <url>       where to send webhooks; "{event}" stands for the name of the event
  --webhook-secret <text>   the key that they are signed with
  --live                    customers write, agents answer, chats close
  --help                    print this help

Switches for behaviour of HelpCrunch that is unknown or differs between accounts, the default first. GET and PATCH
/simulator/behaviour, with the API key, read and change them at run time.

${[...switchOptions, ...webhookOptions].map(describe).join('')}`;

const flags = {
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '4010' },
  key: { type: 'string', default: 'demo' },
  seed: { type: 'string', default: '1' },
  'rate-limit': { type: 'string', default: '120' },
  'latency-ms': { type: 'string', default: '0' },
  'webhook-url': { type: 'string', default: '' },
  'webhook-secret': { type: 'string', default: '' },
  live: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function numberFrom(flag: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  if (/^\d{1,15}$/.test(text) && Number(text) <= max) return Number(text);
  throw new Error(`--${flag} must be a whole number from 0 to ${max}, not "${text}".`);
}

const switchFlags = Object.fromEntries(
  [...switchOptions, ...webhookOptions].map(({ flag }) => [flag, { type: 'string' as const }]),
);

/** The switches that are given. */
const switchesFrom = (
  values: Readonly<Record<string, unknown>>,
  options: typeof switchOptions,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    options.flatMap(({ name, flag, values: allowed }) => {
      const given = values[flag];
      return given === undefined ? [] : [[name, readSwitch(`--${flag}`, allowed, given)]];
    }),
  );

interface ParsedFlags {
  readonly options: SimulatorOptions;
  readonly target: WebhookTarget | undefined;
  readonly isLive: boolean;
}

/** Null if only the help text is requested. */
function readFlags(): ParsedFlags | null {
  const { values } = parseArgs({ options: { ...switchFlags, ...flags } });
  if (values.help) return null;
  if (values.key === '') throw new Error('--key must not be empty.');
  const [url, secret] = [values['webhook-url'], values['webhook-secret']];
  if ((url === '') !== (secret === '')) {
    throw new Error('--webhook-url and --webhook-secret need each other.');
  }
  if (url !== '' && !URL.canParse(url.replace('{event}', 'event')))
    throw new Error(`--webhook-url must be a URL, not "${url}".`);
  const options = {
    host: values.host,
    port: numberFrom('port', values.port, 65_535),
    key: values.key,
    seed: numberFrom('seed', values.seed),
    rateLimit: numberFrom('rate-limit', values['rate-limit']),
    behaviour: {
      ...switchesFrom(values, switchOptions),
      latencyMs: numberFrom('latency-ms', values['latency-ms'], 600_000),
      webhooks: switchesFrom(values, webhookOptions),
    },
  };
  return { options, target: url === '' ? undefined : { url, secret }, isLive: values.live };
}

async function run(): Promise<void> {
  const parsed = readFlags();
  if (parsed === null) {
    process.stdout.write(usage);
    return;
  }
  const simulator = await startSimulator(parsed.options);
  if (parsed.target !== undefined) simulator.sendWebhooks(parsed.target);
  if (parsed.isLive) simulator.live();
  const { agents, departments, applications, customers, chats } = simulator.holds;
  process.stdout.write(
    `Simulated HelpCrunch at ${simulator.url}, key "${simulator.key}"\n` +
      `${chats} chats of ${customers} customers, ${agents} agents in ${departments} departments, ` +
      `${applications} applications\n`,
  );
  const stop = (): void => void simulator.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

// Responses are short-lived: a young generation of fixed size keeps a busy process below 100 MB.
setFlagsFromString('--semi-space-growth-factor=1');

try {
  await run();
} catch (error) {
  const listenError = listenErrorMessage(error, { host: '--host', port: '--port' });
  const [line] = (listenError ?? String(error instanceof Error ? error.message : error)).split(
    '\n',
  );
  process.stderr.write(`${line ?? 'It did not start.'}\n`);
  process.exitCode = 1;
}
