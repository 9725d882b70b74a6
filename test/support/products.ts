import type { GraphQLSchema } from 'graphql';
import { buildSubgraphSchema } from '../../src/graphql/federation/subgraph.ts';

/** The schema that Apollo's subgraph compatibility suite prescribes: it uses every directive of Federation 2.3. */
export const productsSdl = /* GraphQL */ `
  extend schema
    @link(
      url: "https://specs.apollo.dev/federation/v2.3"
      import: [
        "@composeDirective"
        "@extends"
        "@external"
        "@key"
        "@inaccessible"
        "@interfaceObject"
        "@override"
        "@provides"
        "@requires"
        "@shareable"
        "@tag"
      ]
    )
    @link(url: "https://myspecs.dev/myCustomDirective/v1.0", import: ["@custom"])
    @composeDirective(name: "@custom")

  directive @custom on OBJECT

  type Product
    @custom
    @key(fields: "id")
    @key(fields: "sku package")
    @key(fields: "sku variation { id }") {
    id: ID!
    sku: String
    package: String
    variation: ProductVariation
    dimensions: ProductDimension
    createdBy: User @provides(fields: "totalProductsCreated")
    notes: String @tag(name: "internal")
    research: [ProductResearch!]!
  }

  type DeprecatedProduct @key(fields: "sku package") {
    sku: String!
    package: String!
    reason: String
    createdBy: User
  }

  type ProductVariation {
    id: ID!
  }

  type ProductResearch @key(fields: "study { caseNumber }") {
    study: CaseStudy!
    outcome: String
  }

  type CaseStudy {
    caseNumber: ID!
    description: String
  }

  type ProductDimension @shareable {
    size: String
    weight: Float
    unit: String @inaccessible
  }

  extend type Query {
    product(id: ID!): Product
    deprecatedProduct(sku: String!, package: String!): DeprecatedProduct
      @deprecated(reason: "Use product query instead")
  }

  extend type User @key(fields: "email") {
    averageProductsCreatedPerYear: Int @requires(fields: "totalProductsCreated yearsOfEmployment")
    email: ID! @external
    name: String @override(from: "users")
    totalProductsCreated: Int @external
    yearsOfEmployment: Int! @external
  }

  type Inventory @interfaceObject @key(fields: "id") {
    id: ID!
    deprecatedProducts: [DeprecatedProduct!]!
  }
`;

const user = {
  __typename: 'User',
  email: 'support@apollographql.com',
  name: 'Jane Smith',
  totalProductsCreated: 1337,
};

const deprecated = {
  __typename: 'DeprecatedProduct',
  sku: 'apollo-federation-v1',
  package: '@apollo/federation-v1',
  reason: 'Migrate to Federation V2',
  createdBy: user,
};

const research = ['Federation Study', 'Studio Study'].map((description, index) => ({
  __typename: 'ProductResearch',
  study: { caseNumber: `${1234 + index}`, description },
  outcome: null,
}));

const dimensions = { size: 'small', weight: 1, unit: 'kg' };

const products = [
  {
    __typename: 'Product',
    id: 'apollo-federation',
    sku: 'federation',
    package: '@apollo/federation',
    variation: { id: 'OSS' },
    research: [research[0]],
    dimensions,
    createdBy: user,
    notes: null,
  },
  {
    __typename: 'Product',
    id: 'apollo-studio',
    sku: 'studio',
    package: '',
    variation: { id: 'platform' },
    research: [research[1]],
    dimensions,
    createdBy: user,
    notes: null,
  },
];

interface Reference {
  readonly id?: string;
  readonly email?: string;
  readonly sku?: string;
  readonly package?: string;
  readonly variation?: { readonly id: string };
  readonly study?: { readonly caseNumber: string };
}

const isDeprecated = (asked: Reference): boolean =>
  asked.sku === deprecated.sku && asked.package === deprecated.package;

const findProduct = (asked: Reference) =>
  products.find(
    ({ id, sku, package: pack, variation }) =>
      id === asked.id ||
      (sku === asked.sku && (pack === asked.package || variation.id === asked.variation?.id)),
  ) ?? null;

/** That schema with the gateway's subgraph layer. */
export const createProductsSchema = (): GraphQLSchema =>
  buildSubgraphSchema({
    sdl: productsSdl,
    subgraphSdl: () => productsSdl,
    resolvers: [
      {
        Query: {
          product: (_root, asked: Reference) => findProduct(asked),
          deprecatedProduct: (_root, asked: Reference) => (isDeprecated(asked) ? deprecated : null),
        },
        Product: { __resolveReference: findProduct },
        DeprecatedProduct: {
          __resolveReference: (asked: Reference) => (isDeprecated(asked) ? deprecated : null),
        },
        ProductResearch: {
          __resolveReference: ({ study }: Reference) =>
            research.find((one) => one.study.caseNumber === study?.caseNumber) ?? null,
        },
        Inventory: {
          __resolveReference: (asked: Reference) => ({
            ...asked,
            __typename: 'Inventory',
            deprecatedProducts: [deprecated],
          }),
        },
        User: {
          // Uses the external fields that the router sends.
          __resolveReference: (asked: Reference) =>
            asked.email === user.email ? { ...user, ...asked } : null,
          averageProductsCreatedPerYear: ({
            totalProductsCreated,
            yearsOfEmployment,
          }: Readonly<Record<string, number>>) =>
            Math.round(Number(totalProductsCreated) / Number(yearsOfEmployment)),
        },
      },
    ],
  });
