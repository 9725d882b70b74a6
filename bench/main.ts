import { runRateLimit } from './rateLimit.ts';
import { runRedisRateLimit } from './redisRateLimit.ts';
import { runCalls } from './calls.ts';
import { runCpu } from './cpu/run.ts';
import { runEventLog } from './eventLog.ts';
import { runGrowth } from './growth.ts';
import { runMemory } from './memory.ts';
import { measureOperationCache } from './operationCache.ts';
import { runResume } from './resume.ts';
import { runReferences } from './references.ts';
import { runTransports } from './transports.ts';
import { runSubscribers } from './subscribers.ts';
import { runWire } from './wire.ts';
import type { BenchOptions } from './options.ts';

/** A benchmark prints what it measured; false when a promise is not kept. */
type Benchmark = (wish: BenchOptions) => Promise<boolean>;

const benchmarks: Readonly<Record<string, Benchmark>> = {
  calls: runCalls,
  subscribers: runSubscribers,
  budget: runRateLimit,
  'budget-shared': runRedisRateLimit,
  references: runReferences,
  resume: runResume,
  cpu: runCpu,
  'event-log': runEventLog,
  growth: runGrowth,
  memory: runMemory,
  operations: measureOperationCache,
  transports: runTransports,
  wire: runWire,
};

/** They take three minutes and more whatever the machine. */
const onlyByName: ReadonlySet<string> = new Set(['budget-shared', 'memory', 'resume']);

const words = process.argv.slice(2);
const isWritten = words.includes('--write');
const names = words.filter((word) => word !== '--write');
const unknown = names.filter((name) => !Object.hasOwn(benchmarks, name));

if (unknown.length > 0) {
  process.stderr.write(
    `There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}.\n`,
  );
  process.exitCode = 2;
} else {
  for (const [name, run] of Object.entries(benchmarks)) {
    const isWanted = names.length > 0 ? names.includes(name) : !onlyByName.has(name);
    if (isWanted && !(await run({ writesDocs: isWritten }))) process.exitCode = 1;
  }
}
