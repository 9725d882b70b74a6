import { createRandom } from '../../src/simulator/random.ts';
import { Draws, shrink } from './draws.ts';
import { entryPoints } from './entryPoints.ts';
import type { Lab } from './lab.ts';
import { startLab } from './lab.ts';
import type { Fault } from './oracle.ts';
import { faultsOfLog, longestBlockMs, maxHeapGrowthBytes, maxRssGrowthBytes } from './oracle.ts';
import type { EntryPoint, Session } from './session.ts';
import type { Reading, Target, TargetName } from './targets.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** How long in total. Without it each entry point runs `batches`. */
  readonly seconds?: number;
  readonly batches?: number;
  /** How long a fault is reduced; by default ten seconds. */
  readonly reduceSeconds?: number;
  /** The names of entry points; all of them when empty. */
  readonly only?: readonly string[];
  /** Receives lines for people, as things happen. */
  readonly report?: (line: string) => void;
}

export interface FoundFault {
  readonly entryPoint: string;
  readonly target: TargetName;
  readonly fault: Fault;
  /** The fewest and simplest cases that still show it. */
  readonly reproduction: string;
  /** Whether it showed again when it was repeated. */
  readonly isRepeatable: boolean;
  readonly afterSeconds: number;
}

export interface EntryPointSummary {
  readonly name: string;
  readonly cases: number;
  readonly longestBlockMs: number;
  readonly heapGrowthBytes: number;
}

export interface FuzzResult {
  readonly faults: readonly FoundFault[];
  readonly summaries: readonly EntryPointSummary[];
  /** The entry points that this machine cannot run, with the reason. */
  readonly skipped: readonly string[];
}

/** The draws of each case of a batch. */
type Batch = readonly (readonly number[])[];

interface Outcome {
  readonly inputs: readonly unknown[];
  readonly faults: ReadonlySet<Fault>;
  /** What the last error in the log says. */
  readonly logged: string;
}

const blockFault = `a callback of the event loop longer than ${longestBlockMs} ms`;
const timingFaults: ReadonlySet<Fault> = new Set([
  blockFault,
  'a response slower than the deadline',
  'the gateway does not answer',
]);

/** The time with the starts of new gateways, as a multiple of that of the cases alone. */
const startsFactor = 4;

const hash = (text: string): number =>
  Buffer.from(text).reduce((sum, byte) => (sum * 31 + byte) | 0, 7);

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { seed, report = () => undefined, only = [] } = options;
  const unknown = only.filter((name) =>
    entryPoints.every((entryPoint) => entryPoint.name !== name),
  );
  if (unknown.length > 0) throw new Error(`There is no entry point ${unknown.join(', ')}.`);
  await using lab = await startLab();
  const wanted = entryPoints.filter(({ name }) => only.length === 0 || only.includes(name));
  const [skipped, runnable] = [
    wanted.filter(({ needsRedis }) => needsRedis === true && !lab.hasRedis),
    wanted.filter(({ needsRedis }) => needsRedis !== true || lab.hasRedis),
  ];
  // The time is that of the cases.
  await Promise.all([...new Set(runnable.flatMap(({ targets }) => targets))].map(lab.ready));
  const startMs = performance.now();
  const summaries: EntryPointSummary[] = [];
  const faults: FoundFault[] = [];
  const shares = runnable.reduce((sum, { share = 1 }) => sum + share, 0);
  for (const entryPoint of runnable) {
    const slice = new Slice({
      lab,
      entryPoint,
      seed,
      startMs,
      report,
      searchMs:
        options.seconds === undefined
          ? undefined
          : (options.seconds * 1_000 * (entryPoint.share ?? 1)) / shares,
      batches: options.batches ?? 1,
      reduceMs: (options.reduceSeconds ?? 10) * 1_000,
    });
    summaries.push(await slice.run());
    faults.push(...slice.found);
  }
  return {
    faults,
    summaries,
    skipped: skipped.map(({ name }) => `${name}: needs redis-server`),
  };
}

interface SliceOptions {
  readonly lab: Lab;
  readonly entryPoint: EntryPoint<any>;
  readonly seed: number;
  readonly startMs: number;
  /** How long the search takes, without the reproduction of what it finds. */
  readonly searchMs: number | undefined;
  readonly batches: number;
  readonly reduceMs: number;
  readonly report: (line: string) => void;
}

/** The turn of one entry point: batches in all its configurations, and the reproduction of what they find. */
class Slice {
  readonly found: FoundFault[] = [];
  readonly #options: SliceOptions;
  readonly #known = new Set<string>();
  /** The first reading after the warm-up of each gateway that is still alive. */
  readonly #baselines = new Map<Target, Reading>();
  #cases = 0;
  #reproducedMs = 0;
  #longestBlockMs = 0;
  #heapGrowthBytes = 0;

  constructor(options: SliceOptions) {
    this.#options = options;
  }

  async run(): Promise<EntryPointSummary> {
    const { entryPoint, batches, searchMs, report } = this.#options;
    const beginMs = performance.now();
    const searchedMs = () => performance.now() - beginMs - this.#reproducedMs;
    const isLeft = (index: number) =>
      searchMs === undefined
        ? index < batches * entryPoint.targets.length
        : searchedMs() < searchMs;
    for (let index = 0; isLeft(index); index += 1) {
      const target = entryPoint.targets[index % entryPoint.targets.length]!;
      await this.#runBatch(target, index);
      // The first third fills what is bounded: caches, parsed documents, compiled code.
      if (searchMs !== undefined && searchedMs() > searchMs / 3) await this.#baseline(target);
    }
    if (searchMs !== undefined) await this.#checkMemory();
    const { name } = entryPoint;
    report(
      `${name}: ${this.#cases} cases, ${this.found.length} faults, longest callback ${this.#longestBlockMs.toFixed(0)} ms, heap growth ${(this.#heapGrowthBytes / 1_048_576).toFixed(1)} MB`,
    );
    return {
      name,
      cases: this.#cases,
      longestBlockMs: this.#longestBlockMs,
      heapGrowthBytes: this.#heapGrowthBytes,
    };
  }

  async #runBatch(target: TargetName, index: number): Promise<void> {
    const { entryPoint, lab, seed } = this.#options;
    const { facts } = await lab.ready(target);
    const batch = Array.from({ length: entryPoint.batchSize }, (_, number) => {
      const source = createRandom(seed, hash(entryPoint.name), index, number);
      const draws = new Draws([], () => source.next());
      entryPoint.generate(draws, facts);
      return draws.taken;
    });
    this.#cases += batch.length;
    const outcome = await this.#runCases(target, batch);
    for (const fault of outcome.faults) {
      if (this.#known.has(fault)) continue;
      const beginMs = performance.now();
      await this.#reproduce(target, { ...outcome, batch }, fault);
      this.#reproducedMs += performance.now() - beginMs;
    }
  }

  /** Runs the batch, and gives every fault that is seen from outside, in the log, in the event loop or in the process. */
  async #runCases(name: TargetName, batch: Batch): Promise<Outcome> {
    const { lab, entryPoint } = this.#options;
    const session = await lab.ready(name);
    const inputs = batch.map((draws) => entryPoint.generate(new Draws(draws), session.facts));
    const faults = new Set(await entryPoint.run(inputs, session));
    const logged = await this.#judge(session, faults, batch.length);
    return { inputs, faults, logged };
  }

  /** Adds what the process and its log show; gives what the last error in the log says. */
  async #judge({ target, secrets }: Session, faults: Set<Fault>, cases: number): Promise<string> {
    const reading = await target.read();
    if (target.isDraining()) return '';
    const isStuck = reading === undefined && target.isAlive();
    const lines = target.takeLog();
    const log = faultsOfLog(lines, cases);
    for (const fault of secrets.faultsOf(lines.join('\n'), 'the log')) faults.add(fault);
    if (!target.isAlive()) {
      // What the last line says is the reason, and no fault of its own.
      faults.add(`the process exits: ${log.lastError}`);
      return log.lastError;
    }
    // A fault in the response is logged as well.
    const isInResponse = [...faults].some((fault) => /^(code INTERNAL|status 5)/.test(fault));
    for (const fault of log.faults) {
      if (!isInResponse || !fault.startsWith('an error in the log')) faults.add(fault);
    }
    if (isStuck) faults.add('the gateway does not answer');
    if (reading?.isPolluted === true) faults.add('a polluted prototype');
    if (isStuck || reading?.isPolluted === true) await this.#options.lab.discard(target.name);
    const blockMs = reading?.longestBlockMs ?? 0;
    this.#longestBlockMs = Math.max(this.#longestBlockMs, blockMs);
    if (blockMs > longestBlockMs) faults.add(blockFault);
    return log.lastError;
  }

  /** Removes what the fault does not need: cases first, then choices within them. */
  async #reproduce(target: TargetName, first: Outcome & { readonly batch: Batch }, fault: Fault) {
    const { entryPoint, lab, report, startMs, reduceMs } = this.#options;
    const afterSeconds = (performance.now() - startMs) / 1_000;
    this.#known.add(fault);
    const beginMs = performance.now();
    let spentMs = 0;
    let shown: Outcome = first;
    const shows = async (candidate: Batch): Promise<boolean> => {
      if (spentMs > reduceMs || performance.now() - beginMs > startsFactor * reduceMs) {
        return false;
      }
      await lab.ready(target);
      const caseBeginMs = performance.now();
      const outcome = await this.#runCases(target, candidate);
      spentMs += performance.now() - caseBeginMs;
      if (!outcome.faults.has(fault)) return false;
      shown = outcome;
      return true;
    };
    const isRepeatable = await shows(first.batch);
    // A busy machine looks like a slow gateway, but not twice.
    if (!isRepeatable && timingFaults.has(fault)) {
      this.#known.delete(fault);
      report(`${entryPoint.name}: ${fault}, once, not when repeated`);
      return;
    }
    for (const draws of first.batch) {
      if (!(await shows([draws]))) continue;
      await shrink(draws, (candidate) => shows([candidate]));
      break;
    }
    const described = shown.inputs.map((input) => entryPoint.describe(input));
    const found: FoundFault = {
      entryPoint: entryPoint.name,
      target,
      fault,
      reproduction: [...described, ...(shown.logged === '' ? [] : [`log: ${shown.logged}`])].join(
        '\n  ',
      ),
      isRepeatable: isRepeatable || shown !== first,
      afterSeconds,
    };
    this.found.push(found);
    report(describeFault(found));
  }

  async #baseline(name: TargetName): Promise<void> {
    const { target } = await this.#options.lab.ready(name);
    if (this.#baselines.has(target)) return;
    const reading = await target.collect();
    if (reading !== undefined) this.#baselines.set(target, reading);
  }

  async #checkMemory(): Promise<void> {
    const { entryPoint, report } = this.#options;
    for (const [target, before] of this.#baselines) {
      const after = target.isAlive() ? await target.collect() : undefined;
      if (after === undefined) continue;
      const heapGrowth = after.heapBytes - before.heapBytes;
      const rssGrowth = after.rssBytes - before.rssBytes;
      this.#heapGrowthBytes = Math.max(this.#heapGrowthBytes, heapGrowth);
      if (heapGrowth <= maxHeapGrowthBytes && rssGrowth <= maxRssGrowthBytes) continue;
      const found: FoundFault = {
        entryPoint: entryPoint.name,
        target: target.name,
        fault: 'memory that grows',
        reproduction: `heap ${before.heapBytes} then ${after.heapBytes} bytes, rss ${before.rssBytes} then ${after.rssBytes} bytes`,
        isRepeatable: false,
        afterSeconds: (performance.now() - this.#options.startMs) / 1_000,
      };
      this.found.push(found);
      report(describeFault(found));
    }
  }
}

export const describeFault = (found: FoundFault): string =>
  `FAULT ${found.entryPoint} (${found.target}, after ${found.afterSeconds.toFixed(1)} s${found.isRepeatable ? '' : ', not shown again'}): ${found.fault}\n  ${found.reproduction}`;
