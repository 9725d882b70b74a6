import graphql from '@graphql-eslint/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { standardTerms } from './scripts/standardTerms.mjs';

const descriptions = {
  types: true,
  FieldDefinition: true,
  InputValueDefinition: true,
  EnumValueDefinition: true,
  DirectiveDefinition: true,
};

// The directives that the schema imports with `@link`.
const linked = `
  directive @link(url: String!, import: [String!]) repeatable on SCHEMA
  directive @key(fields: String!, resolvable: Boolean = true) repeatable on OBJECT
  directive @shareable on FIELD_DEFINITION | OBJECT
  directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean) on FIELD_DEFINITION
  directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT
`;

export default defineConfig(
  {
    ignores: [
      'dist/',
      'coverage/',
      'src/graphql/*generated.ts',
      'test/support/operations.ts',
      'examples/inbox/page/gql/index.ts',
    ],
  },
  {
    files: ['{src,test,bench,examples,scripts}/**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Objects without classes are closures: their methods do not use `this`.
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 3],
    },
  },
  {
    files: ['{src,test,bench,examples,scripts,explorer}/**/*.{ts,tsx,js,mjs}'],
    ignores: ['scripts/standardTerms.mjs'],
    languageOptions: { parser: tseslint.parser },
    plugins: { local: { rules: { 'standard-terms': standardTerms } } },
    rules: { 'local/standard-terms': 'error' },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
  {
    // Resolvers of GraphQL take four parameters.
    files: ['src/resources/*/resolvers.ts', 'src/graphql/**/*.ts'],
    rules: { 'max-params': ['error', 4] },
  },
  {
    // Each file contains one concept.
    files: ['src/graphql/cost/estimate.ts', 'src/upstream/cache/entityCache.ts'],
    rules: { 'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }] },
  },
  {
    // Responses of the server under test are asserted, not typed.
    files: ['test/**/*.ts'],
    rules: {
      'max-lines': 'off',
      'max-params': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'CallExpression[callee.object.name="fc"][callee.property.name="assert"][arguments.length=1]',
          message: 'Pass propertyParameters(count): the same code must give the same result.',
        },
      ],
    },
  },
  {
    files: ['schema.graphql'],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: ['./schema.graphql', linked] } },
    },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...graphql.configs['flat/schema-recommended'].rules,
      ...graphql.configs['flat/schema-relay'].rules,
      // Short descriptions take one line, long ones a block.
      '@graphql-eslint/description-style': 'off',
      // Short lists (agents, tags) are plain lists. A ChatMessage cannot be fetched by id, so it has no global id.
      '@graphql-eslint/relay-edge-types': [
        'error',
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
      // Nested lists are paged forwards only.
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            types: [
              'AgentCount',
              'ChatUpdate',
              'CustomerChange',
              'CustomerDevice',
              'CustomerLocation',
              'CustomerTag',
              'DepartmentCount',
              'HelpdeskRateLimit',
              'HelpdeskViewer',
              'InboxSummary',
              'PageInfo',
              'StatusCount',
            ],
            suffixes: ['Connection', 'Edge'],
          },
        },
      ],
      '@graphql-eslint/require-description': ['error', descriptions],
    },
  },
);
