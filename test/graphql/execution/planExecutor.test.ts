import { describe, expect, test } from '@jest/globals';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { ExecutionResult } from 'graphql';
import { parse, responsePathAsArray, validate } from 'graphql';
import type { Context } from '../../../src/graphql/context.ts';
import type { ExecutionGuard } from '../../../src/graphql/execution/executionGuard.ts';
import { createUnlimitedGuard } from '../../../src/graphql/execution/executionGuard.ts';
import type { PrepareOperation } from '../../../src/graphql/execution/executor.ts';
import { createGraphqlJsExecutor } from '../../../src/graphql/execution/graphqlJsExecutor.ts';
import { createPlanExecutor } from '../../../src/graphql/execution/planExecutor.ts';
import { createRandom, createRandomOperation } from '../../support/randomOperations.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';

const operationCount = propertyRuns(100);
/** The answers of longer ones are too long to be looked at. */
const longest = 1_500;

const typeDefs = /* GraphQL */ `
  interface Named {
    id: ID!
    name: String
  }
  union Anything = Tree | Stone
  input Wish {
    deep: Wish
    size: Int = 4
    words: [String!]
  }
  enum Colour {
    GREEN
    GREY
  }
  type Tree implements Named {
    id: ID!
    name: String
    tall: Boolean
    height: Float
    colour: Colour!
    described(by: Int = 3, wish: Wish): String!
    shade: Stone
    root: Stone!
    branches: [Tree]
    twigs: [Tree!]
    leaves: [[String]!]!
    stones: [Stone!]!
    near: Anything
    named: [Named]!
  }
  type Stone implements Named {
    id: ID!
    name: String
    weight: Int!
    sides: [Int!]
    under: Tree
    beside: [Anything!]
  }
  type Query {
    tree(id: ID!): Tree
    oak: Tree!
    stones(first: Int): [Stone!]
    any: Anything!
    named: [Named!]
  }
  type Mutation {
    grow(id: ID!, wish: Wish): Tree
    cut(id: ID!): Tree!
  }
`;

/** A number from 0 up to 1 that is always the same for the same text. */
function chanceOf(text: string): number {
  let hash = 2_166_136_261;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619);
  }
  return createRandom(hash)();
}

/** How resolvers behave. */
interface World {
  readonly seed: number;
  /** The changes, in their order. */
  readonly log: string[];
  failures: number;
  readonly guard: ExecutionGuard;
}

function late(value: () => unknown, turns: number): Promise<unknown> {
  let promise = Promise.resolve();
  for (let turn = 0; turn < turns; turn += 1) promise = promise.then(() => undefined);
  const result = promise.then(value);
  result.catch(() => undefined);
  return result;
}

/**
 * Where one null would take a whole list with it. A failure there comes late: graphql-js forgets the promises of a list in
 * which something fails at once, and these then end the process.
 */
const isInStrictList = (path: string): boolean => /(stones|twigs|beside|named)/.test(path);

/** A good value, or something else; at once, or later. */
function some(path: string, world: World, good: () => unknown): unknown {
  const { seed } = world;
  const luck = chanceOf(`${path} ${seed}`);
  if (luck < 0.12) world.failures += 1;
  const value = () => {
    if (luck < 0.05) return null;
    if (luck < 0.09) throw new Error(`no ${path}`);
    if (luck < 0.11) return new Error(`an error as ${path}`);
    if (luck < 0.12) return undefined;
    return good();
  };
  const turns =
    Math.floor(chanceOf(`${path} ${seed} turns`) * 6) - 2 + (isInStrictList(path) ? 3 : 0);
  return turns > 0 ? late(value, turns) : value();
}

const listOf = (path: string, world: World, item: (path: string) => unknown): unknown[] =>
  Array.from({ length: Math.floor(chanceOf(`${path} ${world.seed} length`) * 4) }, (_, index) =>
    index % 2 === 0 && chanceOf(`${path} ${index}`) < 0.7
      ? item(`${path}.${index}`)
      : some(`${path}.${index}`, world, () => item(`${path}.${index}`)),
  );

function leaf(path: string, world: World, value: unknown): unknown {
  try {
    return some(path, world, () => value);
  } catch (error) {
    return error;
  }
}

function isOdd(path: string, world: World): boolean {
  const is = !isInStrictList(path) && chanceOf(`${path} ${world.seed}`) < 0.08;
  if (is) world.failures += 1;
  return is;
}

function treeAt(path: string, world: World): object {
  const name = leaf(`${path}.name`, world, 'an oak');
  return {
    __typename: 'Tree',
    path,
    id: leaf(`${path}.id`, world, path.length),
    get name() {
      if (name instanceof Error) throw name;
      return name;
    },
    tall: isOdd(`${path}.tall`, world) ? 'not a truth' : true,
    height: () => some(`${path}.height`, world, () => 4.5),
    colour: isOdd(`${path}.colour`, world) ? 'RED' : 'GREEN',
    leaves: leaf(
      `${path}.leaves`,
      world,
      listOf(path, world, (at) => listOf(at, world, () => 'x')),
    ),
  };
}

const stoneAt = (path: string, world: World): object => ({
  __typename: isOdd(`${path}.type`, world) ? 'Water' : 'Stone',
  path,
  id: 'stone',
  name: null,
  weight: leaf(`${path}.weight`, world, 7),
  sides: new Set([1, 2, 3]),
});

const anyAt = (path: string, world: World): object =>
  chanceOf(`${path} kind`) < 0.5 ? treeAt(path, world) : stoneAt(path, world);

type Source = { readonly path: string } | undefined;
type Make = (path: string, world: World) => object;

const one =
  (make: Make) =>
  (source: Source, args: object, world: World, { path }: any): unknown => {
    const at = `${source?.path ?? ''}/${path.key}${JSON.stringify(args)}`;
    return some(at, world, () => make(at, world));
  };

const many =
  (make: Make) =>
  (source: Source, args: object, world: World, { path }: any): unknown => {
    const at = `${source?.path ?? ''}/${path.key}${JSON.stringify(args)}`;
    return some(at, world, () => listOf(at, world, (item) => make(item, world)));
  };

const changing =
  (make: Make) =>
  (source: Source, args: object, world: World, info: any): unknown => {
    world.log.push(String(info.path.key));
    return one(make)(source, args, world, info);
  };

const schema = makeExecutableSchema({
  typeDefs,
  resolvers: {
    Tree: {
      described: (_tree: Source, args: object, _world: World, info: any) =>
        JSON.stringify([
          args,
          info.fieldName,
          responsePathAsArray(info.path),
          String(info.returnType),
        ]),
      shade: one(stoneAt),
      root: one(stoneAt),
      branches: many(treeAt),
      twigs: many(treeAt),
      stones: many(stoneAt),
      near: one(anyAt),
      named: many(anyAt),
    },
    Stone: { under: one(treeAt), beside: many(anyAt) },
    Query: {
      tree: one(treeAt),
      oak: one(treeAt),
      stones: many(stoneAt),
      any: one(anyAt),
      named: many(anyAt),
    },
    Mutation: { grow: changing(treeAt), cut: changing(treeAt) },
  },
});

const plain = createGraphqlJsExecutor(schema);
let notPlanned = 0;
const planned = createPlanExecutor(schema, (document, operationName) => {
  const execute = plain(document, operationName);
  return (variables, context) => {
    notPlanned += 1;
    return execute(variables, context);
  };
});

async function run(
  executor: PrepareOperation,
  { query, variables = {} }: { query: string; variables?: Readonly<Record<string, unknown>> },
  { seed = 1 } = {},
) {
  const world: World = { seed, log: [], failures: 0, guard: createUnlimitedGuard() };
  // The resolvers of this schema know nothing else of their surroundings.
  const context = world as unknown as Context;
  const result: ExecutionResult = await executor(parse(query))(variables, context);
  const errors = (result.errors ?? []).map((error) => ({
    at: nulledBy(result.data, error.path ?? []),
    text: JSON.stringify({ ...error.toJSON(), message: known(error.message) }),
  }));
  return { data: JSON.stringify(result.data), errors, log: world.log, failures: world.failures };
}

type Answer = Awaited<ReturnType<typeof run>>;

/** How far down a path there is something. */
function nulledBy(data: unknown, path: readonly (string | number)[]): string {
  let value: any = data;
  const depth = path.findIndex((key) => (value = value?.[key]) === null);
  return JSON.stringify(path.slice(0, data === null ? 0 : depth + 1));
}

/** Internal errors are hidden from clients, so their messages may differ from those of graphql-js. */
const known = (message: string): string =>
  /^(Abstract type|Runtime Object type|A value of|Expected )/.test(message) ? 'internal' : message;

const certainOf = ({ data, log, errors }: Answer): string =>
  JSON.stringify([data, log, [...new Set(errors.map(({ at }) => at))].toSorted()]);

const allOf = ({ data, log, errors }: Answer): string => JSON.stringify([data, log, errors]);

describe('the plan executor', () => {
  test('the plan executor gives the results of graphql-js for random operations and resolvers', async () => {
    const odd: string[] = [];
    let failed = 0;
    let compared = 0;

    for (let seed = 1; compared < operationCount; seed += 1) {
      const random = createRandom(seed * 7_919);
      const operation = createRandomOperation({ schema, random, ids: { default: ['1', '2'] } });
      if (operation.query.length > longest) continue;
      if (validate(schema, parse(operation.query)).length > 0) continue;
      compared += 1;
      const expected = await run(plain, operation, { seed });
      const answer = await run(planned, operation, { seed });
      if (expected.errors.length > 0) failed += 1;
      // If several failures null the same field, which of them is reported is not deterministic.
      const isSame =
        expected.failures > 1
          ? certainOf(answer) === certainOf(expected)
          : allOf(answer) === allOf(expected);
      if (!isSame) odd.push(`${seed} ${operation.query}`);
    }

    expect(odd).toEqual([]);
    expect(failed).toBeGreaterThan(operationCount / 10);
    expect(notPlanned).toBeLessThan(operationCount / 10);
  });

  test.each([
    ['introspection', '{ __schema { queryType { name } } any { __typename } }'],
    ['a name that sets a prototype', '{ __proto__: oak { __typename } }'],
  ])('the plan executor leaves %s to graphql-js', async (_name, query) => {
    const before = notPlanned;

    const answer = await run(planned, { query });

    expect(notPlanned).toBe(before + 1);
    expect(answer).toEqual(await run(plain, { query }));
  });

  test('the plan executor has a plan for each combination of @skip and @include', async () => {
    const query =
      'query A($a: Boolean!, $b: Boolean = true) { any { __typename @skip(if: $a) ...F @include(if: $b) } } fragment F on Named { kind: __typename }';

    for (const variables of [
      { a: true },
      { a: false },
      { a: true, b: false },
      { a: false, b: false },
    ]) {
      const answer = await run(planned, { query, variables });
      expect(answer).toEqual(await run(plain, { query, variables }));
    }
  });

  test.each([
    ['one', {}],
    ['more than the maximum number of errors', { first: Array.from({ length: 100 }, () => 'x') }],
  ])(
    'the plan executor reports invalid variables as graphql-js does: %s',
    async (_name, variables) => {
      const query =
        'query A($first: [Int!]!) { stones { sides } tree(id: 1) { described(words: $first) } }';

      const answer = await run(planned, { query, variables });

      expect(answer.errors.length).toBeLessThanOrEqual(9);
      expect(answer).toEqual(await run(plain, { query, variables }));
    },
  );
});
