import { readFileSync } from 'node:fs';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace';
import { composeServices as composeByApollo } from '@apollo/composition';
import { getStitchedSchemaFromSupergraphSdl } from '@graphql-tools/federation';
import { describe, expect, test } from '@jest/globals';
import type { ConstDirectiveNode, DocumentNode, GraphQLSchema } from 'graphql';
import { execute, graphql, Kind, parse, stripIgnoredCharacters } from 'graphql';
import { readConfig } from '../../../src/config/settings.ts';
import { fieldDeclarations } from '../../../src/graphql/schema/fields.ts';
import { createSchema } from '../../../src/graphql/schema/build.ts';
import { buildSubgraphSchema } from '../../../src/graphql/federation/subgraph.ts';
import {
  rootFieldCoordinatesOf,
  toSubgraphSdl,
} from '../../../src/graphql/federation/subgraphSdl.ts';
import { composers, serviceOf } from '../../support/composers.ts';
import { createProductsSchema, productsSdl } from '../../support/products.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

const sdl = read('schema.graphql');

const linked = (rest: string) => `
  extend schema @link(url: "https://specs.apollo.dev/federation/${rest}
  type Query { thing: Thing }
`;

const build = (text: string, resolvers: Record<string, any> = {}) =>
  buildSubgraphSchema({ sdl: text, subgraphSdl: () => text, resolvers: [resolvers] });

async function ask(schema: GraphQLSchema, document: string, variables: Record<string, any> = {}) {
  const { data, errors = [] } = await graphql({
    schema,
    source: document,
    variableValues: variables,
  });
  // Without prototypes it looks like the JSON that a client gets.
  return { data: JSON.parse(JSON.stringify(data ?? null)), errors };
}

describe('the @link of a subgraph', () => {
  test.each([
    ['v2.0', '"@key"', '@key'],
    ['v2.0', '{ name: "@key", as: "@primaryKey" }', '@primaryKey'],
    ['v2.3', '"@shareable"', '@federation__key'],
    ['v2.7', '"@key", "FieldSet"', '@key'],
  ])(
    'a schema that links %s with the imports %s has their names',
    async (version, imports, key) => {
      const schema = build(
        `${linked(`${version}", import: [${imports}])`)} type Thing ${key}(fields: "id") { id: ID! }`,
      );

      const { data, errors } = await ask(
        schema,
        '{ _entities(representations: [{ __typename: "Thing", id: 1 }]) { ... on Thing { id } } }',
      );

      expect(errors).toEqual([]);
      expect(data).toEqual({ _entities: [{ id: '1' }] });
    },
  );

  test('a schema can link the spec under another name', () => {
    const schema = build(
      `${linked('v2.0", as: "fed")')} type Thing @fed__key(fields: "id") @fed__shareable { id: ID! @fed__tag(name: "a") }`,
    );

    expect(schema.getType('_Entity')).toBeDefined();
  });

  test('a schema without entities has no _entities field', () => {
    const schema = build(`${linked('v2.0")')} type Thing { id: ID! }`);

    expect(Object.keys(schema.getQueryType()?.getFields() ?? {})).toEqual(['thing', '_service']);
  });

  test('a schema can refer to entities of other subgraphs only', () => {
    const schema = build(
      `${linked('v2.0", import: ["@key"])')} type Thing @key(fields: "id", resolvable: false) { id: ID! }`,
    );

    expect(schema.getType('_Entity')).toBeUndefined();
  });

  test.each([
    ['no spec', 'type Query { a: ID }', 'links no version of Federation 2'],
    ['a later spec', linked('v2.99")'), 'up to v2.9, not v2.99'],
    ['what the version lacks', linked('v2.0", import: ["@policy"])'), 'v2.0 has no @policy'],
    ['what no version has', linked('v2.7", import: ["@kye"])'), 'v2.7 has no @kye'],
  ])('a schema with an invalid @link fails the start: %s', (_what, text, message) => {
    expect(() => build(`${text} type Thing { id: ID }`)).toThrow(message);
  });

  test('a schema has every directive of its version with its locations', () => {
    const schema = build(`
      extend schema
        @link(
          url: "https://specs.apollo.dev/federation/v2.9"
          import: ["@key", "@requires", "@provides", "@external", "@extends", "@shareable", "@inaccessible", "@tag",
            "@override", "@composeDirective", "@interfaceObject", "@authenticated", "@requiresScopes", "@policy",
            "@context", "@fromContext", "@cost", "@listSize"]
        )
        @composeDirective(name: "@custom")
        @tag(name: "all")
      directive @custom on OBJECT
      type Query {
        thing: Thing @provides(fields: "size")
        other: Other @authenticated
        things(first: Int @cost(weight: 2)): [Thing!] @listSize(slicingArguments: ["first"], assumedSize: 5)
      }
      type Thing @key(fields: "id") @key(fields: "name") @custom @shareable @shareable {
        id: ID! @tag(name: "a") @tag(name: "b")
        name: String @override(from: "others", label: "percent(5)") @requiresScopes(scopes: [["read"]])
        size: Int @external(reason: "theirs")
        weight: Int @requires(fields: "size") @policy(policies: [["a"], ["b", "c"]]) @inaccessible
      }
      type Other @extends @key(fields: "id") @interfaceObject @context(name: "other") {
        id: ID! @external
        inner(id: ID @fromContext(field: "$other { id }")): ID
      }
      input Wish @inaccessible { colour: String @tag(name: "c") }
    `);

    expect(schema.getDirectives().map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'key',
        'composeDirective',
        'interfaceObject',
        'policy',
        'fromContext',
        'listSize',
        'link',
      ]),
    );
  });
});

describe('_entities', () => {
  const things = build(
    `${linked('v2.0", import: ["@key"])')}
     type Thing @key(fields: "id") { id: ID! name: String! }
     type Other @key(fields: "id") { id: ID! }
     type Plain { id: ID! }`,
    {
      Thing: {
        __resolveReference({ id }: { id: string }) {
          if (id === 'absent') return null;
          if (id === 'throws') throw new Error('thrown');
          if (id === 'odd') throw 'odd' as unknown as Error;
          if (id === 'refuses') return Promise.reject(new Error('refused'));
          if (id === 'late') return Promise.resolve({ __typename: 'Thing', id, name: 'Late' });
          return { __typename: 'Thing', id, name: id === 'nameless' ? null : 'Soon' };
        },
      },
    },
  );

  test('a reference keeps its position and fails alone', async () => {
    const ids = ['soon', 'absent', 'throws', 'odd', 'refuses', 'late', 'nameless', 'soon'];

    const { data, errors } = await ask(
      things,
      'query ($keys: [_Any!]!) { _entities(representations: $keys) { ... on Thing { id name } } }',
      { keys: ids.map((id) => ({ __typename: 'Thing', id })) },
    );

    const soon = { id: 'soon', name: 'Soon' };
    const late = { id: 'late', name: 'Late' };
    expect(data._entities).toEqual([soon, null, null, null, null, late, null, soon]);
    expect(errors.map(({ path }) => path?.slice(0, 2))).toEqual(
      expect.arrayContaining([2, 3, 4, 6].map((index) => ['_entities', index])),
    );
    expect(errors).toHaveLength(4);
  });

  test.each([
    ['a type without a key', { __typename: 'Plain', id: 1 }],
    ['a type that is unknown', { __typename: 'Nothing', id: 1 }],
    ['a type of all objects', { __typename: 'constructor', id: 1 }],
    ['no type', { id: 1 }],
    ['a type that is no text', { __typename: ['Thing'], id: 1 }],
    ['a text', 'Thing'],
    ['a list', [{ __typename: 'Thing', id: 1 }]],
  ])('a reference that is %s is rejected alone', async (_what, reference) => {
    const { data, errors } = await ask(
      things,
      'query ($keys: [_Any!]!) { _entities(representations: $keys) { __typename } }',
      { keys: [{ __typename: 'Other', id: 1 }, reference] },
    );

    expect(data._entities).toEqual([{ __typename: 'Other' }, null]);
    expect(errors.map(({ path, message }) => [path, message])).toEqual([
      [['_entities', 1], expect.stringMatching(/^representations: /)],
    ]);
  });
});

/** The two other subgraphs of the suite, as far as its operations need them. */
const users = build(
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])
   type Query { users: [User!]! }
   type User @key(fields: "email") {
     email: ID! name: String totalProductsCreated: Int @shareable yearsOfEmployment: Int!
   }`,
  {
    User: {
      __resolveReference: ({ email }: { email: string }) => ({
        __typename: 'User',
        email,
        name: 'as users knows it',
        totalProductsCreated: 40,
        yearsOfEmployment: 10,
      }),
    },
  },
);

const inventory = build(
  `extend schema @link(
     url: "https://specs.apollo.dev/federation/v2.3"
     import: ["@key", "@requires", "@shareable", "@external"]
   )
   extend type Product @key(fields: "id") {
     id: ID! @external
     dimensions: ProductDimension @external
     delivery(zip: String): String @requires(fields: "dimensions { size weight }")
   }
   type ProductDimension @shareable { size: String weight: Float }
   interface Inventory @key(fields: "id") { id: ID! products: [Product!]! }
   type OpenSource implements Inventory @key(fields: "id") { id: ID! products: [Product!]! }
   type Query { inventory(id: ID!): Inventory }`,
  {
    Query: {
      inventory: (_root: unknown, { id }: { id: string }) => ({
        __typename: 'OpenSource',
        id,
        products: [],
      }),
    },
    Product: {
      __resolveReference: (reference: object) => reference,
      delivery: ({ dimensions }: any) => `${dimensions.size}, ${dimensions.weight}`,
    },
  },
);

const sdlOf = async (schema: GraphQLSchema): Promise<string> => {
  const { data } = await ask(schema, '{ _service { sdl } }');
  return data._service.sdl;
};

/** A supergraph of schemas in this process, queried as by a router. */
async function supergraphOf(schemas: Readonly<Record<string, GraphQLSchema>>) {
  const services = await Promise.all(
    Object.entries(schemas).map(async ([name, schema]) => ({
      name,
      url: `http://${name}.example`,
      typeDefs: parse(await sdlOf(schema)),
    })),
  );
  const composed = composeByApollo(services);
  if (composed.supergraphSdl === undefined) throw new Error(String(composed.errors));
  return getStitchedSchemaFromSupergraphSdl({
    supergraphSdl: composed.supergraphSdl,
    onSubschemaConfig(config) {
      const schema = Object.entries(schemas).find(
        ([name]) => name.toUpperCase() === config.name.toUpperCase(),
      )?.[1];
      config.executor = ({ document, variables }) =>
        execute({ schema: schema!, document, variableValues: variables ?? {} }) as any;
    },
  });
}

describe("Apollo's subgraph compatibility suite", () => {
  const products = createProductsSchema();

  test('compatibility: _service returns the SDL as written', async () => {
    expect(await sdlOf(products)).toBe(productsSdl);
  });

  test.each([
    ['@link', 'url:"https://specs.apollo.dev/federation/v2.3"'],
    ['@shareable', 'type ProductDimension@shareable'],
    ['@tag', 'notes:String@tag(name:"internal")'],
    ['@override', 'name:String@override(from:"users")'],
    ['@inaccessible', 'unit:String@inaccessible'],
    ['@composeDirective', '@composeDirective(name:"@custom")'],
    ['@interfaceObject', 'type Inventory@interfaceObject@key(fields:"id")'],
    ['@requires', '@requires(fields:"totalProductsCreated yearsOfEmployment")'],
    ['@provides', 'createdBy:User@provides(fields:"totalProductsCreated")'],
  ])('compatibility: %s is in the SDL', async (_directive, text) => {
    expect(stripIgnoredCharacters(await sdlOf(products))).toContain(text);
  });

  test.each([
    [
      '@key (single)',
      { __typename: 'User', email: 'support@apollographql.com' },
      { name: 'Jane Smith' },
    ],
    [
      '@key (multi)',
      {
        __typename: 'DeprecatedProduct',
        sku: 'apollo-federation-v1',
        package: '@apollo/federation-v1',
      },
      { reason: 'Migrate to Federation V2' },
    ],
    [
      '@key (composite)',
      { __typename: 'ProductResearch', study: { caseNumber: '1234' } },
      { study: { description: 'Federation Study' } },
    ],
    [
      'repeatable @key, the first',
      { __typename: 'Product', id: 'apollo-studio' },
      { sku: 'studio' },
    ],
    [
      'repeatable @key, the second',
      { __typename: 'Product', sku: 'federation', package: '@apollo/federation' },
      { sku: 'federation' },
    ],
    [
      'repeatable @key, the third',
      { __typename: 'Product', sku: 'studio', variation: { id: 'platform' } },
      { sku: 'studio' },
    ],
  ])('compatibility: an entity is resolved by %s', async (_key, reference, expected) => {
    const { data, errors } = await ask(
      products,
      `query ($key: _Any!) { _entities(representations: [$key]) {
        ... on User { name } ... on DeprecatedProduct { reason } ... on Product { sku }
        ... on ProductResearch { study { description } }
      } }`,
      { key: reference },
    );

    expect(errors).toEqual([]);
    expect(data._entities).toEqual([expected]);
  });

  test('compatibility: @provides and @inaccessible fields are resolved when queried directly', async () => {
    const { data } = await ask(
      products,
      '{ product(id: "apollo-federation") { dimensions { unit } createdBy { totalProductsCreated } } }',
    );

    expect(data.product).toEqual({
      dimensions: { unit: 'kg' },
      createdBy: { totalProductsCreated: 1337 },
    });
  });

  test('compatibility: @requires, @override, @shareable and @interfaceObject work through a router', async () => {
    const schema = await supergraphOf({ products, users, inventory });

    const { data, errors } = await ask(
      schema,
      `{
        product(id: "apollo-federation") {
          dimensions { size weight }
          delivery
          createdBy { name averageProductsCreatedPerYear }
        }
        inventory(id: "apollo-oss") { id deprecatedProducts { sku reason } }
      }`,
    );

    expect(errors).toEqual([]);
    expect(data).toEqual({
      product: {
        dimensions: { size: 'small', weight: 1 },
        delivery: 'small, 1',
        createdBy: { name: 'Jane Smith', averageProductsCreatedPerYear: expect.any(Number) },
      },
      inventory: {
        id: 'apollo-oss',
        deprecatedProducts: [{ sku: 'apollo-federation-v1', reason: 'Migrate to Federation V2' }],
      },
    });
    expect(schema.getType('ProductDimension')).not.toHaveProperty('_fields.unit');
  });

  test('compatibility: ftv1 traces contain the duration of each field', async () => {
    const server = new ApolloServer({
      schema: products,
      plugins: [ApolloServerPluginInlineTrace()],
    });
    await server.start();

    const { body } = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers: new HeaderMap([
          ['content-type', 'application/json'],
          ['apollo-federation-include-trace', 'ftv1'],
        ]),
        search: '',
        body: { query: '{ __typename }' },
      },
      context: () => Promise.resolve({}),
    });
    await server.stop();

    expect(JSON.parse(body.kind === 'complete' ? body.string : '')).toEqual({
      data: { __typename: 'Query' },
      extensions: { ftv1: expect.any(String) },
    });
  });
});

const shop = read('examples/supergraph/shop.graphql');

/** Another team's subgraph with the names that many have. */
const relay = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@shareable"])
  type Query { node(id: ID!): Node nodes(ids: [ID!]!): [Node]! viewer: Viewer rateLimit: RateLimit article(id: ID!): Article }
  interface Node { id: ID! }
  type Viewer { id: ID! login: String! }
  type RateLimit { cost: Int! }
  type Article implements Node @key(fields: "id") { id: ID! author: Customer }
  type Customer @key(fields: "id", resolvable: false) { id: ID! }
  type PageInfo @shareable {
    hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String
  }
`;

describe.each(composers)('composed by %s', (_name, compose) => {
  test.each([
    ['as it is, beside the example shop', sdl, shop],
    ['in a supergraph, beside the example shop', toSubgraphSdl(sdl), shop],
    [
      'without the generic fields, beside a subgraph that has them too',
      toSubgraphSdl(sdl, ['node', 'nodes', 'viewer', 'rateLimit']),
      relay,
    ],
  ])('the schema composes without errors or hints: %s', (_how, ours, theirs) => {
    const { errors, hints = [] } = compose([
      serviceOf('helpdesk', ours),
      serviceOf('theirs', theirs),
    ]);

    expect(errors).toBeUndefined();
    expect(hints.map(String)).toEqual([]);
  });

  test('@inaccessible fields of two subgraphs collide, so they can be excluded', () => {
    const { errors } = compose([
      serviceOf('helpdesk', toSubgraphSdl(sdl)),
      serviceOf('relay', relay),
    ]);

    expect(errors.map(({ message }: Error) => message)).toEqual(
      expect.arrayContaining([expect.stringContaining('Non-shareable field "Query.node"')]),
    );
  });
});

describe('the supergraph SDL', () => {
  const fieldsOf = (document: DocumentNode) =>
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.OBJECT_TYPE_DEFINITION && definition.name.value === 'Query'
        ? (definition.fields ?? [])
        : [],
    );
  const hiddenIn = (text: string) =>
    [...parse(text).definitions, ...fieldsOf(parse(text))].flatMap((node) =>
      'directives' in node &&
      'name' in node &&
      node.directives.some(({ name }) => name.value === 'inaccessible')
        ? [node.name.value]
        : [],
    );

  test('the supergraph SDL hides the generic fields of Query and the types that only they need', () => {
    const hidden = hiddenIn(toSubgraphSdl(sdl));

    expect(hidden.toSorted()).toEqual(
      [
        'Node',
        'HelpdeskRateLimit',
        'HelpdeskViewer',
        'HelpdeskViewerRole',
        'node',
        'nodes',
        'rateLimit',
        'viewer',
      ].toSorted(),
    );
  });

  test('the supergraph SDL hides the fields of hidden types, which Grafbase requires', () => {
    const text = toSubgraphSdl(sdl);

    expect(text).toContain('role: HelpdeskViewerRole! @inaccessible');
    expect(text).toContain('type HelpdeskViewer @inaccessible');
  });

  test('the supergraph SDL omits excluded fields', () => {
    const text = toSubgraphSdl(sdl, ['node', 'nodes', 'viewer']);

    expect(hiddenIn(text).toSorted()).toEqual(['HelpdeskRateLimit', 'rateLimit']);
    expect(text).not.toMatch(/\bNode\b|\bHelpdeskViewer/);
    expect(text).toContain('nodeId: ID!');
  });

  test('the supergraph SDL is otherwise schema.graphql without the description of the schema', () => {
    const plain = toSubgraphSdl(sdl).replaceAll(/ @inaccessible\b/g, '');

    const [, rest = ''] = sdl.split(/^schema$/m);
    expect(stripIgnoredCharacters(plain)).toBe(stripIgnoredCharacters(`schema ${rest}`));
  });

  test.each(['Query', 'Mutation', 'Subscription'])('every field of %s can be excluded', (type) => {
    const fields = rootFieldCoordinatesOf(sdl).filter((field) => field.startsWith(`${type}.`));

    const kept = rootFieldCoordinatesOf(toSubgraphSdl(sdl, fields));

    expect(fields.length).toBeGreaterThan(2);
    expect(kept).toEqual(rootFieldCoordinatesOf(sdl).filter((field) => !fields.includes(field)));
  });
});

interface AppliedDirectives {
  readonly coordinate: string;
  readonly directives: ReadonlyMap<string, any>;
}

const typesOf = (text: string) =>
  parse(text).definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION ? [definition] : [],
  );

const directivesOf = (
  node: ReturnType<typeof typesOf>[number],
  coordinate: string,
): AppliedDirectives => ({
  coordinate,
  directives: new Map(
    (node.directives ?? []).map(({ name, arguments: given = [] }) => [
      name.value,
      Object.fromEntries(given.map((one) => [one.name.value, (one.value as any).value])),
    ]),
  ),
});

describe('schema directives', () => {
  test('@cacheControl has the default TTLs of the settings', () => {
    const { chats, customers, account } = readConfig({}).cacheTtlsMs;
    const kept = new Map(
      typesOf(sdl).flatMap((type) => {
        const { maxAge } = directivesOf(type, type.name.value).directives.get('cacheControl') ?? {};
        return maxAge === undefined ? [] : [[type.name.value, Number(maxAge) * 1000] as const];
      }),
    );

    expect(Object.fromEntries(kept)).toEqual({
      Agent: account,
      ChatApplication: account,
      Chat: chats,
      ChatConnection: chats,
      Customer: customers,
      CustomerConnection: chats,
      Department: account,
      ChatMessage: chats,
      ChatMessageConnection: chats,
      HelpdeskOrganization: account,
      InboxSummary: chats,
    });
  });

  test('@tag marks staff-only fields and nothing else', () => {
    const isTagged = (node: { directives?: readonly ConstDirectiveNode[] }) =>
      node.directives?.some(({ name }) => name.value === 'tag') === true;
    const tagged = typesOf(sdl).flatMap((type) =>
      (type.fields ?? [])
        .filter((field) => isTagged(type as object) || isTagged(field as object))
        .map(({ name }) => `${type.name.value}.${name.value}`),
    );
    const team = [...fieldDeclarations].flatMap(([field, { policy }]) =>
      // What federation adds is no part of a supergraph.
      policy === 'staff' && !/\b_/.test(field) ? [field] : [],
    );

    expect(tagged.toSorted()).toEqual(team.toSorted());
  });

  test('only a subgraph has the fields, types and directives of Federation', () => {
    const api = createSchema([]);
    const subgraph = createSchema([], { subgraph: { excludedRootFields: [] } });
    const federationNames = (schema: GraphQLSchema) => [
      ...Object.keys(schema.getQueryType()?.getFields() ?? {}).filter((name) =>
        name.startsWith('_'),
      ),
      ...Object.keys(schema.getTypeMap()).filter((name) => /^_[^_]|^link__|FieldSet$/.test(name)),
      ...schema
        .getDirectives()
        .flatMap(({ name }) => (/^(key|link|tag)$/.test(name) ? [name] : [])),
    ];

    expect(federationNames(api)).toEqual([]);
    expect(federationNames(subgraph)).toEqual(
      expect.arrayContaining(['_service', '_entities', '_Any', '_Entity', 'key', 'link']),
    );
  });
});
