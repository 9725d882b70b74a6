import { z } from 'zod';
import type { Request } from '../graphql/live.ts';

const map = z.record(z.string(), z.unknown());

const shape = z.object({
  query: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: map.nullish(),
  extensions: map.nullish(),
  // Under these a listed operation is asked for.
  documentId: z.string().optional(),
  doc_id: z.string().optional(),
});

/** An operation as GraphQL over HTTP writes it; undefined for anything else. */
export function readRequest(value: unknown): Request | undefined {
  const { data } = shape.safeParse(value);
  if (data === undefined) return undefined;
  const { query, operationName, variables, extensions, ...ids } = data;
  return {
    ...ids,
    // An operation that is known by its hash alone may come with an empty text.
    ...(typeof query === 'string' && query !== '' ? { query } : {}),
    ...(typeof operationName === 'string' ? { operationName } : {}),
    ...(variables ? { variables } : {}),
    ...(extensions ? { extensions } : {}),
  };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same from the query of an address. */
export function readSearch(url: string): Request | undefined {
  const { searchParams } = new URL(url, 'http://gateway');
  const given = Object.fromEntries(searchParams);
  return readRequest({
    ...given,
    variables: jsonOr(given['variables'] ?? 'null'),
    extensions: jsonOr(given['extensions'] ?? 'null'),
  });
}
