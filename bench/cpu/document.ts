import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { chartOf } from './chart.ts';
import type { Contest } from './results.ts';
import { isMissed, numberOf } from './results.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url));

const tableOf = ({ workload, results }: Contest): string =>
  [
    `### ${workload}`,
    '',
    '| | CPU µs per request | gateway ÷ this server | goal |',
    '| --- | ---: | ---: | --- |',
    ...results.map((result) => {
      const { name, costUs, ratio, goal } = result;
      const wanted = goal === undefined ? '' : `at most ${goal.toFixed(2)}`;
      const verdict = goal === undefined ? '' : isMissed(result) ? ': **missed**' : ': reached';
      return `| ${name} | ${numberOf(costUs)} | ${ratio.toFixed(2)} | ${wanted}${verdict} |`;
    }),
    '',
  ].join('\n');

const begin = '<!-- Written by `npm run bench -- cpu --write` from here … -->';
const end = '<!-- … to here. -->';

/** Puts the results into docs/benchmarks.md, and draws them. */
export async function writeDocument(
  contests: readonly Contest[],
  versions: Readonly<Record<string, string>>,
): Promise<void> {
  const path = pathOf('benchmarks.md');
  const text = readFileSync(path, 'utf8');
  const [start, finish] = [text.indexOf(begin), text.indexOf(end)];
  if (start === -1 || finish === -1) throw new Error(`${path} has no place for the results.`);
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const written = [
    text.slice(0, start) + begin,
    `Measured on ${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.versions.node}, with ${names.join(', ')}.`,
    ...contests.map(tableOf),
    text.slice(finish),
  ].join('\n\n');
  const options = { parser: 'markdown', singleQuote: true, printWidth: 100 };
  writeFileSync(path, await format(written, options));
  writeFileSync(pathOf('images/cpu.svg'), chartOf(contests));
}
