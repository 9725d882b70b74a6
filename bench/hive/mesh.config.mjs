import { readFileSync } from 'node:fs';
import { defineConfig } from '@graphql-mesh/compose-cli';
import { loadOpenAPISubgraph } from '@omnigraph/openapi';
import { parse } from 'yaml';

const source = parse(readFileSync('openapi.yaml', 'utf8'));
const { schemas } = source.components;

// What may be one thing or another becomes a union of containers: a client could not read it as one field, and it would cost more.
schemas.Timestamp = { type: 'string' };
schemas.NullableTimestamp = { type: 'string', nullable: true };
schemas.FilterValue = { type: 'integer' };
schemas.Customer.properties.customData = { type: 'object', additionalProperties: true };
// Three spellings become one name in GraphQL, of which the last would win.
schemas.ChatStatus.enum = schemas.ChatStatus.enum.filter((status) => !/on-?hold/.test(status));

export const composeConfig = defineConfig({
  subgraphs: [
    {
      sourceHandler: loadOpenAPISubgraph('helpdesk', {
        source,
        endpoint: '{env.UPSTREAM_URL}',
        // A POST, but no change.
        selectQueryOrMutationField: [{ fieldName: 'searchCustomers', type: 'query' }],
      }),
    },
  ],
  additionalTypeDefs: 'extend type Chat { wholeCustomer: Customer }',
});
