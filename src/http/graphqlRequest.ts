import { HeaderMap } from '@apollo/server';
import type { HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import { isAsked } from '../graphql/listedOperations.ts';
import type { Asked, ListedOperations } from '../graphql/listedOperations.ts';

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

function searchOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

/** The parameters of a GET; extensions that cannot be read are left to Apollo to refuse. */
function askedBySearch(search: string): Asked {
  const asked: Asked = Object.fromEntries(new URLSearchParams(search));
  try {
    return { ...asked, extensions: JSON.parse(String(asked['extensions'])) };
  } catch {
    return asked;
  }
}

interface ReadRequest {
  readonly request: HTTPGraphQLRequest;
  /** Why it may not run. */
  readonly refusedBy?: GraphQLError;
}

/** The same parameters with this text, and no id of another. */
function searchWith(search: string, query: string): string {
  const parameters = new URLSearchParams(search);
  parameters.delete('extensions');
  parameters.set('query', query);
  return parameters.toString();
}

/** The request as Apollo takes it, with the text of the listed operation that it names. */
export function readRequest(from: FastifyRequest, { textFor }: ListedOperations): ReadRequest {
  const { method, body } = from;
  const headers = headersOf(from);
  const search = searchOf(from.url);
  const request: HTTPGraphQLRequest = { method, headers, body, search };
  const asked = method === 'GET' ? askedBySearch(search) : isAsked(body) ? body : {};
  const text = textFor(asked);
  if (text === undefined) return { request };
  if (text instanceof GraphQLError) return { request, refusedBy: text };
  if (method === 'GET') return { request: { ...request, search: searchWith(search, text) } };
  return { request: { ...request, body: { ...asked, query: text, extensions: {} } } };
}
