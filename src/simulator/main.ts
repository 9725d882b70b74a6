import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';

import {
  startSimulator,
  type Behaviour,
  type SimulatorOptions,
  type WebhookTarget,
} from './simulator.ts';

const usage = `Usage: helpcrunch-graphql simulator [options], or npm run simulator -- [options]

Runs a simulated HelpCrunch account behind its REST API v1.

  --host <name>             where to listen (127.0.0.1)
  --port <number>           0 is any free port (4010)
  --key <text>              the API key it accepts (demo)
  --seed <number>           seed of the generated data (1)
  --rate-limit <number>     calls per minute; 0: unlimited (120)
  --times <format>          seconds, number or milliseconds (seconds)
  --latency-ms <number>     delay of every response (0)
  --retry-after             send Retry-After with a 429
  --limit-overflow <what>   clamp or reject a limit above 100 (clamp)
  --webhook-url <url>       where to send webhooks
  --webhook-secret <text>   the key that they are signed with
  --live                    customers write, agents answer, chats close
  --help                    print this help
`;

const flags = {
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '4010' },
  key: { type: 'string', default: 'demo' },
  seed: { type: 'string', default: '1' },
  'rate-limit': { type: 'string', default: '120' },
  times: { type: 'string', default: 'seconds' },
  'latency-ms': { type: 'string', default: '0' },
  'retry-after': { type: 'boolean', default: false },
  'limit-overflow': { type: 'string', default: 'clamp' },
  'webhook-url': { type: 'string', default: '' },
  'webhook-secret': { type: 'string', default: '' },
  live: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const timeFormats = ['seconds', 'number', 'milliseconds'] satisfies Behaviour['times'][];
const overflows = ['clamp', 'reject'] satisfies Behaviour['limitOverflow'][];

function numberFrom(flag: string, text: string, max = Number.MAX_SAFE_INTEGER): number {
  if (/^\d{1,15}$/.test(text) && Number(text) <= max) return Number(text);
  throw new Error(`--${flag} must be a whole number from 0 to ${max}, not "${text}".`);
}

function choiceFrom<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw new Error(`--${flag} must be one of ${choices.join(', ')}, not "${text}".`);
}

interface Wishes {
  readonly options: SimulatorOptions;
  readonly target: WebhookTarget | undefined;
  readonly isLive: boolean;
}

/** Null if only the help text is requested. */
function readFlags(): Wishes | null {
  const { values } = parseArgs({ options: flags });
  if (values.help) return null;
  if (values.key === '') throw new Error('--key must not be empty.');
  const [url, secret] = [values['webhook-url'], values['webhook-secret']];
  if ((url === '') !== (secret === '')) {
    throw new Error('--webhook-url and --webhook-secret need each other.');
  }
  if (url !== '' && !URL.canParse(url)) throw new Error(`--webhook-url is no address: "${url}".`);
  const options = {
    host: values.host,
    port: numberFrom('port', values.port, 65_535),
    key: values.key,
    seed: numberFrom('seed', values.seed),
    rateLimit: numberFrom('rate-limit', values['rate-limit']),
    behaviour: {
      times: choiceFrom('times', values.times, timeFormats),
      latencyMs: numberFrom('latency-ms', values['latency-ms'], 600_000),
      limitOverflow: choiceFrom('limit-overflow', values['limit-overflow'], overflows),
      retryAfter: values['retry-after'],
    },
  };
  return { options, target: url === '' ? undefined : { url, secret }, isLive: values.live };
}

async function run(): Promise<void> {
  const wishes = readFlags();
  if (wishes === null) {
    process.stdout.write(usage);
    return;
  }
  const simulator = await startSimulator(wishes.options);
  if (wishes.target !== undefined) simulator.sendWebhooks(wishes.target);
  if (wishes.isLive) simulator.live();
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
  const [line] = String(error instanceof Error ? error.message : error).split('\n');
  process.stderr.write(`${line ?? 'It did not start.'}\n`);
  process.exitCode = 1;
}
