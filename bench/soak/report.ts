import { formatTable } from '../table.ts';
import type { Tally } from './clients.ts';
import type { GatewayProcess, Holding } from './processes.ts';
import { isRising, trendOf } from './trend.ts';

interface Findings {
  readonly tally: Tally;
  readonly tookMs: number;
  readonly troubles: number;
  /** What each gateway held, from time to time. */
  readonly holdings: readonly (readonly Holding[])[];
  readonly idle: readonly Holding[];
  readonly unsettled: readonly string[];
  readonly lost: readonly string[];
  readonly ends: readonly (number | string | null)[];
  readonly gateways: readonly Pick<GatewayProcess, 'complaints'>[];
  readonly hasRedis: boolean;
}

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** Caches fill and code is compiled at first. */
const startShare = 1 / 3;

interface Duty {
  readonly name: string;
  readonly broken: readonly string[];
}

function memoryOf(holdings: readonly Holding[], idle: Holding | undefined) {
  const heaps = holdings
    .slice(Math.floor(holdings.length * startShare))
    .map(({ heapUsed }) => heapUsed);
  const trend = trendOf(heaps);
  const mostRss = Math.max(...holdings.map(({ rss }) => rss));
  const { rss: idleRss = 0 } = idle ?? {};
  const cells = [
    megabytes(idleRss),
    megabytes(mostRss),
    megabytes(trend.mean),
    `${megabytes(trend.growth)} ± ${megabytes(trend.noise)}`,
  ];
  return { cells, isRising: isRising(trend), growth: megabytes(trend.growth) };
}

/** Prints what happened; false when a promise was not kept. */
export function printReport(findings: Findings): boolean {
  const { tally, tookMs, troubles, holdings, idle, unsettled, lost, ends, gateways } = findings;
  const memory = holdings.map((seen, place) => memoryOf(seen, idle[place]));
  const crashes = ends.flatMap((code, place) =>
    code === 0 ? [] : [`gateway ${place + 1} ended: ${String(code)}`],
  );
  const duties: readonly Duty[] = [
    { name: 'every answer is valid', broken: tally.faults },
    { name: 'no write is lost', broken: lost },
    { name: 'nothing is left of clients that are gone', broken: unsettled },
    {
      name: 'the heap does not grow',
      broken: memory.flatMap(({ isRising: rises, growth }, place) =>
        rises ? [`gateway ${place + 1} by ${growth} MiB`] : [],
      ),
    },
    {
      name: 'subscribers receive events',
      broken: tally.events > 0 ? [] : ['they received none'],
    },
    { name: 'each gateway stops on SIGTERM', broken: crashes },
  ];
  const counts = [
    ['seconds', Math.round(tookMs / 1000)],
    ['answers', tally.answers],
    ['clients that left before their answer', tally.left],
    ['writes acknowledged', tally.writes],
    ['writes that failed', tally.unsure],
    ['events heard', tally.events],
    ['troubles', troubles],
    ...[...tally.codes].toSorted(([one], [other]) => one.localeCompare(other)),
  ] as const;
  const write = (text: string) => process.stdout.write(`${text}\n`);
  if (!findings.hasRedis) write('There is no redis-server here: one gateway, nothing shared.\n');
  write(formatTable(['', 'count'], counts));
  write(
    formatTable(
      ['MiB', 'memory idle', 'memory at most', 'heap after GC', 'grown by'],
      memory.map(({ cells }, place) => [`gateway ${place + 1}`, ...cells]),
    ),
  );
  for (const { name, broken } of duties) {
    write(`${broken.length === 0 ? 'kept  ' : 'BROKEN'}  ${name}`);
    for (const text of broken.slice(0, 10)) write(`          ${text}`);
  }
  const complaints = gateways.flatMap(({ complaints: lines }) => lines);
  const errors = complaints.filter((line) => !line.includes('"level":40'));
  write(`\n${complaints.length} warnings and errors in the logs`);
  for (const line of errors.slice(-10)) write(`          ${line.slice(0, 500)}`);
  return duties.every(({ broken }) => broken.length === 0);
}
