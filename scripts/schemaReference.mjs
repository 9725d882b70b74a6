// Writes docs/schema.md from schema.graphql; with --check it only verifies that the file is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { Kind, parse, print } from 'graphql';

const target = 'docs/schema.md';
const { definitions } = parse(readFileSync('schema.graphql', 'utf8'));

const roots = ['Query', 'Mutation', 'Subscription'];
const sections = [
  ['Objects', Kind.OBJECT_TYPE_DEFINITION],
  ['Interfaces', Kind.INTERFACE_TYPE_DEFINITION],
  ['Unions', Kind.UNION_TYPE_DEFINITION],
  ['Inputs', Kind.INPUT_OBJECT_TYPE_DEFINITION],
  ['Enums', Kind.ENUM_TYPE_DEFINITION],
  ['Scalars', Kind.SCALAR_TYPE_DEFINITION],
];
const own = new Set(definitions.flatMap(({ name }) => name?.value ?? []));

const nameOf = ({ name }) => name.value;
const isRoot = (type) => roots.includes(nameOf(type));
const anchor = (name) => `#${name.toLowerCase()}`;
/** The description as a paragraph, or as a cell of a table. */
const textOf = ({ description }) => description?.value.trim() ?? '';
const cellOf = (node) =>
  textOf(node)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|');

function typeName(type) {
  return type.kind === Kind.NAMED_TYPE ? nameOf(type) : typeName(type.type);
}

/** The type as a link to its section. */
function typeLink(type) {
  const name = typeName(type);
  const text = `\`${print(type)}\``;
  return own.has(name) ? `[${text}](${anchor(name)})` : text;
}

const table = (head, rows) => [
  `| ${head.join(' | ')} |`,
  `| ${head.map(() => '---').join(' | ')} |`,
  ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  '',
];

const defaultOf = ({ defaultValue }) => (defaultValue ? ` = \`${print(defaultValue)}\`` : '');

function argumentLines({ arguments: given = [] }) {
  return given.map(
    (argument) =>
      `<br>• \`${nameOf(argument)}\`: ${typeLink(argument.type)}${defaultOf(argument)}. ${cellOf(argument)}`,
  );
}

/** Directives and interfaces that matter to clients. */
function marksOf({ directives = [], interfaces = [] }) {
  const keys = directives
    .filter((directive) => nameOf(directive) === 'key')
    .map(({ arguments: [fields] }) => `\`${fields.value.value}\``);
  return [
    ...(interfaces.length > 0
      ? [
          `Implements ${interfaces.map((type) => `[${nameOf(type)}](${anchor(nameOf(type))})`).join(', ')}.`,
        ]
      : []),
    ...(keys.length > 0 ? [`Federation entity with the key ${keys.join(' or ')}.`] : []),
  ];
}

const deprecationOf = ({ directives = [] }) =>
  directives.some((directive) => nameOf(directive) === 'deprecated') ? '**Deprecated.** ' : '';

const fieldRow = (field) => [
  `\`${nameOf(field)}\``,
  typeLink(field.type),
  `${deprecationOf(field)}${cellOf(field)}${argumentLines(field).join('')}`,
];

const bodies = {
  [Kind.OBJECT_TYPE_DEFINITION]: ({ fields }) => table(['field', 'type', ''], fields.map(fieldRow)),
  [Kind.INTERFACE_TYPE_DEFINITION]: ({ fields }) =>
    table(['field', 'type', ''], fields.map(fieldRow)),
  [Kind.UNION_TYPE_DEFINITION]: ({ types }) => [`One of ${types.map(typeLink).join(', ')}.`, ''],
  [Kind.INPUT_OBJECT_TYPE_DEFINITION]: ({ fields }) =>
    table(
      ['field', 'type', ''],
      fields.map((field) => [
        `\`${nameOf(field)}\``,
        `${typeLink(field.type)}${defaultOf(field)}`,
        cellOf(field),
      ]),
    ),
  [Kind.ENUM_TYPE_DEFINITION]: ({ values }) =>
    table(
      ['value', ''],
      values.map((value) => [`\`${nameOf(value)}\``, cellOf(value)]),
    ),
  [Kind.SCALAR_TYPE_DEFINITION]: () => [],
};

const describe = (type) => [
  `### ${nameOf(type)}`,
  '',
  ...[textOf(type), ...marksOf(type)].filter((text) => text !== '').flatMap((text) => [text, '']),
  ...bodies[type.kind](type),
];

const rootTypes = roots.flatMap((root) => definitions.filter((type) => type.name?.value === root));

const lines = [
  '# Schema reference',
  '',
  '<!-- Written by `npm run docs` from schema.graphql. -->',
  '',
  'Every field, argument and value of `schema.graphql`. For the concepts, see the',
  '[schema guide](schema-guide.md).',
  '',
  ...rootTypes.flatMap((type) => [
    `## ${nameOf(type)}`,
    '',
    textOf(type),
    '',
    ...bodies[type.kind](type),
  ]),
  ...sections.flatMap(([title, kind]) => {
    const types = definitions
      .filter((type) => type.kind === kind && !isRoot(type))
      .sort((one, other) => nameOf(one).localeCompare(nameOf(other)));
    return types.length === 0 ? [] : [`## ${title}`, '', ...types.flatMap(describe)];
  }),
];
const text = `${lines.join('\n').trimEnd()}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  process.stderr.write(`${target} is not up to date with schema.graphql. Run: npm run docs\n`);
  process.exitCode = 1;
}
