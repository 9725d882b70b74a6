import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { isObjectType } from 'graphql';
import { createSchema } from '../../src/graphql/schema/build.ts';
import type { MutationDeclaration } from '../../src/resources/mutation.ts';
import { agentMutations } from '../../src/resources/agents/mutations.ts';
import {
  customerBatchMutations,
  customerDeletions,
  customerEventMutations,
  customerMutations,
} from '../../src/resources/customers/mutations.ts';
import { chatMutations } from '../../src/resources/chats/mutations.ts';
import { chatCreationMutations, messageMutations } from '../../src/resources/messages/mutations.ts';

type Declaration = Pick<
  MutationDeclaration<never, never>,
  'policy' | 'calls' | 'retry' | 'invalidates' | 'publishes'
>;

const mutations: Readonly<Record<string, Declaration>> = {
  ...chatMutations,
  ...messageMutations,
  ...chatCreationMutations,
  ...customerMutations,
  ...customerBatchMutations,
  ...customerDeletions,
  ...customerEventMutations,
  ...agentMutations,
};

const namesOf = (names: readonly string[], none: string): string =>
  names.length === 0 ? none : names.map((name) => `\`${name}\``).join(', ');

const callsOf = ({ calls }: Declaration): string =>
  typeof calls === 'number' ? String(calls) : calls.text;

const retries = {
  safe: 'repeated',
  ifNotSet: 'read, repeated if not set',
  lookUp: 'looked up',
  never: 'fails',
};

/** The cells of the table's row. */
const rowOf = (name: string, mutation: Declaration) => [
  `\`${name}\``,
  mutation.policy === 'owner' ? 'their own' : '`FORBIDDEN`',
  callsOf(mutation),
  retries[mutation.retry],
  namesOf([...new Set(mutation.invalidates.map(({ type }) => type.name))], 'nothing'),
  namesOf([...new Set(mutation.publishes.map(({ change }) => change))], 'nothing'),
  namesOf([...new Set(mutation.publishes.flatMap(({ repeatedBy }) => repeatedBy))], 'no'),
];

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
