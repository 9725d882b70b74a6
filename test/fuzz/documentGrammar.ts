import type { GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema } from 'graphql';
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { Random } from '../../src/simulator/random.ts';
import { createRandomOperation } from '../support/randomOperations.ts';
import type { Facts } from './session.ts';
import { mutateText, nest, oddKey, oddValue, size, times } from './values.ts';

export interface Operation {
  readonly query: string;
  /** JSON text; undefined where none are sent. */
  readonly variables?: string | undefined;
}

const signs = [
  '{',
  '}',
  '(',
  ')',
  '...',
  '"',
  '"""',
  '@',
  '$',
  '#',
  '\\u',
  '\u0000',
  '💬',
  '!',
  '&',
];

/** The schema allows no operation to be deeper. */
const deepest = 12;

/** One field of a path through the schema, and the type in which it leads on. */
interface Step {
  readonly field: GraphQLField<unknown, unknown>;
  readonly on: GraphQLObjectType;
  readonly inner: GraphQLNamedType;
}

const isList = (field: GraphQLField<unknown, unknown>): boolean => {
  const type = isNonNullType(field.type) ? field.type.ofType : field.type;
  return isListType(type) || field.args.some(({ name }) => name === 'first');
};

const objectOf = (random: Random, schema: GraphQLSchema, type: GraphQLNamedType) => {
  if (isObjectType(type)) return type;
  return isAbstractType(type) ? random.pick(schema.getPossibleTypes(type)) : undefined;
};

/** A way down from the type; fields that lead to lists are preferred, as they multiply what is below. */
function randomPath(
  random: Random,
  { schema, root, length }: { schema: GraphQLSchema; root: GraphQLObjectType; length: number },
): Step[] {
  const steps: Step[] = [];
  for (let on: GraphQLObjectType | undefined = root; on !== undefined && steps.length < length;) {
    const choices: (readonly [GraphQLField<unknown, unknown>, number])[] = Object.values(
      on.getFields(),
    )
      .filter(({ name, type }) => !name.startsWith('__') && isCompositeType(getNamedType(type)))
      .map((field) => [field, isList(field) ? 3 : 1]);
    if (choices.length === 0) break;
    const field = random.weighted(choices);
    const inner = getNamedType(field.type);
    steps.push({ field, on, inner });
    on = objectOf(random, schema, inner);
  }
  return steps;
}

/** The fewest fields from the root to the type. */
function shortestPath(schema: GraphQLSchema, target: GraphQLObjectType): readonly Step[] {
  const root = schema.getQueryType()!;
  const queue: { readonly on: GraphQLObjectType; readonly steps: readonly Step[] }[] = [
    { on: root, steps: [] },
  ];
  const seen = new Set<GraphQLNamedType>([root]);
  for (const { on, steps } of queue) {
    if (on === target) return steps;
    for (const field of Object.values(on.getFields())) {
      const inner = getNamedType(field.type);
      if (!isObjectType(inner) || seen.has(inner)) continue;
      seen.add(inner);
      queue.push({ on: inner, steps: [...steps, { field, on, inner }] });
    }
  }
  return [];
}

/** By schema, the types below the root, with the way to each. */
const waysOf = new WeakMap<
  GraphQLSchema,
  readonly (readonly [GraphQLObjectType, readonly Step[]])[]
>();

function waysIn(schema: GraphQLSchema) {
  const known = waysOf.get(schema);
  if (known !== undefined) return known;
  const ways = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type))
    .map((type) => [type, shortestPath(schema, type)] as const)
    .filter(([, steps]) => steps.length > 0);
  waysOf.set(schema, ways);
  return ways;
}

/** A way that leads from a type back to the same type, after the shortest way to it. */
function cyclicPath(random: Random, schema: GraphQLSchema): readonly Step[] {
  const [start, way] = random.pick(waysIn(schema));
  const steps = randomPath(random, { schema, root: start, length: 5 });
  const end = steps.findIndex(({ inner }) => inner === start);
  return [...way, ...(end === -1 ? steps : steps.slice(0, end + 1))];
}

/** Where the path comes back to a type, the way round is repeated until the depth is used up. */
function pumped(random: Random, steps: readonly Step[]): readonly Step[] {
  if (!random.isLucky(0.8)) return steps;
  for (const [from, step] of steps.entries()) {
    const again = steps.findIndex(({ on }, index) => index > from && on === step.on);
    const isEnd = again === -1 && steps.at(-1)?.inner === step.on;
    const to = isEnd ? steps.length : again;
    if (to === -1) continue;
    const cycle = steps.slice(from, to);
    const grown = [...steps.slice(0, to)];
    while (grown.length + cycle.length < deepest) grown.push(...cycle);
    return grown;
  }
  return steps;
}

function argumentsOf(random: Random, { field }: Step, facts: Facts): string {
  const given = field.args.flatMap(({ name, type }) => {
    if (name === 'first') {
      const count = random.weighted([
        [100, 4],
        [undefined, 2],
        [random.integer(1, 100), 2],
        [random.pick([0, -1, 101, 2 ** 31]), 1],
      ]);
      return count === undefined ? [] : [`first: ${count}`];
    }
    if (!isNonNullType(type)) return [];
    const named = getNamedType(type);
    const ids = facts.ids[field.name] ?? facts.ids[name] ?? facts.ids['default'] ?? ['1'];
    if (isListType(type.ofType)) {
      const items = Array.from({ length: random.integer(0, 5) }, () => random.pick(ids));
      const isReference = named.name === '_Any';
      return [
        `${name}: [${items.map((id) => (isReference ? `{ __typename: "Chat", id: ${JSON.stringify(id)} }` : JSON.stringify(id))).join(', ')}]`,
      ];
    }
    if (isEnumType(named)) return [`${name}: ${random.pick(named.getValues()).name}`];
    if (named.name === 'Boolean') return [`${name}: ${random.isLucky(0.5)}`];
    return [`${name}: ${JSON.stringify(random.pick(ids))}`];
  });
  return given.length === 0 ? '' : `(${given.join(', ')})`;
}

const leavesOf = (random: Random, type: GraphQLNamedType): string => {
  if (!isObjectType(type)) return '__typename';
  const leaves = Object.values(type.getFields())
    .filter(({ type: inner, args }) => !isCompositeType(getNamedType(inner)) && args.length === 0)
    .map(({ name }) => name);
  const wanted = Array.from({ length: random.integer(0, 4) }, () =>
    leaves.length === 0 ? '__typename' : random.pick(leaves),
  );
  return [...new Set(wanted.length === 0 ? ['__typename'] : wanted)].join(' ');
};

/** A valid selection along one way through the schema, as deep and as wide as the arguments allow. */
function deepSelection(random: Random, facts: Facts, steps: readonly Step[]): string {
  let doubled = 0;
  let inner = '';
  for (const [index, step] of [...steps.entries()].reverse()) {
    const next = steps[index + 1];
    const isAbstract = next !== undefined && !isObjectType(step.inner);
    const leaves = leavesOf(random, isAbstract ? next.on : step.inner);
    const body = isAbstract
      ? `{ ... on ${next.on.name} { ${leaves} ${inner} } }`
      : `{ ${leaves} ${inner} }`;
    const text = `${step.field.name}${argumentsOf(random, step, facts)} ${body}`;
    const isDoubled = doubled < 3 && random.isLucky(0.1);
    if (isDoubled) doubled += 1;
    inner = isDoubled ? `${text} again${index}: ${text}` : text;
  }
  return inner;
}

/** A way from the root, half of them with a cycle. */
function deepPath(random: Random, schema: GraphQLSchema, root: GraphQLObjectType): readonly Step[] {
  const steps =
    root === schema.getQueryType() && random.isLucky(0.6)
      ? cyclicPath(random, schema)
      : randomPath(random, { schema, root, length: random.integer(1, deepest - 1) });
  return pumped(random, steps);
}

export const deepDocument = (random: Random, facts: Facts): string => {
  const { schema } = facts;
  const root = random.isLucky(0.05) ? schema.getMutationType()! : schema.getQueryType()!;
  const kind = root === schema.getMutationType() ? 'mutation' : 'query';
  return `${kind} { ${deepSelection(random, facts, deepPath(random, schema, root))} }`;
};

/** A subscription to anything, valid or not. */
export const subscriptionDocument = (random: Random, facts: Facts): string => {
  const root = facts.schema.getSubscriptionType()!;
  const field = random.pick(Object.values(root.getFields()));
  const given = field.args.flatMap(({ name }) =>
    random.isLucky(0.2)
      ? [`${name}: ${JSON.stringify(random.pick(facts.ids['default'] ?? ['1']))}`]
      : [],
  );
  const inner = getNamedType(field.type);
  const deeper =
    isObjectType(inner) && random.isLucky(0.4)
      ? deepSelection(random, facts, deepPath(random, facts.schema, inner))
      : '';
  const text = `${field.name}${given.length === 0 ? '' : `(${given.join(', ')})`} { ${leavesOf(random, inner)} ${deeper} }`;
  return `subscription { ${text}${random.isLucky(0.05) ? ` other: ${text}` : ''} }`;
};

/** The limit of the words and signs of a document. */
const maxTokens = 2_000;

/**
 * Fragments that spread each other: chains, trees and cycles where each spreads the same few of its neighbours, and graphs at random.
 * Often there are nearly as many as a document may have.
 */
function fragmentGraph(random: Random): string {
  const offsets = Array.from({ length: random.integer(1, 3) }, () => random.integer(1, 4));
  const isClosed = random.isLucky(0.5);
  const isRandom = random.isLucky(0.25);
  const withLeaf = random.isLucky(0.3) ? ['__typename'] : [];
  const most = Math.floor(maxTokens / (6 + 2 * offsets.length + withLeaf.length));
  const count = random.isLucky(0.5)
    ? random.integer(Math.floor(most * 0.6), most)
    : random.integer(1, Math.ceil(most * 1.2));
  const targetOf = (index: number, offset: number): number => {
    if (isRandom) return random.integer(0, count);
    return isClosed ? (index + offset) % count : index + offset;
  };
  const fragments = times(count, (index) => {
    const spreads = offsets.map((offset) => `...F${targetOf(index, offset)}`);
    return `fragment F${index} on Query { ${[...withLeaf, ...spreads].join(' ')} }`;
  });
  return `{ ...F0 } ${fragments}`;
}

/** Documents whose parts are repeated or nested `count` times. */
const repetitions: readonly ((count: number) => string)[] = [
  (count) => `{ ${times(count, (index) => `a${index}: __typename`)} }`,
  (count) => `{ ${'__typename '.repeat(count)} }`,
  (count) => `{ __typename ${'@x '.repeat(count)} }`,
  (count) => `{ __typename ${times(count, () => '@include(if: true)')} }`,
  (count) => `{ ${times(count, () => '...F')} } fragment F on Query { __typename }`,
  (count) => `{ chat(id: 1) { ${nest('customer { chats { nodes { ', '} } } ', count, 'id ')} } }`,
  (count) => nest('{ a ', '}', count, 'b'),
  (count) => nest('{ ... ', '}', count, '{ __typename }'),
  (count) => `{ chats(filter: ${nest('{ anyOf: [', '] }', count, '{}')}) { totalCount } }`,
  (count) => `query (${times(count, (index) => `$v${index}: [[Int!]!] = [[1]]`)}) { __typename }`,
  (count) => `query ($v: ${nest('[', ']', count, 'Int')}) { __typename }`,
  (count) => `{ chat(id: ${nest('[', ']', count)}) { id } }`,
  (count) => `{ chat(id: ${nest('{ a: ', '}', count)}) { id } }`,
  (count) => `{ ${'x'.repeat(count * 20)} }`,
  (count) => `{ chat(id: "${'9'.repeat(count * 20)}") { id } }`,
  (count) => `{ ${times(count, (index) => `chat(id: ${index}) { id }`)} }`,
  (count) => `{ ${times(count, () => 'departments { agents { name } }')} }`,
  (count) => times(count, (index) => `query Q${index} { __typename }`),
  (count) => `${'#'.repeat(count * 20)}\n{ __typename }`,
  (count) => `{ __type(name: "Chat") { ${nest('fields { type { ', '} } ', count, 'name ')} } }`,
  (count) => `{ __schema { ${times(count, (index) => `t${index}: types { fields { name } }`)} } }`,
];

const operationTexts = [
  'query ($id: ID!) { chat(id: $id) { id status customer { name } messages { nodes { text } } } }',
  'query ($filter: ChatFilter) { chats(first: 5, filter: $filter) { totalCount nodes { id agents { name } } } }',
  'query ($filter: CustomerFilter) { customers(first: 5, filter: $filter) { nodes { id tags { name } customData } } }',
  'query ($ids: [ID!]!) { nodes(nodeIds: $ids) { nodeId ... on Chat { id } } }',
  'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Customer { name } ... on Agent { name } } }',
  'mutation ($id: ID!, $by: ReadBy!, $read: Boolean!) { markChatRead(id: $id, by: $by, read: $read) { id } }',
  'query A @skip(if: false) { ...F } fragment F on Query { rateLimit { remaining } viewer { role } }',
  '{ departments { name agents { name chats(first: 2) { nodes { id } } } } organization { domain } }',
];

export const operationText = (random: Random): string => random.pick(operationTexts);

const variableNames = ['id', 'filter', 'ids', 'r', 'by', 'read', '__proto__', 'toString', ''];

const oddVariables = (random: Random): string =>
  random.weighted([
    [
      () =>
        JSON.stringify(Object.fromEntries(variableNames.map((name) => [name, oddValue(random)]))),
      3,
    ],
    [
      () => {
        const count = 10 ** random.integer(1, 4);
        const value = random.pick([
          () => nest('{"anyOf":[', ']}', count, '{}'),
          () => nest('[', ']', count),
          () => nest('{"a":', '}', count),
          () => `[${'1,'.repeat(count)}1]`,
          () => `"${'x'.repeat(count * 20)}"`,
          () => `{${times(count, (index) => `"k${index}":1,`)}"k":1}`,
        ])();
        return `{${JSON.stringify(random.pick(variableNames))}:${value}}`;
      },
      1,
    ],
    [() => `{"${oddKey(random)}":${JSON.stringify(oddValue(random))}}`, 1],
  ])();

/** An operation for `/graphql`, valid or not, with its variables. */
export function randomOperation(random: Random, facts: Facts): Operation {
  return random.weighted<() => Operation>([
    [() => ({ query: deepDocument(random, facts) }), 10],
    [
      () => {
        const { schema, ids } = facts;
        const { query, variables } = createRandomOperation({
          schema,
          ids,
          random: () => random.next(),
        });
        return { query, variables: JSON.stringify(variables) };
      },
      3,
    ],
    [() => ({ query: fragmentGraph(random) }), 6],
    [() => ({ query: random.pick(repetitions)(size(random, 4_000)) }), 3],
    [() => ({ query: operationText(random), variables: oddVariables(random) }), 4],
    [
      () => ({
        query: mutateText(
          random,
          random.isLucky(0.5) ? operationText(random) : deepDocument(random, facts),
          signs,
        ),
        variables: '{"id":"5208"}',
      }),
      3,
    ],
  ])();
}
