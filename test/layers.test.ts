import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseSync } from '@swc/core';

interface Layer {
  readonly files: RegExp;
  readonly mayImport: readonly RegExp[];
}

/** What the files of a layer may import, types included. The first layer that matches applies. */
const layers: readonly Layer[] = [
  // Entry points: the process, the command line, the package.
  { files: /^(main|index|cli\/(main|commandLine))\.ts$/, mayImport: [/./] },
  { files: /^cli\/schema\.ts$/, mayImport: [/^(cli|config|graphql|lib)\//] },
  { files: /^cli\/checkConfig\.ts$/, mayImport: [/^(cli|config|app|observability|lib)\//] },
  // The price command: cost analysis without a gateway.
  {
    files: /^cli\/price\.ts$/,
    mayImport: [/^(cli|graphql|lib)\//, /^resources\/registry\.ts$/],
  },
  { files: /^cli\/export\.ts$/, mayImport: [/^(cli|config|export|lib)\//] },
  { files: /^cli\/mcp\.ts$/, mayImport: [/^(cli|config|app|lib)\//] },
  // The only layer that composes the others.
  { files: /^app\//, mayImport: [/^(?!(main|index)\.ts|cli\/)/] },
  // Names in settings are checked against the schema.
  { files: /^config\/loadConfig\.ts$/, mayImport: [/^(config|graphql|mcp|observability|lib)\//] },
  { files: /^config\//, mayImport: [/^(config|observability|lib)\//] },
  {
    files: /^http\//,
    mayImport: [/^(http|graphql|webhooks|events|redis|observability|lib)\//],
  },
  { files: /^mcp\//, mayImport: [/^(mcp|graphql|lib)\//] },
  // Generated types: the mappers name the models.
  {
    files: /^graphql\/(resolvers\.)?generated\.ts$/,
    mayImport: [/^(graphql|lib)\//, /^resources\/\w+\/model\.ts$/],
  },
  // The context of an operation gives its resolvers access to the upstream client.
  {
    files: /^graphql\/context\.ts$/,
    mayImport: [
      /^(graphql|events|observability|lib)\//,
      /^upstream\/(client|pipeline)\.ts$/,
      /^resources\/registry\.ts$/,
    ],
  },
  {
    files: /^graphql\//,
    mayImport: [
      /^(graphql|events|observability|lib)\//,
      /^upstream\/errors\.ts$/,
      /^resources\/(registry|declarations)\.ts$/,
    ],
  },
  {
    files: /^resources\/(registry|resolvers)\.ts$/,
    mayImport: [/^(resources|lib|upstream)\//, /^graphql\/(context|(resolvers\.)?generated)\.ts$/],
  },
  {
    files: /^resources\/(declarations|mutation|runMutation)\.ts$/,
    mayImport: [/^(resources|lib|upstream)\//, /^graphql\/(context|(resolvers\.)?generated)\.ts$/],
  },
  // `resourceImportProblem` restricts imports between resources further.
  {
    files: /^resources\/\w+\//,
    mayImport: [
      /^(upstream|lib)\//,
      /^graphql\/(context|(resolvers\.)?generated)\.ts$/,
      /^resources\/(\w+\/\w+|declarations|mutation|runMutation)\.ts$/,
    ],
  },
  // Webhooks carry chats, customers and messages in the wire format of the models.
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
  // A client of the gateway's public endpoint.
  { files: /^export\//, mayImport: [/^(export|lib)\//] },
  { files: /^simulator\//, mayImport: [/^(simulator|lib)\//] },
  { files: /^lib\//, mayImport: [/^lib\//] },
];

/** The authentication settings are a type of the configuration. */
const exceptions: readonly (readonly [from: string, to: string])[] = [
  ['http/auth/authenticate.ts', 'config/settings.ts'],
];

const maxCycleFiles = 6;

const isListed = (list: readonly (readonly [string, string])[], from: string, to: string) =>
  list.some(([listedFrom, listedTo]) => listedFrom === from && listedTo === to);

/** The files of a resource, lowest first. Each may import those before it. */
const resourceFiles = [
  'model.ts',
  'filter.ts',
  'descriptor.ts',
  'input.ts',
  'writes.ts',
  'mutations.ts',
  'source.ts',
  'loaders.ts',
  'resolvers.ts',
];

/** Files that all resources share. */
const sharedResourceFiles = [
  'registry.ts',
  'resolvers.ts',
  'declarations.ts',
  'mutation.ts',
  'runMutation.ts',
];

/** Packages that only one file may import. */
const packages: readonly { readonly name: RegExp; readonly home: string }[] = [
  { name: /^@opentelemetry\//, home: 'observability/openTelemetry.ts' },
  { name: /^node-fetch$/, home: 'upstream/transport.ts' },
  { name: /^(node:)?process$/, home: 'config/settings.ts' },
  { name: /^(node:)?(timers|perf_hooks)(\/|$)/, home: 'lib/clock.ts' },
];

/** Globals that only one file may use; `of` is the object of a member. */
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

/** Whether an identifier names a property, such as `now` in `clock.now`, and not a global. */
const isPropertyName = (parent: Node, field: string): boolean =>
  (parent.type === 'MemberExpression' && field === 'property') || field === 'key';

interface FileFacts {
  /** The specifiers of all imports, types included. */
  readonly imports: string[];
  /** All identifiers, and members as `object.name`. */
  readonly names: string[];
  /** The names of exported types and classes. */
  readonly types: string[];
  hasDefaultExport: boolean;
  readsTime: boolean;
}

const specifierOf = (node: Node): string | undefined =>
  isNode(node['source']) ? String(node['source']['value']) : undefined;

const collectors: Readonly<Record<string, (node: Node, found: FileFacts) => void>> = {
  ImportDeclaration(node, { imports }) {
    imports.push(specifierOf(node)!);
  },
  TsImportType(node, { imports }) {
    imports.push(String((node['argument'] as Node)['value']));
  },
  ExportDeclaration(node, { types }) {
    const declaration = node['declaration'] as Node;
    const isType = /^(TsInterface|TsTypeAlias|Class)Declaration$/.test(declaration.type);
    if (isType) types.push(nameOf(declaration['id'] ?? declaration['identifier'])!);
  },
  ExportNamedDeclaration(node, found) {
    const from = specifierOf(node);
    if (from !== undefined) found.imports.push(from);
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
      found.imports.push(typeof path === 'string' ? path : '../a computed path');
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
  const found: FileFacts = {
    imports: [],
    names: [],
    types: [],
    hasDefaultExport: false,
    readsTime: false,
  };
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

/** Why a file of a resource may not import another one; undefined when it may. */
function resourceImportProblem(from: string, to: string): string | undefined {
  const [, home, file] = from.split('/');
  const [, other, imported] = to.split('/');
  if (imported === undefined) return undefined;
  const declaringFiles = resourceFiles.indexOf('mutations.ts');
  if (home !== other) {
    // The fields of an agent that a chat embeds are declared with the agent.
    const isShared = imported === 'model.ts' || imported === 'descriptor.ts';
    const isDeclaration = resourceFiles.indexOf(file ?? '') <= declaringFiles;
    const isAllowed = imported === 'model.ts' || (isShared && isDeclaration && file !== 'model.ts');
    return isAllowed ? undefined : 'another resource';
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
  if (isListed(exceptions, file, target)) return undefined;
  if (!layer.mayImport.some((allowed) => allowed.test(target))) return `may not import ${target}`;
  const isInside = /^resources\/\w+\//.test(file) && target.startsWith('resources/');
  const broken = isInside ? resourceImportProblem(file, target) : undefined;
  return broken === undefined ? undefined : `may not import ${target}: ${broken}`;
}

/** The rules that a file breaks; `file` is its path below `src`. */
function problemsOf(file: string, source: string): string[] {
  const { imports, names, hasDefaultExport, readsTime } = read(source);
  const problems = imports.flatMap((specifier) => importProblem(file, specifier) ?? []);
  for (const { of, name, home } of globals) {
    const written = of === undefined ? name : `${of}.${name}`;
    if (file !== home && names.includes(written)) problems.push(`${written} belongs to ${home}`);
  }
  if (readsTime && file !== 'lib/clock.ts')
    problems.push('reading the time belongs to lib/clock.ts');
  if (hasDefaultExport) problems.push('exports a default');
  if (!layers.some(({ files }) => files.test(file))) problems.push('is in no layer');
  const [layer, first = '', name = ''] = file.split('/');
  const isShared = name === '' && sharedResourceFiles.includes(first);
  if (layer === 'resources' && !isShared && !resourceFiles.includes(name)) {
    problems.push('is not a file of a resource');
  }
  return [...new Set(problems)];
}

const src = new URL('../src/', import.meta.url);

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .toSorted();

const contents = new Map(
  sources.map((file) => [file, readFileSync(new URL(file, src), 'utf8')] as const),
);

type Graph = ReadonlyMap<string, readonly string[]>;

/** Cycles as strongly connected components of more than one file (Tarjan), each sorted. */
function cyclesOf(graph: Graph): string[][] {
  const indexes = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): number => {
    const index = indexes.size;
    indexes.set(file, index);
    lowest.set(file, index);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      const reached = indexes.has(next) ? indexes.get(next)! : visit(next);
      const isOpen = stack.includes(next);
      const low = isOpen ? Math.min(reached, lowest.get(next)!) : index;
      lowest.set(file, Math.min(lowest.get(file)!, low));
    }
    if (lowest.get(file) === index) {
      const cycle = stack.splice(stack.indexOf(file));
      if (cycle.length > 1) cycles.push(cycle.toSorted());
    }
    return index;
  };
  for (const file of graph.keys()) if (!indexes.has(file)) visit(file);
  return cycles;
}

const graph: Graph = new Map(
  Array.from(contents, ([file, source]) => {
    const targets = read(source)
      .imports.filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => posix.join(posix.dirname(file), specifier))
      .filter((target) => contents.has(target));
    return [file, [...new Set(targets)]] as const;
  }),
);

describe('source files', () => {
  test.each(sources)('%s imports only what its layer may import', (file) => {
    expect(problemsOf(file, contents.get(file)!)).toEqual([]);
  });

  test('every layer has files', () => {
    const found = layers.filter(({ files }) => sources.some((file) => files.test(file)));

    expect(sources.length).toBeGreaterThan(70);
    expect(found).toHaveLength(layers.length);
  });

  test('no import cycle, types included, has more than six files', () => {
    const large = cyclesOf(graph).filter((cycle) => cycle.length > maxCycleFiles);

    expect(large).toEqual([]);
  });

  test('no two files export a type of the same name', () => {
    const files = new Map<string, string[]>();
    for (const [file, source] of contents) {
      // Generated types are named after the schema.
      if (file.endsWith('generated.ts')) continue;
      for (const name of read(source).types) files.set(name, [...(files.get(name) ?? []), file]);
    }

    expect([...files].filter(([, exporters]) => exporters.length > 1)).toEqual([]);
    expect(files.size).toBeGreaterThan(100);
  });
});

test('cycles are found, types included', () => {
  const imports = (source: string) => read(source).imports;

  expect(
    cyclesOf(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['a', 'd']],
        ['d', []],
      ]),
    ),
  ).toEqual([['a', 'b', 'c']]);
  expect(imports("import type { A } from './a.ts'; export type { B } from './b.ts';")).toEqual([
    './a.ts',
    './b.ts',
  ]);
  expect(imports("type A = import('./a.ts').A;")).toEqual(['./a.ts']);
});

describe('the import rules', () => {
  test.each([
    ['lib/x.ts', "import { a } from '../upstream/errors.ts';", 'may not import'],
    ['lib/x.ts', "import type { A } from '../upstream/errors.ts';", 'may not import'],
    ['lib/x.ts', "type A = import('../upstream/errors.ts').A;", 'may not import'],
    ['upstream/x.ts', "export type { A } from '../http/server.ts';", 'may not import'],
    ['http/x.ts', "import type { A } from '../resources/chats/model.ts';", 'may not import'],
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
    ['graphql/x.ts', "import { a } from '../resources/chats/source.ts';", 'may not import'],
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
    ['resources/chats/utils.ts', '', 'not a file of a resource'],
    ['resources/chats/inner/model.ts', '', 'not a file of a resource'],
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
    ['upstream/x.ts', 'const a = new Date();', 'reading the time belongs to'],
    ['upstream/x.ts', 'const a = new Date;', 'reading the time belongs to'],
    ['upstream/x.ts', 'const a = Date();', 'reading the time belongs to'],
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
  ])('reject in %s: %s', (file, source, problem) => {
    const problems = problemsOf(file, source);

    expect(problems.join('\n')).toContain(problem);
  });

  test.each([
    ['http/x.ts', "import type { A } from '../graphql/context.ts';"],
    ['graphql/x.ts', "import { a } from '../resources/registry.ts';"],
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
  ])('accept in %s: %s', (file, source) => {
    expect(problemsOf(file, source)).toEqual([]);
  });
});
