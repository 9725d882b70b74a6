import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type {
  DocumentNode,
  FragmentDefinitionNode,
  OperationDefinitionNode,
  TypeNode,
} from 'graphql';
import { Kind, print, visit } from 'graphql';
import { globSync } from 'tinyglobby';
import { z } from 'zod';
import { estimateCost } from '../graphql/cost/estimate.ts';
import type { OperationCost } from '../graphql/cost/rules.ts';
import { entitiesByType } from '../resources/registry.ts';
import { parseDocument, validateDocument } from '../graphql/limits/documentStructure.ts';
import { estimateNodes } from '../graphql/limits/responseNodes.ts';
import { createSchema } from '../graphql/schema/build.ts';
import { toNodeId } from '../lib/ids.ts';
import { maxPageSize } from '../lib/paging.ts';
import { UsageError } from '../lib/usageError.ts';

type OperationVariables = Readonly<Record<string, unknown>>;

const schema = createSchema([], { subgraph: { excludedRootFields: [] } });

const help = `Reports the cost of GraphQL operations: upstream calls with an empty cache, and nodes, which are the objects of the response.

  helpcrunch-graphql price [options] 'src/**/*.graphql' [more files or patterns]
  npm run price -- [options] 'src/**/*.graphql' [more files or patterns]

  --limit N              maximum worst-case cost of an operation in upstream calls (default 30)
  --max-nodes N          maximum number of nodes of its response (default 20000)
  --variables FILE.json  variables by operation name: { "ChatPage": { "first": 20 } }
  --json                 print JSON; null means too large to be expressed
  --help                 print this

A variable without a value and default counts as a unique value, an Int as ${maxPageSize}.
Nodes are an upper bound, except for lists without a page size: agents count as 50, the tags of a customer as 10.
The exit code is 1 if an operation is invalid or above a limit.
`;

interface ParsedFiles {
  readonly operations: readonly {
    readonly file: string;
    readonly operation: OperationDefinitionNode;
  }[];
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Files that cannot be parsed, and different fragments of the same name. */
  readonly problems: readonly string[];
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

function findFiles(patterns: readonly string[]): readonly string[] {
  const files = patterns.flatMap((pattern) =>
    existsSync(pattern) ? [pattern] : globSync(pattern, { expandDirectories: false }),
  );
  if (files.length > 0) return [...new Set(files)].sort();
  throw new UsageError(
    patterns.length === 0
      ? 'No file or pattern given; see --help.'
      : `No files found for ${patterns.join(' ')}.`,
  );
}

function readFiles(files: readonly string[]): ParsedFiles {
  const operations: { file: string; operation: OperationDefinitionNode }[] = [];
  const fragments = new Map<string, FragmentDefinitionNode>();
  const problems: string[] = [];
  for (const file of files) {
    try {
      for (const definition of parseDocument(readFileSync(file, 'utf8')).definitions) {
        if (definition.kind === Kind.OPERATION_DEFINITION) {
          operations.push({ file, operation: definition });
        } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
          const name = definition.name.value;
          const existing = fragments.get(name);
          if (existing !== undefined && print(existing) !== print(definition)) {
            problems.push(`${file}: Another file has a different fragment "${name}".`);
          }
          fragments.set(name, definition);
        }
      }
    } catch (error) {
      problems.push(`${file}: ${messageOf(error)}`);
    }
  }
  return { operations, fragments, problems };
}

/** An operation with the fragments it uses, from any file. */
function documentOf(
  operation: OperationDefinitionNode,
  fragments: ParsedFiles['fragments'],
): DocumentNode {
  const definitions: (OperationDefinitionNode | FragmentDefinitionNode)[] = [operation];
  // The loop also visits the fragments that it adds.
  for (const definition of definitions) {
    visit(definition, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value);
        if (fragment !== undefined && !definitions.includes(fragment)) definitions.push(fragment);
      },
    });
  }
  return { kind: Kind.DOCUMENT, definitions };
}

/** A unique value. An ID is the global id of an object of `typename`, which every ID argument accepts. */
function assumedValue(type: TypeNode, number: number, typename: string): unknown {
  if (type.kind === Kind.NON_NULL_TYPE) return assumedValue(type.type, number, typename);
  if (type.kind === Kind.LIST_TYPE) {
    return Array.from({ length: maxPageSize }, (_, index) =>
      assumedValue(type.type, number + index, typename),
    );
  }
  switch (type.name.value) {
    case 'Int':
      return maxPageSize;
    case 'ID':
      return toNodeId(typename, String(number));
    case '_Any':
      return { __typename: typename, id: String(number) };
    case 'Boolean':
      return undefined;
    default:
      return `$${number}`;
  }
}

/** The given variables, and a value for each other one without a default. Optional strings, such as cursors, stay unset. */
function assumeVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: OperationVariables,
  typename: string,
): OperationVariables {
  const assumed = variableDefinitions.flatMap(({ variable, type, defaultValue }, index) => {
    const isOptionalText = type.kind === Kind.NAMED_TYPE && type.name.value === 'String';
    return defaultValue !== undefined || isOptionalText
      ? []
      : [[variable.name.value, assumedValue(type, (index + 1) * 1_000, typename)] as const];
  });
  return { ...Object.fromEntries(assumed), ...given };
}

interface Figures extends Pick<OperationCost, 'worst' | 'typical'> {
  readonly nodes: number;
}

/** The figures of an invalid operation. */
const noFigures: Figures = { worst: NaN, typical: NaN, nodes: NaN };

/** The highest figures for any type of the ids that are not given. */
function figuresOf(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  given: OperationVariables,
): Figures {
  const all = Array.from(entitiesByType.keys(), (typename) => {
    const request = { schema, variables: assumeVariables(operation, given, typename) };
    return { cost: estimateCost(document, request), nodes: estimateNodes(document, request).nodes };
  });
  const { cost } = all.reduce((most, one) => (one.cost.worst > most.cost.worst ? one : most));
  const { worst, typical } = cost;
  return { worst, typical, nodes: Math.max(...all.map(({ nodes }) => nodes)) };
}

const oneOperation = z.record(z.string(), z.unknown());

function readVariables(file: string | undefined): Readonly<Record<string, OperationVariables>> {
  if (file === undefined) return {};
  try {
    return z.record(z.string(), oneOperation).parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new UsageError(
      `${file}: must be JSON with an object of variables for each operation name. ${messageOf(error)}`,
    );
  }
}

interface PriceRow extends Figures {
  readonly operation: string;
  readonly file: string;
  readonly verdict: string;
  readonly errors: readonly string[];
}

/** Numbers are aligned right, text left. */
function formatTable(rows: readonly PriceRow[]): string {
  const formatCount = (count: number) => (count === Infinity ? 'too large' : String(count));
  const lines = [
    ['operation', 'file', 'worst', 'typical', 'nodes', 'verdict'],
    ...rows.map(({ operation, file, worst, typical, nodes, verdict }) =>
      verdict === 'invalid'
        ? [operation, file, '', '', '', verdict]
        : [operation, file, formatCount(worst), formatCount(typical), formatCount(nodes), verdict],
    ),
  ];
  const figures: ReadonlySet<number> = new Set([2, 3, 4]);
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return figures.has(column) ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  '),
    )
    .join('\n');
}

const options = {
  limit: { type: 'string', default: '30' },
  'max-nodes': { type: 'string', default: '20000' },
  variables: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${messageOf(error)}\n\n${help}`);
  }
}

interface PriceStreams {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
}

interface PriceLimits {
  readonly calls: number;
  readonly nodes: number;
}

function readLimit(flag: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError(`--${flag}: must be a whole number.`);
  return Number(text);
}

function verdictOn({ worst, nodes }: Figures, limits: PriceLimits): string {
  if (worst > limits.calls) return `above ${limits.calls}`;
  return nodes > limits.nodes ? `above ${limits.nodes} nodes` : 'ok';
}

/** Whether every operation is valid and within the limits. */
function run(args: readonly string[], { print, printError }: PriceStreams): boolean {
  const { values, positionals } = readArguments(args);
  if (values.help) {
    print(help);
    return true;
  }
  const limit = readLimit('limit', values.limit);
  const maxNodes = readLimit('max-nodes', values['max-nodes']);
  const variables = readVariables(values.variables);
  const { operations, fragments, problems } = readFiles(findFiles(positionals));
  const rows = operations.map(({ file, operation }): PriceRow => {
    const name = operation.name?.value ?? '(anonymous)';
    const document = documentOf(operation, fragments);
    const errors = validateDocument(schema, document).map(({ message }) => message);
    const isValid = errors.length === 0;
    const figures = isValid ? figuresOf(document, operation, variables[name] ?? {}) : noFigures;
    const verdict = isValid ? verdictOn(figures, { calls: limit, nodes: maxNodes }) : 'invalid';
    return { operation: name, file, ...figures, verdict, errors };
  });
  const failures = [
    ...problems,
    ...rows.flatMap(({ file, operation, errors }) =>
      errors.map((error) => `${file}: ${operation}: ${error}`),
    ),
    ...(rows.length === 0 && problems.length === 0 ? ['No operations found in these files.'] : []),
  ];
  if (values.json) print(`${JSON.stringify({ limit, maxNodes, operations: rows, problems })}\n`);
  else if (rows.length > 0) print(`${formatTable(rows)}\n`);
  if (failures.length > 0) printError(`${failures.join('\n')}\n`);
  return failures.length === 0 && rows.every(({ verdict }) => verdict === 'ok');
}

/** Runs the command and returns its exit code: 0 if every operation is valid and within the limits. */
export function runPrice(args: readonly string[], streams: PriceStreams): number {
  try {
    return run(args, streams) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    streams.printError(`${error.message}\n`);
    return 1;
  }
}
