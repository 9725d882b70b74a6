import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { toSubgraphSdl } from '../../../src/graphql/federation/subgraphSdl.ts';
import { composers, serviceOf } from '../../support/composers.ts';
import {
  definedNames,
  foreignSchemas,
  groupsOfForeignSchemas,
  sharedTypes,
} from '../../support/foreignSchemas.ts';

const sdl = readFileSync('schema.graphql', 'utf8');

const excludedIn = (schemas: readonly { readonly excluded: readonly string[] }[]) => [
  ...new Set(schemas.flatMap(({ excluded }) => excluded)),
];

test('no name of forty schemas with the usual type names is a name of this schema', () => {
  const collisions = foreignSchemas.flatMap(({ name, sdl: theirs, excluded }) => {
    const ours = new Set(definedNames(toSubgraphSdl(sdl, excluded)));
    return definedNames(theirs)
      .filter((defined) => ours.has(defined) && !sharedTypes.has(defined))
      .map((defined) => `${name}: ${defined}`);
  });

  expect(foreignSchemas).toHaveLength(40);
  expect(collisions).toEqual([]);
});

describe.each(composers)('composed by %s', (_name, compose) => {
  test.each(
    groupsOfForeignSchemas().map(
      (group) => [group.map(({ name }) => name).join(', '), group] as const,
    ),
  )(
    'schemas with the usual type names compose beside this one without errors and hints: %s',
    (_names, group) => {
      const { errors, hints = [] } = compose([
        serviceOf('helpdesk', toSubgraphSdl(sdl, excludedIn(group))),
        ...group.map(({ name, sdl: theirs }) => serviceOf(name, theirs)),
      ]);

      expect(errors).toBeUndefined();
      expect(hints.map(String)).toEqual([]);
    },
  );

  test('a subgraph can provide the names and e-mail addresses that it holds', () => {
    const { errors, hints = [] } = compose([
      serviceOf('helpdesk', toSubgraphSdl(sdl)),
      serviceOf(
        'orders',
        `extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@external", "@provides"])
         type Query { lastOrder: Order }
         type Order {
           buyer: Customer @provides(fields: "name email")
           seller: Agent @provides(fields: "name email")
           department: Department @provides(fields: "name")
         }
         type Customer @key(fields: "id") { id: ID! name: String @external email: String @external }
         type Agent @key(fields: "id") { id: ID! name: String @external email: String @external }
         type Department @key(fields: "id") { id: ID! name: String! @external }`,
      ),
    ]);

    expect(errors).toBeUndefined();
    expect(hints.map(String)).toEqual([]);
  });
});
