import graphql from '@graphql-eslint/eslint-plugin';

const { 'schema-recommended': recommended, 'schema-relay': relay } = graphql.configs;
const rulesOf = (config) => config.rules ?? config;

export default [
  {
    files: ['*.graphql'],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: process.env.SCHEMA } } },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...rulesOf(recommended),
      ...rulesOf(relay),
      // Values of no identity: money, pages, answers of mutations, updates, and the parts of an object.
      '@graphql-eslint/strict-id-in-types': 'off',
      // Mutations and subscriptions are named object first: `bidPlace`, `walletChanged`.
      '@graphql-eslint/no-typename-prefix': 'off',
      // Pages go forward only.
      '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
      // The executor always declares the language's own directives.
      '@graphql-eslint/no-unreachable-types': 'off',
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false }],
    },
  },
];
