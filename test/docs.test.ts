import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse as parseProgram } from '@swc/core';
import type { OperationDefinitionNode } from 'graphql';
import { Kind, OperationTypeNode, parse, validate } from 'graphql';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { runCommandLine } from '../src/cli/commandLine.ts';
import { createSchema } from '../src/graphql/schema/build.ts';
import { listSettings } from '../src/config/listSettings.ts';
import { startDemo } from './support/gateway.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const text = (file: string) => readFileSync(join(root, file), 'utf8');

const pages = [
  'README.md',
  ...readdirSync(root).filter((name) => /^[A-Z]+\.md$/.test(name) && name !== 'README.md'),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

interface Block {
  /** File and line, and how the block begins. */
  readonly name: string;
  readonly language: string;
  readonly body: string;
}

function blocksOf(file: string): readonly Block[] {
  const blocks: Block[] = [];
  const pattern = /^```(\S*).*\n([\s\S]*?)^```$/gm;
  const source = text(file);
  for (const { index, 1: language = '', 2: body = '' } of source.matchAll(pattern)) {
    const line = source.slice(0, index).split('\n').length;
    blocks.push({ name: `${file}:${line} ${body.split('\n')[0]?.slice(0, 60)}`, language, body });
  }
  return blocks;
}

const blocks = pages.flatMap(blocksOf);
const written = (...languages: readonly string[]) =>
  blocks
    .filter(({ language }) => languages.includes(language))
    .map(({ name, body, language }) => [name, body, language] as const);

const schema = createSchema([]);

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo();
});

afterAll(() => demo[Symbol.asyncDispose]());

/**
 * A block of GraphQL holds operations, which are run in the demo account, or types, which must be GraphQL. Two comments can stand before
 * an operation: `# fails with CODE`, and `# variables: { … }` with JSON. A subscription is validated alone.
 */
describe('every piece of GraphQL in the documentation does what it says', () => {
  const pieces = [
    ...written('graphql'),
    ...readdirSync(join(root, 'explorer/operations')).map(
      (name) =>
        [`explorer/operations/${name}`, text(`explorer/operations/${name}`), 'graphql'] as const,
    ),
  ];

  test.each(pieces)('%s', async (_name, body) => {
    const document = parse(body);
    const operations = document.definitions.filter(
      (definition): definition is OperationDefinitionNode =>
        definition.kind === Kind.OPERATION_DEFINITION,
    );
    if (operations.length === 0) return;
    const code =
      /^# fails with (\w+)/m.exec(body)?.[1] ?? (/^# Error: /m.test(body) ? 'some' : 'none');
    const variables: unknown = JSON.parse(/^# variables: (.*)$/m.exec(body)?.[1] ?? '{}');

    expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
    for (const { operation, name } of operations) {
      if (operation === OperationTypeNode.SUBSCRIPTION) continue;
      const response = await fetch(`${demo.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: body, variables, operationName: name?.value }),
      });
      const { errors = [] }: any = await response.json();
      const codes: string[] = errors.map(({ extensions }: any) => extensions.code);
      if (code === 'some') expect(codes).toHaveLength(1);
      else expect(codes).toEqual(code === 'none' ? [] : [code]);
    }
  });
});

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(text('package.json')));

const run = promisify(execFile);

const shells = ['sh', 'bash', 'shell', 'console'];

/** Programs of the machine that no test runs: containers, services and the like. */
const foreign =
  /^(git|docker|podman|systemctl|sudo|kubectl|redis-server|apt-get|openssl|node|export|cd)\b/;

/** What npm does itself, and what the gate, the benches and other tests run. */
const ownWork = ['ci', 'install', 'audit', 'sbom', 'pack'];

/** Commands of the package that begin to serve: `test/cli/commandLine.test.ts` and `test/main.test.ts` start them. */
const serving = ['serve', 'simulator'];

/** Runs a command of the package and gives what is wrong; price ends with 1 where something is too expensive. */
async function problemOfRun(line: string): Promise<string | undefined> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, word]) => quoted ?? word ?? '',
  );
  let output = '';
  let complaints = '';
  const code = await runCommandLine(words, {
    print: (text) => (output += text),
    printError: (text) => (complaints += text),
  });
  const isFine = complaints === '' && output !== '' && (code === 0 || line.startsWith('price'));
  return isFine ? undefined : `it ends with ${code}: ${complaints}`;
}

function problemOfScript(line: string): Promise<string | undefined> | string | undefined {
  const [, name = '', args = ''] = /^npm (?:run )?([\w:]+)(?: -- (.*))?$/.exec(line) ?? [];
  if (name === 'price') return problemOfRun(`price ${args}`);
  if (ownWork.includes(name) || scripts[name] !== undefined) return undefined;
  return `package.json has no script "${name}"`;
}

function problemOfBin(args: string): Promise<string | undefined> | string | undefined {
  const [command = 'serve'] =
    args.startsWith('-') && !/--(help|version)/.test(args) ? [] : args.split(' ');
  if (serving.includes(command) || command === '') return undefined;
  // It would ask the real helpdesk.
  return problemOfRun(args.replace(' --connect', ''));
}

async function problemOfRequest(line: string): Promise<string | undefined> {
  const command = line
    .replaceAll('http://127.0.0.1:4000', demo.url)
    .replace(/^curl /, 'curl -sS --fail-with-body ');
  const { stdout } = await run('sh', ['-c', command], { cwd: tmpdir() });
  return stdout.includes('"errors":') ? `it is answered with ${stdout.slice(0, 300)}` : undefined;
}

/** Runs what a line says, or finds who does. Gives what is wrong with it. */
async function problemOf(line: string): Promise<string | undefined> {
  const [, assignments = '', command = ''] = /^((?:[A-Z][A-Z0-9_]*=\S* )*)(.*)$/s.exec(line) ?? [];
  const known = listSettings({}).map(({ name }) => name);
  const unknown = [...assignments.matchAll(/([A-Z0-9_]+)=/g)]
    .map(([, name = '']) => name)
    .filter((name) => !known.includes(name) && !name.startsWith('OTEL_'));
  if (unknown.length > 0) return `${unknown.join(', ')} is no setting`;
  if (command.startsWith('npm ')) return problemOfScript(command);
  if (command.startsWith('npx helpcrunch-graphql')) return problemOfBin(command.slice(23));
  if (/^curl .*127\.0\.0\.1:4000/s.test(command)) return problemOfRequest(command);
  if (foreign.test(command) || command === '') return undefined;
  return 'no test knows this kind of command: run it here, or name it here as one of the machine';
}

describe('every command in the documentation is one that works', () => {
  test.each(written(...shells))('%s', async (_name, body) => {
    const lines = body
      .replaceAll('\\\n', ' ')
      .split('\n')
      .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/ && /))
      .map((line) => line.trim());

    const problems = await Promise.all(
      lines.map(async (line) => {
        const problem = await problemOf(line);
        return problem === undefined ? [] : [`${line}: ${problem}`];
      }),
    );

    expect(problems.flat()).toEqual([]);
  });
});

const readProgram = (body: string) =>
  parseProgram(body, { syntax: 'typescript', tsx: true, target: 'es2022' });

/** How it is found out whether a piece of another language is one. */
const readers: Readonly<Record<string, (body: string) => unknown>> = {
  json: (body) => JSON.parse(body),
  yaml: (body) => parseYaml(body),
  yml: (body) => parseYaml(body),
  ts: readProgram,
  tsx: readProgram,
  js: readProgram,
  jsx: readProgram,
};

describe('every other piece of code in the documentation can be read', () => {
  test.each(written(...Object.keys(readers)))('%s', async (_name, body, language) => {
    await readers[language]?.(body);
  });

  test('and is of a kind that is looked at', () => {
    const looked = ['graphql', ...shells, ...Object.keys(readers)];
    // Drawings, and what is shown but never typed.
    const shown = ['mermaid', 'text', 'http', 'ini', 'nginx', 'dockerfile', 'diff', 'promql'];
    const strangers = blocks.filter(({ language }) => ![...looked, ...shown].includes(language));

    expect(strangers.map(({ name, language }) => `${name}: "${language}"`)).toEqual([]);
  });
});

/** The anchor that a heading has on the page. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

describe('every link in the documentation leads somewhere', () => {
  test.each(pages)('%s', (page) => {
    const source = text(page).replaceAll(/^```[\s\S]*?^```$/gm, '');
    const links = [...source.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);

    const broken = links.filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      if (anchor === undefined) return false;
      const headings = [...text(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        anchorOf(heading),
      );
      return !headings.includes(anchor);
    });

    expect(broken).toEqual([]);
  });

  test('and every page is found from the index', () => {
    const index = text('docs/README.md');
    const missing = pages.filter(
      (page) =>
        /^docs\/[\w-]+\.md$/.test(page) &&
        page !== 'docs/README.md' &&
        !index.includes(`(${page.slice(5)})`),
    );

    expect(missing).toEqual([]);
  });
});

describe('SECURITY.md', () => {
  const named = [
    ...text('SECURITY.md').matchAll(/`(test\/[\w/.-]+\.test\.ts)`: ((?:`[^`]+`(?:, )?)+)/g),
  ].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => [file, name] as const),
  );

  test('names tests for its threats', () => {
    expect(named.length).toBeGreaterThan(30);
  });

  test.each(named)('names a test that exists: %s, %s', (file, name) => {
    expect(text(file)).toContain(name);
  });

  test('names a test for every threat', () => {
    const rows = text('SECURITY.md')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (threat|-)/.test(line));
    expect(rows.filter((row) => !row.includes('`test/'))).toEqual([]);
  });
});
