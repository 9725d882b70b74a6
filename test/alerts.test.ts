import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

const root = new URL('../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, root), 'utf8');
const { rules } = parse(textOf('deploy/alerts.yml')).groups[0];
const cases: any[] = parse(textOf('deploy/alerts.test.yml')).tests;

const promtool = (...args: readonly string[]) =>
  spawnSync('promtool', args, { cwd: root, encoding: 'utf8' });

const hasPromtool = promtool('--version').status === 0;

describe('alerts', () => {
  test.each<{ alert: string; annotations: any }>(rules)(
    '$alert has a runbook',
    ({ alert, annotations: { runbook } }) => {
      const [, file, section] = /^(docs\/\w+\.md)#(\w+)$/.exec(runbook) ?? [];

      expect(section).toBe(alert.toLowerCase());
      expect(textOf(file!)).toContain(`\n## ${alert}\n`);
    },
  );

  test('every alert has a case in which it fires', () => {
    const fired = cases.flatMap(({ promql_expr_test: [{ exp_samples: samples = [] }] }) =>
      samples.map(({ labels }: any) => /^\{alertname="(\w+)"\}$/.exec(labels)?.[1]),
    );

    expect(new Set(fired)).toEqual(new Set(rules.map(({ alert }: any) => alert)));
  });
});

(hasPromtool ? describe : describe.skip)('alerts in Prometheus (needs promtool)', () => {
  test('promtool accepts the rules', () => {
    expect(promtool('check', 'rules', 'deploy/alerts.yml')).toMatchObject({ status: 0 });
  });

  test('each case raises its alerts and no others', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', 'deploy/alerts.test.yml');

    expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({
      status: 0,
      output: '',
    });
  });
});
