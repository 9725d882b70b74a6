import { describe, expect, test } from '@jest/globals';
import { breakingChanges } from '../scripts/schemaChanges.ts';

const released = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@tag"])
  type Query { thing(id: ID!): Thing old: Thing @deprecated(reason: "Use thing.") }
  type Thing @key(fields: "id") { id: ID! name: String size(unit: Unit): Int }
  enum Unit { METRE INCH OLD @deprecated(reason: "Use METRE.") }
  input Wish { colour: String }
  type Mutation { wish(wish: Wish): Thing }
`;

const change = (from: string, to: string) => {
  expect(released).toContain(from);
  return breakingChanges(released, released.replace(from, to));
};

describe('breaking schema changes', () => {
  test.each([
    ['a field that goes', ' name: String', '', "Field 'name' was removed from object type 'Thing'"],
    [
      'a field that may be null now',
      'id: ID! name',
      'id: ID name',
      "changed type from 'ID!' to 'ID'",
    ],
    ['another type', 'name: String', 'name: Int', "changed type from 'String' to 'Int'"],
    ['an argument that goes', '(unit: Unit)', '', "Argument 'unit: Unit' was removed"],
    ['an argument that must be given', '(unit: Unit)', '(unit: Unit!)', "'Unit' to 'Unit!'"],
    ['a value that goes', 'METRE INCH', 'METRE', "Enum value 'INCH' was removed"],
    ['a wish that must be said', 'colour: String', 'colour: String!', "'String' to 'String!'"],
    [
      'a type that goes',
      'type Mutation { wish(wish: Wish): Thing }',
      '',
      "Schema mutation type 'Mutation' was removed",
    ],
  ])('a schema change breaks clients by %s', async (_what, from, to, message) => {
    expect((await change(from, to)).join('\n')).toContain(message);
  });

  test.each([
    ['nothing', 'name: String', 'name: String'],
    ['a new field', 'name: String', 'name: String more: [Thing!]!'],
    ['a new argument', '(unit: Unit)', '(unit: Unit, round: Boolean)'],
    ['a new value', 'METRE', 'METRE YARD'],
    ['a field that is never null any more', 'name: String', 'name: String!'],
    ['the end of what was deprecated', 'old: Thing @deprecated(reason: "Use thing.")', ''],
    ['the end of a value that was deprecated', 'OLD @deprecated(reason: "Use METRE.")', ''],
    ['a word on a field', 'name: String', 'name: String @tag(name: "internal")'],
    ['a description', 'type Thing', '"A thing." type Thing'],
  ])('a schema change is compatible: %s', async (_what, from, to) => {
    expect(await change(from, to)).toEqual([]);
  });
});
