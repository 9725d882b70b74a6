import { gateway } from './contenders/gateway.ts';
import { stockApollo, stockApolloWithDataLoader } from './contenders/stockApollo.ts';
import type { Calls, Contest, Cost, Differences } from './contest.ts';
import { createContests, sum } from './contest.ts';
import { createMix, firstOfEach } from './mix.ts';
import type { Request } from './request.ts';
import { requestKey } from './request.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';

/** Ours comes first: the others' answers are held against its, and its calls against theirs. */
const contestants = [gateway, stockApollo, stockApolloWithDataLoader];
const names = contestants.map(({ name }) => name);

const mixSeed = 1;
const crowdSize = 100;
const hourMs = 3_600_000;
/** Four operations a second: all clients together, in a busy hour. */
const paceMs = 250;

type StartContest = (latencyMs?: number) => Promise<Contest>;

/** What a call to a REST API over the internet takes. */
const latencyMs = 100;

async function withContest<Result>(
  start: StartContest,
  run: (contest: Contest) => Promise<Result>,
): Promise<Result> {
  const contest = await start();
  try {
    return await run(contest);
  } finally {
    await contest.stop();
  }
}

const total = ({ reads, writes }: Cost): Calls => sum([reads, writes]);

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function printEach(start: StartContest, mix: readonly Request[]): Promise<void> {
  const rows: Cell[][] = [];
  for (const { request, share } of firstOfEach(mix)) {
    const cells = await withContest(start, async (contest) => {
      const cold = await contest.ask(request);
      const warm = await contest.ask(request);
      return cold.flatMap((calls, index) => [calls, warm[index] ?? 0]);
    });
    rows.push([request.name, share, ...cells]);
  }
  print('Calls to HelpCrunch for one operation, from empty caches (cold) and once more (warm)\n');
  print(
    formatTable(
      ['operation', 'in the mix', ...names.flatMap((name) => [`${name}: cold`, 'warm'])],
      rows,
    ),
  );
}

function ratioOf(calls: number, ours: number): string {
  if (ours > 0) return `${(calls / ours).toFixed(1)}x`;
  return calls === 0 ? '' : '∞';
}

const row = (title: string, [ours = 0, ...others]: Calls): Cell[] => [
  title,
  ours,
  ...others.flatMap((calls) => [calls, ratioOf(calls, ours)]),
];

async function measureMix(start: StartContest, mix: readonly Request[]) {
  const reads = mix.filter(({ isWrite }) => !isWrite);
  const [inbox] = reads.filter(({ name }) => name === 'inboxPage');
  return {
    atOnce: await withContest(start, async (contest) => ({
      cold: total(await contest.askInTurn(mix)),
      again: total(await contest.askInTurn(mix)),
    })),
    together: await withContest(
      () => start(latencyMs),
      (contest) => contest.askTogether(mix),
    ),
    // What a write has changed may have to be read again, so the promise is about reads among themselves.
    warm: await withContest(start, async (contest) => {
      await contest.askInTurn(reads);
      return total(await contest.askInTurn(reads));
    }),
    paced: await withContest(start, async (contest) => total(await contest.askInTurn(mix, paceMs))),
    apart: await withContest(start, async (contest) => total(await contest.askInTurn(mix, hourMs))),
    crowd: await withContest(start, (contest) =>
      inbox === undefined ? Promise.resolve([]) : contest.ask(inbox, crowdSize),
    ),
    readCount: reads.length,
  };
}

type Measured = Awaited<ReturnType<typeof measureMix>>;

function printMix(mix: readonly Request[], measured: Measured): void {
  const { atOnce, together, warm, paced, apart, crowd, readCount } = measured;
  const distinct = new Set(mix.map(requestKey)).size;
  const [first = '', ...others] = names;
  print(`The mix: ${mix.length} operations, ${distinct} of them different\n`);
  print(
    formatTable(
      ['calls to HelpCrunch', first, ...others.flatMap((name) => [name, 'ratio'])],
      [
        row(
          `cold: the mix from empty caches, by ${mix.length} clients at once, a call taking ${latencyMs} ms`,
          together,
        ),
        row('cold: the same one after the other, no time between', atOnce.cold),
        row(`the same ${mix.length} again, writes included`, atOnce.again),
        row(`warm: its ${readCount} reads, once they have been read`, warm),
        row(`the mix from empty caches, one every ${paceMs} ms`, paced),
        row('the mix, an hour between any two, so nothing is fresh', apart),
        row(`the inbox ${crowdSize} times at the same moment, from empty caches`, crowd),
      ],
    ),
  );
}

function problemsOf({ warm }: Measured, differences: Differences): readonly string[] {
  return [
    ...(warm[0] === 0 ? [] : ['Warm, the gateway still calls.']),
    ...Array.from(differences, ([text, times]) => `${text} (${times} times)`),
  ];
}

/** Counts the HelpCrunch calls of real operations, here and with stock Apollo Server. Returns false when responses differ or a warm read causes a call. */
export async function runCalls(): Promise<boolean> {
  const differences: Differences = new Map();
  const mix = createMix(mixSeed);
  const start = await createContests({ contestants, differences }, mix);
  await printEach(start, mix);
  const measured = await measureMix(start, mix);
  printMix(mix, measured);
  const problems = problemsOf(measured, differences);
  print(
    problems.length === 0
      ? 'Good: equal answers, and no calls for what has been read.'
      : ['Not as promised:', ...problems].join('\n  '),
  );
  return problems.length === 0;
}
