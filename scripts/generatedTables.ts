// Writes the tables between `<!-- generated:NAME -->` and `<!-- /generated:NAME -->`; with --check it fails if one is not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { isTypeDefinitionNode, Kind, parse } from 'graphql';
import { routerTable } from '../test/supergraphs/table.ts';
import { errorCodes } from '../src/graphql/errorCodes.ts';

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const errorTable = (): string =>
  table(
    ['code', 'cause', 'HTTP status if not executed', 'retryable', 'what a client does'],
    Object.entries(errorCodes).map(([code, { status, retryable, cause, action }]) => [
      `\`${code}\``,
      cause,
      String(status),
      retryable ? 'yes' : 'no',
      action,
    ]),
  );

/** The names that a supergraph takes from the schema, by kind. */
function typeNames(): string {
  const { definitions } = parse(readFileSync('schema.graphql', 'utf8'));
  const namesOf = (kind: Kind) =>
    definitions
      .flatMap((definition) =>
        isTypeDefinitionNode(definition) && definition.kind === kind ? [definition.name.value] : [],
      )
      .filter((name) => !/^(Query|Mutation|Subscription)$/.test(name))
      .map((name) => `\`${name}\``);
  return table(
    ['kind', 'names'],
    [
      ['object types', Kind.OBJECT_TYPE_DEFINITION] as const,
      ['interfaces', Kind.INTERFACE_TYPE_DEFINITION] as const,
      ['input types', Kind.INPUT_OBJECT_TYPE_DEFINITION] as const,
      ['enums', Kind.ENUM_TYPE_DEFINITION] as const,
      ['scalars', Kind.SCALAR_TYPE_DEFINITION] as const,
    ].map(([title, kind]) => [title, namesOf(kind).toSorted().join(' ')]),
  );
}

const routersTable = (): string =>
  `${table(routerTable.head, routerTable.rows)}\n\n${routerTable.notes.join('\n')}`;

const tables = [
  { file: 'docs/federation.md', name: 'routers', create: routersTable },
  { file: 'docs/federation.md', name: 'typeNames', create: typeNames },
  { file: 'docs/errors.md', name: 'errors', create: errorTable },
];

for (const { file, name, create } of tables) {
  const text = readFileSync(file, 'utf8');
  const [before = '', rest] = text.split(`<!-- generated:${name} -->`);
  const after = rest?.split(`<!-- /generated:${name} -->`)[1];
  if (after === undefined) throw new Error(`${file} has no markers of the table ${name}.`);
  const marked = (content: string) =>
    `${before}<!-- generated:${name} -->\n\n${content}\n\n<!-- /generated:${name} -->${after}`;
  const generated = marked(create());
  if (generated === text) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${file}: the table ${name} is not up to date. Run: npm run docs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, generated);
  }
}
