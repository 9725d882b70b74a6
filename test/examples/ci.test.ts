import { readdirSync, readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { parse as parseYaml } from 'yaml';
import { runCommandLine } from '../../src/cli/commandLine.ts';

const folder = 'examples/ci';
const read = (file: string) => parseYaml(readFileSync(`${folder}/${file}`, 'utf8'));
const files = readdirSync(folder);

/** The commands of an event in order. */
function commandsOn(event: string, { jobs }: any): readonly string[] {
  return jobs.schema.steps.flatMap(({ if: condition, run }: any) =>
    run !== undefined && (condition === undefined || condition.includes(`'${event}'`)) ? [run] : [],
  );
}

describe.each(files)('the workflow %s', (file) => {
  test('prints the schema of the subgraph, which composes', async () => {
    const [, command = ''] = commandsOn('push', read(file));
    const [program, ...args] = (command.split(' > ')[0] ?? '').replace('npx ', '').split(' ');
    let printed = '';

    const code = await runCommandLine(args, {
      print: (text: string) => (printed += text),
      printError: (text: string) => (printed += text),
    });

    expect([program, code]).toEqual(['helpcrunch-graphql', 0]);
    const { errors } = composeServices([
      { name: 'helpdesk', url: 'http://helpdesk.example', typeDefs: parse(printed) },
    ]);
    expect(errors).toBeUndefined();
  });

  test('checks the printed file in pull requests and publishes it from main', () => {
    const workflow = read(file);
    const [, print = '', check = '', ...others] = commandsOn('pull_request', workflow);
    const [, , publish = '', ...more] = commandsOn('push', workflow);

    const printed = print.split(' > ')[1];
    expect([check, publish].map((command) => command.split(/\s/).includes(printed!))).toEqual([
      true,
      true,
    ]);
    expect(check).toMatch(/check/);
    expect(check).not.toMatch(/publish/);
    expect(publish).toMatch(/publish .*https:\/\/helpdesk/s);
    expect([...others, ...more]).toEqual([]);
  });

  test('fails if any command fails', () => {
    const { defaults, jobs } = read(file);

    expect(defaults.run.shell).toBe('bash');
    expect(JSON.stringify(jobs)).not.toMatch(/continue-on-error|\|\| true/);
  });
});
