import graphql from '@graphql-eslint/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const descriptions = {
  types: true,
  FieldDefinition: true,
  InputValueDefinition: true,
  EnumValueDefinition: true,
  DirectiveDefinition: true,
};

// What `@link` imports, as far as the linter must know it.
const linked = `
  directive @link(url: String!, import: [String!]) repeatable on SCHEMA
  directive @key(fields: String!) repeatable on OBJECT
  directive @shareable on OBJECT
  directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT
`;

export default defineConfig(
  {
    ignores: [
      'dist/',
      'coverage/',
      'src/graphql/*generated.ts',
      'test/support/operations.ts',
      'examples/inbox/page/gql/',
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
      // Our objects are closures: no method of theirs knows a `this`.
      '@typescript-eslint/unbound-method': 'off',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 3],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
  {
    // GraphQL's resolvers take four.
    files: ['src/resources/*/resolvers.ts', 'src/graphql/**/*.ts'],
    rules: { 'max-params': ['error', 4] },
  },
  {
    // One concept each; splitting them would only spread it.
    files: ['src/graphql/cost/estimate.ts', 'src/upstream/cache/entityCache.ts'],
    rules: { 'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }] },
  },
  {
    // One table of all settings.
    files: ['src/config/declarations.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    // What comes back from a server under test is looked at, not typed.
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
      // Short descriptions stand on a line, long ones in a block.
      '@graphql-eslint/description-style': 'off',
      // Short lists (agents, tags) are plain; a ChatMessage has no place of its own, so no global id.
      '@graphql-eslint/relay-edge-types': [
        'error',
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
      // Lists inside other things are walked forwards only.
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            types: [
              'ChatUpdate',
              'CustomerDevice',
              'CustomerLocation',
              'CustomerTag',
              'HelpdeskRateLimit',
              'HelpdeskViewer',
              'PageInfo',
            ],
            suffixes: ['Connection', 'Edge'],
          },
        },
      ],
      '@graphql-eslint/require-description': ['error', descriptions],
    },
  },
);
