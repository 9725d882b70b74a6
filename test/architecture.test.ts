import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseSync } from '@swc/core';

/** Which files of `src` a room's files may import at run time. Type imports are free: they are gone after the build. */
const layers: readonly { readonly files: RegExp; readonly mayImport: readonly RegExp[] }[] = [
  // What a person or a program starts: the process, the command line, the package.
  { files: /^(main|index|cli\/(main|commandLine))\.ts$/, mayImport: [/./] },
  { files: /^cli\/checkConfig\.ts$/, mayImport: [/^(cli|config|app|observability|lib)\//] },
  // The price command: the same cost analysis without a gateway.
  {
    files: /^cli\/price(Main)?\.ts$/,
    mayImport: [/^(cli|graphql|lib)\//, /^resources\/registry\.ts$/],
  },
  { files: /^cli\/terminal\.ts$/, mayImport: [/^lib\//] },
  // Only this one wires layers together.
  { files: /^app\//, mayImport: [/^(?!(main|index)\.ts|cli\/)/] },
  // The schema tells whether names in settings exist.
  { files: /^config\/loadConfig\.ts$/, mayImport: [/^(config|graphql|lib)\//] },
  { files: /^config\//, mayImport: [/^(config|observability|lib)\//] },
  {
    files: /^http\//,
    mayImport: [/^(http|graphql|webhooks|events|redis|observability|lib)\//],
  },
  {
    files: /^graphql\//,
    mayImport: [
      /^(graphql|observability|lib)\//,
      /^resources\/(registry|declarations)\.ts$/,
      /^upstream\/errors\.ts$/,
    ],
  },
  { files: /^resources\/(registry|resolvers)\.ts$/, mayImport: [/^(resources|lib)\//] },
  { files: /^resources\/(declarations|mutation)\.ts$/, mayImport: [/^(upstream|lib)\//] },
  // Within resources, `resourceImportProblem` says more.
  {
    files: /^resources\/\w+\//,
    mayImport: [/^(upstream|lib)\//, /^resources\/(\w+\/\w+|declarations|mutation)\.ts$/],
  },
  // What a webhook carries of a chat is read where chats are read.
  {
    files: /^(events|webhooks)\//,
    mayImport: [
      /^(events|webhooks|upstream|redis|observability|lib)\//,
      /^resources\/\w+\/(model|descriptor)\.ts$/,
    ],
  },
  { files: /^upstream\//, mayImport: [/^(upstream|redis|observability|lib)\//] },
  { files: /^redis\//, mayImport: [/^(redis|observability|lib)\//] },
  { files: /^observability\//, mayImport: [/^(observability|lib)\//] },
  { files: /^simulator\//, mayImport: [/^(simulator|lib)\//] },
  { files: /^lib\//, mayImport: [/^lib\//] },
];

/** The files of a resource: each may import those that come before it. */
const resourceFiles = [
  'model.ts',
  'filter.ts',
  'descriptor.ts',
  'mutations.ts',
  'source.ts',
  'loaders.ts',
  'resolvers.ts',
];

/** What all resources share. */
const sharedResourceFiles = ['registry.ts', 'resolvers.ts', 'declarations.ts', 'mutation.ts'];

/** Packages that belong to one file. */
const packages: readonly { readonly name: RegExp; readonly home: string }[] = [
  { name: /^@opentelemetry\//, home: 'observability/openTelemetry.ts' },
  { name: /^node-fetch$/, home: 'upstream/transport.ts' },
  { name: /^(node:)?process$/, home: 'config/settings.ts' },
  { name: /^(node:)?(timers|perf_hooks)(\/|$)/, home: 'lib/clock.ts' },
];

/** Things of the platform that belong to one file, as they are written: `of` is the object they hang on. */
const globals: readonly { readonly of?: string; readonly name: string; readonly home: string }[] = [
  { of: 'process', name: 'env', home: 'config/settings.ts' },
  { of: 'process', name: 'hrtime', home: 'lib/clock.ts' },
  { of: 'Date', name: 'now', home: 'lib/clock.ts' },
  { of: 'Math', name: 'random', home: 'lib/clock.ts' },
  { name: 'performance', home: 'lib/clock.ts' },
  { name: 'setTimeout', home: 'lib/clock.ts' },
  { name: 'setInterval', home: 'lib/clock.ts' },
  { name: 'setImmediate', home: 'lib/clock.ts' },
];

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

const childrenOf = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : [];

const nameOf = (value: unknown): string | undefined =>
  isNode(value) && value.type === 'Identifier' ? String(value['value']) : undefined;

/** A name that is a property and not a thing of the surroundings, such as the `now` of `clock.now`. */
const isPropertyName = (parent: Node, field: string): boolean =>
  (parent.type === 'MemberExpression' && field === 'property') || field === 'key';

interface FileFacts {
  /** What is imported at run time. */
  readonly imports: string[];
  /** `name`, or `object.name`, of what is used. */
  readonly names: string[];
  hasDefaultExport: boolean;
  readsTime: boolean;
}

const specifierOf = (node: Node): string | undefined =>
  isNode(node['source']) ? String(node['source']['value']) : undefined;

const collectors: Readonly<Record<string, (node: Node, found: FileFacts) => void>> = {
  ImportDeclaration(node, { imports }) {
    if (node['typeOnly'] !== true) imports.push(specifierOf(node)!);
  },
  ExportNamedDeclaration(node, found) {
    const from = specifierOf(node);
    if (from !== undefined && node['typeOnly'] !== true) found.imports.push(from);
    for (const specifier of node['specifiers'] as readonly Node[]) {
      if (nameOf(specifier['exported'] ?? specifier['orig']) === 'default') {
        found.hasDefaultExport = true;
      }
    }
  },
  ExportAllDeclaration(node, { imports }) {
    imports.push(specifierOf(node)!);
  },
  ExportDefaultDeclaration(_node, found) {
    found.hasDefaultExport = true;
  },
  ExportDefaultExpression(_node, found) {
    found.hasDefaultExport = true;
  },
  CallExpression(node, found) {
    const [first] = node['arguments'] as readonly { readonly expression: Node }[];
    if ((node['callee'] as Node).type === 'Import') {
      const path = first?.expression['value'];
      found.imports.push(typeof path === 'string' ? path : '../a path that is computed');
    }
    if (nameOf(node['callee']) === 'Date') found.readsTime = true;
  },
  NewExpression(node, found) {
    const given = (node['arguments'] ?? []) as readonly unknown[];
    if (nameOf(node['callee']) === 'Date' && given.length === 0) found.readsTime = true;
  },
  MemberExpression(node, { names }) {
    const property = node['property'] as Node;
    const name =
      property.type === 'Computed' && isNode(property['expression'])
        ? String(property['expression']['value'])
        : nameOf(property);
    names.push(`${nameOf(node['object'])}.${name}`);
    if (nameOf(node['object']) === 'globalThis') names.push(String(name));
  },
  VariableDeclarator(node, { names }) {
    const pattern = node['id'] as Node;
    if (pattern.type !== 'ObjectPattern') return;
    for (const { key } of pattern['properties'] as readonly Node[]) {
      names.push(`${nameOf(node['init'])}.${nameOf(key)}`);
    }
  },
  Identifier(node, { names }) {
    names.push(String(node['value']));
  },
};

function read(source: string): FileFacts {
  const found: FileFacts = { imports: [], names: [], hasDefaultExport: false, readsTime: false };
  const walk = (value: unknown): void => {
    if (!isNode(value)) {
      for (const child of childrenOf(value)) walk(child);
      return;
    }
    collectors[value.type]?.(value, found);
    for (const [field, child] of Object.entries(value)) {
      if (!(isPropertyName(value, field) && nameOf(child) !== undefined)) walk(child);
    }
  };
  walk(parseSync(source, { syntax: 'typescript', target: 'es2022' }));
  return found;
}

/** What an import between two files of resources breaks; undefined when nothing. */
function resourceImportProblem(from: string, to: string): string | undefined {
  const [, home, file] = from.split('/');
  const [, other, imported] = to.split('/');
  if (imported === undefined) return undefined;
  const declaringFiles = resourceFiles.indexOf('mutations.ts');
  if (home !== other) {
    // What a chat embeds of an agent is declared with the agent.
    const isShared = imported === 'model.ts' || imported === 'descriptor.ts';
    const isDeclared = file === 'model.ts' ? imported === 'model.ts' : isShared;
    return isDeclared && resourceFiles.indexOf(file ?? '') <= declaringFiles
      ? undefined
      : 'another resource';
  }
  const isBelow = resourceFiles.indexOf(imported) < resourceFiles.indexOf(file ?? '');
  return isBelow ? undefined : 'against the order inside a resource';
}

function importProblem(file: string, specifier: string): string | undefined {
  const owned = packages.find(({ name, home }) => name.test(specifier) && home !== file);
  if (owned !== undefined) return `${specifier} belongs to ${owned.home}`;
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(file), specifier);
  const layer = layers.find(({ files }) => files.test(file));
  if (layer === undefined) return 'is in no layer';
  if (!layer.mayImport.some((allowed) => allowed.test(target))) return `may not import ${target}`;
  const isInside = /^resources\/\w+\//.test(file) && target.startsWith('resources/');
  const broken = isInside ? resourceImportProblem(file, target) : undefined;
  return broken === undefined ? undefined : `may not import ${target}: ${broken}`;
}

/** What in a file's text breaks the rules; `file` is its path below `src`. */
function problemsOf(file: string, source: string): string[] {
  const { imports, names, hasDefaultExport, readsTime } = read(source);
  const problems = imports.flatMap((specifier) => importProblem(file, specifier) ?? []);
  for (const { of, name, home } of globals) {
    const written = of === undefined ? name : `${of}.${name}`;
    if (file !== home && names.includes(written)) problems.push(`${written} belongs to ${home}`);
  }
  if (readsTime && file !== 'lib/clock.ts') problems.push('the time belongs to lib/clock.ts');
  if (hasDefaultExport) problems.push('exports a default');
  if (!layers.some(({ files }) => files.test(file))) problems.push('is in no layer');
  const [layer, , name = ''] = file.split('/');
  const isShared = sharedResourceFiles.some((shared) => file === `resources/${shared}`);
  if (layer === 'resources' && !isShared && !resourceFiles.includes(name)) {
    problems.push('is no file of a resource');
  }
  return [...new Set(problems)];
}

const src = new URL('../src/', import.meta.url);

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .toSorted();

describe('every source file keeps to its room', () => {
  test.each(sources)('%s', (file) => {
    const problems = problemsOf(file, readFileSync(new URL(file, src), 'utf8'));

    expect(problems).toEqual([]);
  });

  test('and all rooms are looked at', () => {
    const found = layers.filter(({ files }) => sources.some((file) => files.test(file)));

    expect(sources.length).toBeGreaterThan(70);
    expect(found).toHaveLength(layers.length);
  });
});

describe('a broken rule is found', () => {
  test.each([
    ['lib/x.ts', "import { a } from '../upstream/errors.ts';", 'may not import'],
    ['upstream/x.ts', "import { a } from '../graphql/errors.ts';", 'may not import'],
    ['upstream/x.ts', "import { a } from '../resources/registry.ts';", 'may not import'],
    ['upstream/x.ts', "export { a } from '../http/server.ts';", 'may not import'],
    ['upstream/x.ts', "export * from '../http/server.ts';", 'may not import'],
    ['upstream/x.ts', "import '../http/server.ts';", 'may not import'],
    ['upstream/x.ts', "const a = await import('../http/server.ts');", 'may not import'],
    ['upstream/x.ts', 'const a = await import(`../${name}.ts`);', 'may not import'],
    ['upstream/x.ts', "import { type A } from '../http/server.ts';", 'may not import'],
    ['http/x.ts', "import { a } from '../upstream/client.ts';", 'may not import'],
    ['http/x.ts', "import { a } from '../config/settings.ts';", 'may not import'],
    ['http/x.ts', "import { a } from '../resources/chats/model.ts';", 'may not import'],
    ['graphql/x.ts', "import { a } from '../upstream/client.ts';", 'may not import'],
    ['graphql/x.ts', "import { a } from '../http/server.ts';", 'may not import'],
    ['graphql/x.ts', "import { a } from '../resources/resolvers.ts';", 'may not import'],
    ['simulator/x.ts', "import { a } from '../upstream/decode.ts';", 'may not import'],
    ['simulator/x.ts', "import { a } from '../resources/chats/model.ts';", 'may not import'],
    ['events/x.ts', "import { a } from '../graphql/context.ts';", 'may not import'],
    ['events/x.ts', "import { a } from '../resources/chats/source.ts';", 'may not import'],
    ['app/createApp.ts', "import { a } from '../main.ts';", 'may not import'],
    ['config/settings.ts', "import { a } from '../app/createApp.ts';", 'may not import'],
    ['http/x.ts', "import { a } from '../main.ts';", 'may not import'],
    ['resources/registry.ts', "import { a } from '../graphql/schema/build.ts';", 'may not import'],
    ['resources/chats/source.ts', "import { a } from '../../graphql/errors.ts';", 'may not import'],
    ['resources/chats/source.ts', "import { a } from '../index.ts';", 'may not import'],
    ['resources/chats/source.ts', "import { a } from '../agents/model.ts';", 'another resource'],
    ['resources/chats/model.ts', "import { a } from '../agents/source.ts';", 'another resource'],
    [
      'resources/chats/resolvers.ts',
      "import { a } from '../agents/loaders.ts';",
      'another resource',
    ],
    ['resources/chats/model.ts', "import { a } from './source.ts';", 'against the order'],
    ['resources/chats/filter.ts', "import { a } from './source.ts';", 'against the order'],
    ['resources/chats/source.ts', "import { a } from './loaders.ts';", 'against the order'],
    ['resources/chats/loaders.ts', "import { a } from './resolvers.ts';", 'against the order'],
    ['resources/chats/utils.ts', '', 'no file of a resource'],
    ['resources/chats/inner/model.ts', '', 'no file of a resource'],
    ['resources/chats.ts', '', 'no layer'],
    ['helpers/x.ts', '', 'no layer'],
    ['upstream/client.ts', "import fetch from 'node-fetch';", 'belongs to upstream/transport.ts'],
    ['upstream/client.ts', "const { default: f } = await import('node-fetch');", 'belongs to'],
    ['http/server.ts', 'const a = process.env;', 'process.env belongs to config/settings.ts'],
    [
      'http/server.ts',
      "const a = process['env'].PORT;",
      'process.env belongs to config/settings.ts',
    ],
    ['http/server.ts', 'const { env } = process;', 'process.env belongs to config/settings.ts'],
    ['http/server.ts', "import { env } from 'node:process';", 'belongs to config/settings.ts'],
    ['upstream/x.ts', 'const a = Date.now();', 'Date.now belongs to'],
    ['upstream/x.ts', 'const a = new Date();', 'the time belongs to'],
    ['upstream/x.ts', 'const a = new Date;', 'the time belongs to'],
    ['upstream/x.ts', 'const a = Date();', 'the time belongs to'],
    ['upstream/x.ts', 'setTimeout(() => {}, 1);', 'setTimeout belongs to'],
    ['upstream/x.ts', 'globalThis.setTimeout(() => {}, 1);', 'setTimeout belongs to'],
    ['upstream/x.ts', 'const wait = setInterval;', 'setInterval belongs to'],
    ['upstream/x.ts', "import { setTimeout as wait } from 'node:timers/promises';", 'belongs to'],
    ['upstream/x.ts', 'const a = Math.random();', 'Math.random belongs to'],
    ['upstream/x.ts', 'const { random } = Math;', 'Math.random belongs to'],
    ['upstream/x.ts', 'const f = () => ({ a: [performance.now()] });', 'performance belongs to'],
    ['upstream/x.ts', 'export default 5;', 'default'],
    ['upstream/x.ts', 'export default function f() {}', 'default'],
    ['upstream/x.ts', 'const a = 5; export { a as default };', 'default'],
  ])('in %s: %s', (file, source, problem) => {
    const problems = problemsOf(file, source);

    expect(problems.join('\n')).toContain(problem);
  });

  test.each([
    ['lib/x.ts', "import type { A } from '../upstream/errors.ts';"],
    ['upstream/x.ts', "export type { A } from '../http/server.ts';"],
    ['http/x.ts', "import type { A } from '../resources/chats/model.ts';"],
    ['events/x.ts', "import { a } from '../resources/chats/model.ts';"],
    ['graphql/x.ts', "import { a } from '../upstream/errors.ts';"],
    ['resources/chats/resolvers.ts', "import { a } from './filter.ts';"],
    ['resources/chats/source.ts', "import { a } from './model.ts';"],
    ['resources/chats/model.ts', "import { a } from '../agents/model.ts';"],
    ['resources/chats/loaders.ts', "import { a } from '../../lib/paging.ts';"],
    ['upstream/x.ts', "import { a } from 'zod'; import b from 'node:http';"],
    ['upstream/x.ts', 'const a = new Date(5); const b = clock.now(); const c = config.env;'],
    ['upstream/x.ts', "// Date.now() and setTimeout\nconst a = 'process.env, Math.random()';"],
    ['upstream/x.ts', 'interface A { setTimeout: number } const a = { performance: 1 };'],
    ['upstream/x.ts', 'server.setTimeout(5);'],
    ['lib/clock.ts', 'const a = Date.now() + Math.random(); setTimeout(f, 1);'],
    ['config/settings.ts', 'const a = process.env;'],
    ['upstream/transport.ts', "import fetch from 'node-fetch';"],
  ])('where there is one, and not in %s: %s', (file, source) => {
    expect(problemsOf(file, source)).toEqual([]);
  });
});
