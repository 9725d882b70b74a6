import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Recorder } from './recorder.ts';

/** One second of the run is this many seconds for the rules, so that alerts with long delays can fire. */
export const timeScale = 10;

const rulesFile = fileURLToPath(new URL('../../deploy/alerts.yml', import.meta.url));

/** A part of the recorded time, in scrapes. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

const firing = 'group by (alertname) (ALERTS{alertstate="firing"}';

/** The alerts that begin to fire in the period. */
function expressionOf({ from, to }: Period, index: number): string {
  const length = `${(to - from) * timeScale}s`;
  const began = `${firing.replace('(ALERTS', '(count_over_time(ALERTS')}[${length}])) unless ${firing} offset ${length})`;
  return `label_replace(${began}, "period", "${index}", "", "")`;
}

function runPromtool(content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'helpcrunch-chaos-'));
  try {
    const file = join(folder, 'chaos.yml');
    writeFileSync(file, stringify(content, { lineWidth: 0 }));
    const { stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', file], {
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    if (error !== undefined) throw error;
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The alerts that began to fire in each period, by `promtool`. */
export function findFiredAlerts(
  recorder: Recorder,
  periods: readonly Period[],
): readonly (readonly string[])[] {
  const interval = `${timeScale}s`;
  const test = {
    interval,
    input_series: recorder.series(),
    // Without expected samples promtool prints what it found.
    promql_expr_test: periods.map((period, index) => ({
      expr: expressionOf(period, index),
      eval_time: `${period.to * timeScale}s`,
      exp_samples: [],
    })),
  };
  const output = runPromtool({
    rule_files: [rulesFile],
    evaluation_interval: interval,
    tests: [test],
  });
  const isUnderstood = /SUCCESS|got:/.test(output);
  if (!isUnderstood) throw new Error(output.slice(0, 2_000));
  const found = [...output.matchAll(/alertname="(\w+)", period="(\d+)"/g)];
  return periods.map((_period, index) =>
    [
      ...new Set(found.flatMap(([, name = '', period]) => (Number(period) === index ? name : []))),
    ].toSorted(),
  );
}
