import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';

import { startSimulator, type Behaviour, type SimulatorOptions } from './simulator.ts';

const usage = `Usage: npm run simulator -- [flags]

Runs a made-up HelpCrunch account behind its REST API v1.

  --host <name>             where to listen (127.0.0.1)
  --port <number>           0 is any free port (4010)
  --key <text>              the API key it accepts (demo)
  --seed <number>           another seed, another account (1)
  --rate-limit <number>     calls a minute; 0 is no limit (120)
  --times <format>          seconds, number or milliseconds (seconds)
  --latency-ms <number>     how long every answer takes (0)
  --retry-after             send Retry-After with a 429
  --limit-overflow <what>   clamp or reject a limit above 100 (clamp)
  --help                    show this
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

/** Null when only help was asked for. */
function readFlags(): SimulatorOptions | null {
  const { values } = parseArgs({ options: flags });
  if (values.help) return null;
  if (values.key === '') throw new Error('--key must not be empty.');
  return {
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
}

async function run(): Promise<void> {
  const options = readFlags();
  if (options === null) {
    process.stdout.write(usage);
    return;
  }
  const simulator = await startSimulator(options);
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

// Answers are garbage at once: a nursery that does not grow keeps a busy process under 100 MB.
setFlagsFromString('--semi-space-growth-factor=1');

try {
  await run();
} catch (error) {
  const [line] = String(error instanceof Error ? error.message : error).split('\n');
  process.stderr.write(`${line ?? 'It did not start.'}\n`);
  process.exitCode = 1;
}
