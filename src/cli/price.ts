import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { globSync } from 'tinyglobby';
import { z } from 'zod';
import { estimateWithAssumedVariables } from '../graphql/cost/assumedVariables.ts';
import type { OperationEstimate, OperationVariables } from '../graphql/cost/assumedVariables.ts';
import { validateTrustedDocument } from '../graphql/limits/documentStructure.ts';
import type { OperationsFile } from '../graphql/operations/operationFiles.ts';
import { documentOf, parseOperationFiles } from '../graphql/operations/operationFiles.ts';
import { createSchema } from '../graphql/schema/build.ts';
import { maxPageSize } from '../lib/paging.ts';
import { UsageError } from '../lib/usageError.ts';

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

/** The figures of an invalid operation. */
const noFigures: OperationEstimate = { worst: NaN, typical: NaN, nodes: NaN };

function readOperationFile(file: string): OperationsFile {
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new UsageError(`${file}: ${messageOf(error)}`);
  }
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

interface PriceRow extends OperationEstimate {
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

function verdictOn({ worst, nodes }: OperationEstimate, limits: PriceLimits): string {
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
  const { operations, fragments, problems } = parseOperationFiles(
    findFiles(positionals).map(readOperationFile),
  );
  const rows = operations.map(({ file, operation }): PriceRow => {
    const name = operation.name?.value ?? '(anonymous)';
    const document = documentOf(operation, fragments);
    const errors = validateTrustedDocument(schema, document).map(({ message }) => message);
    const isValid = errors.length === 0;
    const given = variables[name] ?? {};
    const figures = isValid
      ? estimateWithAssumedVariables({ schema, document, operation, given })
      : noFigures;
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
