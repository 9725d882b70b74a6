import { z } from 'zod';
import type { OperationRequest } from '../graphql/subscriptions/run.ts';

const jsonObject = z.record(z.string(), z.unknown());

const operationRequestSchema = z.object({
  query: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: jsonObject.nullish(),
  extensions: jsonObject.nullish(),
  // Under these a listed operation is asked for.
  documentId: z.string().optional(),
  doc_id: z.string().optional(),
});

/** An operation as GraphQL over HTTP writes it; undefined for anything else. */
export function parseOperationRequest(value: unknown): OperationRequest | undefined {
  const { data } = operationRequestSchema.safeParse(value);
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

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same from the query of an address. */
export function parseOperationQuery(url: string): OperationRequest | undefined {
  const { searchParams } = new URL(url, 'http://gateway');
  const parameters = Object.fromEntries(searchParams);
  return parseOperationRequest({
    ...parameters,
    variables: parseJsonOrText(parameters['variables'] ?? 'null'),
    extensions: parseJsonOrText(parameters['extensions'] ?? 'null'),
  });
}
