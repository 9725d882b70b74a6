import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseSync } from '@swc/core';
import { errorCodes } from '../../src/graphql/errorCodes.ts';
import type { ErrorCode } from '../../src/graphql/errorCodes.ts';
import { createFormatError, PublicError } from '../../src/graphql/errors.ts';

const src = new URL('../../src/', import.meta.url);

/** The only files that name codes. The export is a client, which receives them. */
const homes = [
  'graphql/errorCodes.ts',
  'graphql/errors.ts',
  'graphql/generated.ts',
  'export/failures.ts',
];

const codes = Object.keys(errorCodes) as ErrorCode[];

function codesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { type, value, cooked } = node as Readonly<Record<string, unknown>>;
  const text = type === 'StringLiteral' ? value : type === 'TemplateElement' ? cooked : undefined;
  return typeof text === 'string'
    ? codes.filter((code) => code === text)
    : Object.values(node).flatMap(codesIn);
}

const codesInSource = (source: string): string[] =>
  codesIn(parseSync(source, { syntax: 'typescript', target: 'es2022' }));

test('no file of src but the error module and the client of the export contains an error code', () => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('simulator') && !homes.includes(file),
  );

  const found = files.filter(
    (file) => codesInSource(readFileSync(new URL(file, src), 'utf8')).length > 0,
  );

  expect(files.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});

test('a code in a string or a template is found, one in a comment or a longer text is not', () => {
  const source =
    "// 'FORBIDDEN'\nconst a = ['NOT_FOUND', `COLLISION`, `BAD_REQUEST`, 'a NOT_FOUND'];";

  expect(codesInSource(source)).toEqual(['NOT_FOUND', 'BAD_REQUEST']);
});

test.each(codes)('a public error with the code %s is formatted by its row of the table', (code) => {
  const { status, retryable } = errorCodes[code];
  const error = new PublicError(code, 'Why.', { retryAfterMs: 5 });

  expect(error.status).toBe(status);
  expect(error.format('r-1')).toEqual({
    message: 'Why.',
    extensions: { code, retryable, retryAfterMs: 5, requestId: 'r-1' },
  });
});

test.each(codes.filter((code) => code !== 'INTERNAL_SERVER_ERROR'))(
  'a thrown public error keeps the code %s in a GraphQL response',
  (code) => {
    const error = new PublicError(code, 'Why.');

    const { message, extensions } = createFormatError(true)(error.toJSON(), error);

    expect({ message, extensions }).toEqual({
      message: 'Why.',
      extensions: { code, retryable: errorCodes[code].retryable },
    });
  },
);
