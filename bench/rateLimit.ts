import type { SimulatorCall } from '../src/simulator/simulator.ts';
import { startSimulator } from '../src/simulator/simulator.ts';
import { createManualClock } from '../test/support/manualClock.ts';
import type { Answer, Contestant } from './contenders/contender.ts';
import { answerTo } from './contenders/contender.ts';
import { gateway } from './contenders/gateway.ts';
import { stockApollo, stockApolloWithDataLoader } from './contenders/stockApollo.ts';
import { createMix } from './mix.ts';
import type { Request } from './request.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';

const rateLimit = 120;
const minutes = 5;
/** Operations, and each costs at least one call when nothing is known. */
const perMinute = 5 * rateLimit;
const latencyMs = 100;
const stepMs = 60_000 / perMinute;
/** Longer than any operation may take. */
const tailMs = 15_000;
const mixSeed = 1;

interface Score {
  asked: number;
  /** Without any error. */
  answered: number;
  /** Of these, with something that is older than it would be without the rate limit. */
  old: number;
  /** Operations with an error because of the rate limit. */
  limited: number;
  failed: number;
  writes: number;
  writesAnswered: number;
  worstWriteMs: number;
  worstReadMs: number;
  calls: number;
  /** Calls that HelpCrunch rejected. */
  refused: number;
}

const createScore = (): Score => ({
  asked: 0,
  answered: 0,
  old: 0,
  limited: 0,
  failed: 0,
  writes: 0,
  writesAnswered: 0,
  worstWriteMs: 0,
  worstReadMs: 0,
  calls: 0,
  refused: 0,
});

const isLimited = ({ errors }: Answer): boolean =>
  /RATE_LIMITED|429|Too many requests/i.test(JSON.stringify(errors ?? []));

const isOld = ({ extensions }: Answer): boolean =>
  JSON.stringify(extensions ?? {}).includes('"stale"');

interface CompletedCall {
  readonly isWrite: boolean;
  readonly answer: Answer;
  readonly tookMs: number;
}

function note(score: Score, { isWrite, answer, tookMs }: CompletedCall): void {
  if (answer.errors !== undefined) {
    if (isLimited(answer)) score.limited += 1;
    else score.failed += 1;
    return;
  }
  score.answered += 1;
  if (isOld(answer)) score.old += 1;
  if (isWrite) {
    score.writesAnswered += 1;
    score.worstWriteMs = Math.max(score.worstWriteMs, tookMs);
  } else {
    score.worstReadMs = Math.max(score.worstReadMs, tookMs);
  }
}

/** Everything that can happen while the clock stands has happened when nothing has for this many turns of the event loop. */
const quietTurns = 20;

async function play({ serve }: Contestant, requests: readonly Request[]): Promise<Score> {
  const score = createScore();
  const clock = createManualClock();
  let events = 0;
  const onCall = ({ status }: SimulatorCall) => {
    events += 1;
    if (status === 429) score.refused += 1;
    else score.calls += 1;
  };
  const helpCrunch = await startSimulator({ rateLimit, clock, onCall, behaviour: { latencyMs } });
  const server = await serve(helpCrunch, clock, rateLimit);
  const running = new Set<Promise<void>>();

  async function ask(request: Request): Promise<void> {
    const askedAt = clock.now();
    score.asked += 1;
    if (request.isWrite) score.writes += 1;
    const answer = await answerTo(server.url, request);
    events += 1;
    note(score, { isWrite: request.isWrite, answer, tookMs: clock.now() - askedAt });
  }

  async function pass(): Promise<void> {
    for (let quiet = 0, seen = events; quiet < quietTurns; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (events !== seen) {
        seen = events;
        quiet = 0;
      }
    }
    clock.advance(stepMs);
  }

  for (const request of requests) {
    const asking = ask(request);
    running.add(asking);
    void asking.finally(() => running.delete(asking));
    await pass();
  }
  for (let passed = 0; passed < tailMs && running.size > 0; passed += stepMs) await pass();
  await Promise.all(running);
  await server.stop();
  await helpCrunch.close();
  return score;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const rows: readonly (readonly [string, (score: Score) => Cell])[] = [
  ['operations asked', ({ asked }) => asked],
  ['answered without an error', ({ answered }) => answered],
  ['  of these with something older, and marked so', ({ old }) => old],
  ['refused because of the limit', ({ limited }) => limited],
  ['failed otherwise', ({ failed }) => failed],
  ['mutations asked', ({ writes }) => writes],
  ['mutations answered', ({ writesAnswered }) => writesAnswered],
  ['longest wait of a mutation that was answered', ({ worstWriteMs }) => seconds(worstWriteMs)],
  ['longest wait of a read that was answered', ({ worstReadMs }) => seconds(worstReadMs)],
  ['calls that HelpCrunch accepted', ({ calls }) => calls],
  ['calls that HelpCrunch rejected with 429', ({ refused }) => refused],
];

function problemsOf(ours: Score, others: readonly Score[]): string[] {
  const best = Math.max(...others.map(({ answered }) => answered));
  return [
    ...(ours.refused === 0 ? [] : ['Alone on the key, the gateway was refused calls.']),
    ...(ours.writesAnswered >= 290 ? [] : ['Fewer than 290 mutations were answered.']),
    ...(ours.worstWriteMs <= 3_000 ? [] : ['A mutation waited longer than 3 s.']),
    ...(ours.answered >= 1_793 ? [] : ['Fewer than 1,793 operations were answered.']),
    ...(ours.answered > best ? [] : ['The gateway answered no more than the others.']),
  ];
}

/** Five minutes of more than the account can bear, on a clock of its own. False: a promise is not kept. */
export async function runRateLimit(): Promise<boolean> {
  const contestants = [gateway, stockApollo, stockApolloWithDataLoader];
  // There is no cursor to continue from, so a continuation reads the first page.
  const mix = createMix(mixSeed).map(({ follows, ...request }) => follows ?? request);
  const requests = Array.from(
    { length: minutes * perMinute },
    (_, index) => mix[index % mix.length],
  ).flatMap((request) => (request === undefined ? [] : [request]));
  const scores: Score[] = [];
  for (const contestant of contestants) scores.push(await play(contestant, requests));
  process.stdout.write(
    `${minutes} minutes of ${perMinute} operations per minute; HelpCrunch accepts ${rateLimit} calls per minute and responds in ${latencyMs} ms\n\n`,
  );
  const head = ['', ...contestants.map(({ name }) => name)];
  const table = rows.map(([title, cellOf]) => [title, ...scores.map(cellOf)]);
  process.stdout.write(`${formatTable(head, table)}\n`);
  const [ours = createScore(), ...others] = scores;
  const ratios = others.map(({ answered }) => (ours.answered / Math.max(1, answered)).toFixed(1));
  process.stdout.write(`Answers, ours to theirs: ${ratios.join(' and ')}\n`);
  const problems = problemsOf(ours, others);
  if (problems.length > 0) {
    process.stdout.write(`${['Not as promised:', ...problems].join('\n  ')}\n`);
  }
  return problems.length === 0;
}
