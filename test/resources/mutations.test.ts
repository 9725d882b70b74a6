import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { isObjectType } from 'graphql';
import { createSchema } from '../../src/graphql/schema/build.ts';
import { fieldDeclarations } from '../../src/graphql/schema/fields.ts';
import type { MutationDeclaration } from '../../src/resources/mutation.ts';
import { chatMutations } from '../../src/resources/chats/mutations.ts';

const mutations: Readonly<Record<string, MutationDeclaration<never, string, string>>> = {
  ...chatMutations,
};

const namesOf = (names: readonly string[], none: string): string =>
  names.length === 0 ? none : names.map((name) => `\`${name}\``).join(', ');

/** The cells of the table's row. */
const rowOf = (name: string, mutation: MutationDeclaration<never, string, string>) => {
  const cost = fieldDeclarations.get(`Mutation.${name}`)?.cost;
  const calls = typeof cost === 'object' && cost.strategy === 'write' ? cost.calls : NaN;
  return [
    `\`${name}\``,
    mutation.policy === 'owner' ? 'their own chats' : '`FORBIDDEN`',
    String(calls),
    mutation.isIdempotent ? 'yes' : 'no',
    namesOf([...new Set(mutation.invalidates.map(({ type }) => type.name))], 'nothing'),
    namesOf(
      mutation.publishes.map(({ change }) => change),
      'nothing',
    ),
    namesOf(mutation.repeatedBy, 'no'),
  ];
};

describe('mutation declarations', () => {
  test('every mutation of the schema has one declaration', () => {
    const type = createSchema([]).getMutationType();
    const fields = isObjectType(type) ? Object.keys(type.getFields()) : [];

    expect(Object.keys(mutations).toSorted()).toEqual(fields.toSorted());
  });

  test('docs/mutations.md has one row for each declaration', () => {
    const page = readFileSync(new URL('../../docs/mutations.md', import.meta.url), 'utf8');
    const rows = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );

    expect(rows).toEqual(
      Object.entries(mutations).map(([name, mutation]) => rowOf(name, mutation)),
    );
  });
});
