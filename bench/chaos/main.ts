// Lets things go wrong under load in a random order, and compares the alerts that fire during each fault with those that should.
// Fails also if operations fail that must not, or HelpCrunch rejects a call.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRandom } from '../../src/simulator/random.ts';
import type { Period } from './alerts.ts';
import { findFiredAlerts } from './alerts.ts';
import { faults } from './faults.ts';
import type { ChaosFault } from './faults.ts';
import type { Counts } from './load.ts';
import { ClientLoad } from './load.ts';
import { Recorder } from './recorder.ts';
import type { World } from './world.ts';
import { startWorld, webhookSecret } from './world.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    /** A regular expression that selects faults by name. */
    only: { type: 'string' },
  },
});
const say = (text: string) => process.stdout.write(`${text}\n`);
const scrapeMs = 1_000;
const calmSeconds = 12;

const random = createRandom(Number(values.seed), 29);

function shuffled(all: readonly ChaosFault[]): readonly ChaosFault[] {
  const rest = [...all];
  return all.flatMap(() => rest.splice(random.integer(0, rest.length - 1), 1));
}

const wait = (seconds: number, signal: AbortSignal) =>
  sleep(seconds * 1_000, undefined, { signal }).catch(() => undefined);

/** Scrapes at even times, also while an instance does not respond. */
async function record(recorder: Recorder, { instances }: World, signal: AbortSignal) {
  const startedAt = performance.now();
  while (!signal.aborted) {
    await recorder.scrape(instances);
    const nextAt = startedAt + recorder.scrapes * scrapeMs;
    await wait(Math.max(0, nextAt - performance.now()) / 1_000, signal);
  }
}

interface Injected {
  readonly name: string;
  readonly expected: readonly string[];
  readonly mayFail: boolean;
  readonly counts: Counts;
  readonly period: Period;
}

/** Injects the faults one after the other, with a calm time before the first and after each. */
async function injectFaults(
  world: World,
  { load, recorder, signal }: { load: ClientLoad; recorder: Recorder; signal: AbortSignal },
): Promise<readonly Injected[]> {
  const chosen = shuffled(faults.filter(({ name }) => new RegExp(values.only ?? '').test(name)));
  const spare = Number(values.minutes) * 60 - calmSeconds * (chosen.length + 1);
  const least = chosen.reduce((sum, { minSeconds }) => sum + minSeconds, 0);
  const stretch = Math.max(1, spare / least);
  const injected: Injected[] = [];
  for (const fault of [undefined, ...chosen]) {
    const minSeconds = fault?.minSeconds ?? 0;
    const seconds = minSeconds * (1 + (stretch - 1) * (0.5 + random.next() / 2));
    const [before, from] = [load.counts(), injected.at(-1)?.period.to ?? 0];
    await fault?.start(world);
    await wait(seconds, signal);
    await fault?.end?.(world);
    await wait(calmSeconds, signal);
    injected.push({
      name: fault === undefined ? 'no fault' : `${fault.name}, ${seconds.toFixed(0)} s`,
      expected: fault?.alerts ?? [],
      mayFail: fault?.mayFail === true,
      counts: load.since(before),
      period: { from, to: recorder.scrapes - 1 },
    });
  }
  return injected;
}

const listed = (names: readonly string[]) => names.join(', ') || 'none';

/** Prints what was found, and returns the number of problems. */
function report(injected: readonly Injected[], recorder: Recorder): number {
  const firedBy = findFiredAlerts(
    recorder,
    injected.map(({ period }) => period),
  );
  let problems = 0;
  for (const [index, { name, expected, mayFail, counts }] of injected.entries()) {
    const fired = firedBy[index] ?? [];
    const missing = expected.filter((alert) => !fired.includes(alert));
    const unexpected = fired.filter((alert) => !expected.includes(alert));
    problems += missing.length + unexpected.length + (mayFail ? 0 : counts.failed);
    say(
      `${name}: ${counts.sent} operations, ${counts.failed} failed (${listed(counts.codes)}); alerts: ${listed(fired)}; missing: ${listed(missing)}; false: ${listed(unexpected)}`,
    );
  }
  return problems;
}

const world = await startWorld();
const controller = new AbortController();
const recorder = new Recorder();
try {
  world.simulator.sendWebhooks({
    url: `${world.instances[0].url}/webhooks/helpcrunch`,
    secret: webhookSecret,
  });
  const load = new ClientLoad(world.instances, random);
  const { signal } = controller;
  const background = [record(recorder, world, signal), load.run(signal)];
  const injected = await injectFaults(world, { load, recorder, signal });
  controller.abort();
  await Promise.all(background);
  const throttled = world.simulator.calls.filter(({ status }) => status === 429).length;
  const problems = report(injected, recorder) + throttled;
  const { sent, failed } = load.counts();
  say(
    `seed ${values.seed}: ${recorder.scrapes} s, ${sent} operations, ${failed} failed, ${throttled} calls rejected with 429`,
  );
  process.exitCode = problems === 0 ? 0 : 1;
} finally {
  controller.abort();
  await world.dispose();
}
