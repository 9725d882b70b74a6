import { HeaderMap } from '@apollo/server';
import type { HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import { isRecord } from '../graphql/operations/persistedDocuments.ts';
import type {
  RequestParams,
  PersistedDocuments,
} from '../graphql/operations/persistedDocuments.ts';

function toHeaderMap({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

function queryStringOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

/** The parameters of a GET; extensions that cannot be read are left to Apollo to refuse. */
function paramsFromQuery(search: string): RequestParams {
  const params: RequestParams = Object.fromEntries(new URLSearchParams(search));
  try {
    return { ...params, extensions: JSON.parse(String(params['extensions'])) };
  } catch {
    return params;
  }
}

interface GraphQLRequest {
  readonly request: HTTPGraphQLRequest;
  /** Why it may not run. */
  readonly error?: GraphQLError;
}

/** The same parameters with this text, and no id of another. */
function queryStringWith(search: string, query: string): string {
  const parameters = new URLSearchParams(search);
  parameters.delete('extensions');
  parameters.set('query', query);
  return parameters.toString();
}

/** The request as Apollo takes it, with the text of the listed operation that it names. */
export function parseGraphQLRequest(
  fastifyRequest: FastifyRequest,
  { textFor }: PersistedDocuments,
): GraphQLRequest {
  const { method, body } = fastifyRequest;
  const headers = toHeaderMap(fastifyRequest);
  const search = queryStringOf(fastifyRequest.url);
  const request: HTTPGraphQLRequest = { method, headers, body, search };
  const params = method === 'GET' ? paramsFromQuery(search) : isRecord(body) ? body : {};
  const text = textFor(params);
  if (text === undefined) return { request };
  if (text instanceof GraphQLError) return { request, error: text };
  if (method === 'GET') return { request: { ...request, search: queryStringWith(search, text) } };
  return { request: { ...request, body: { ...params, query: text, extensions: {} } } };
}
