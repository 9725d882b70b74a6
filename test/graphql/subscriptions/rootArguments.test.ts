import { expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { RootArguments } from '../../../src/graphql/subscriptions/rootArguments.ts';

const rootArguments = new RootArguments((_field, argument) => argument === 'id');

const reduce = (source: string, operationName: string | null = null) =>
  rootArguments.removeFrom({ document: parse(source), operationName });

test('operations that differ in removed arguments, comments and white space have the same source', () => {
  const sources = [
    'subscription { a { id } }',
    'subscription { a(id: "1") { id } } # one',
    'subscription ($id: ID) {\n a(id: $id) { id } }',
    'subscription ($id: ID = 3) { a(id: $id) { id } }',
  ].map((source) => reduce(source).source);

  expect(new Set(sources).size).toBe(1);
});

test('a variable that a removed argument and nothing else uses is removed with its value', () => {
  const reduced = reduce('subscription ($id: ID, $b: Int) { a(id: $id) { b(b: $b) } }');

  expect(reduced.source).toMatch('subscription ($b: Int)');
  expect(reduced.variables({ id: '1', b: 2 })).toEqual({ b: 2 });
});

test.each([
  ['another argument', 'subscription ($id: ID) { a(id: $id, other: $id) { b } }'],
  ['an argument of a nested field', 'subscription ($id: ID) { a(id: $id) { b(id: $id) } }'],
  ['a directive', 'subscription ($id: ID) { a(id: $id) { b @c(id: $id) } }'],
  ['a list', 'subscription ($id: ID) { a(id: $id) { b(ids: [$id]) } }'],
  [
    'a fragment',
    'subscription ($id: ID) { a(id: $id) { ...F } } fragment F on A { b(id: $id) { c } }',
  ],
])('a variable that %s uses too is kept', (_place, source) => {
  const reduced = reduce(source);

  expect(reduced.source).toMatch('subscription ($id: ID)');
  expect(reduced.source).not.toMatch('a(id:');
  expect(reduced.variables({ id: '1' })).toEqual({ id: '1' });
});

test('arguments of nested fields with the same name are kept', () => {
  expect(reduce('subscription { a(id: 1) { a(id: 2) { b } } }').source).toMatch('a(id: 2)');
});

test('each operation of a document is reduced for itself', () => {
  const document = parse('subscription A { a(id: 1) { b } } subscription B { a(id: 2) { b } }');
  const sourceOf = (operationName: string) =>
    rootArguments.removeFrom({ document, operationName }).source;

  expect(sourceOf('A')).toMatch('a(id: 2)');
  expect(sourceOf('B')).toMatch('a(id: 1)');
});

test('arguments in fragments that are spread in many ways are removed', () => {
  const levels = 60;
  const fragments = Array.from({ length: levels }, (_, level) => {
    const inner = level + 1 === levels ? 'a(id: 1) { b }' : `...A${level + 1} ...B${level + 1}`;
    return `fragment A${level} on S { ${inner} } fragment B${level} on S { ${inner} }`;
  });

  const { source } = reduce(`subscription { ...A0 ...B0 } ${fragments.join(' ')}`);

  expect(source).not.toMatch('a(id:');
});
