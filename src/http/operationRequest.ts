import { HeaderMap } from '@apollo/server';
import type { HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PublicError } from '../graphql/errors.ts';
import { isDictionary } from '../lib/shape.ts';
import type {
  PersistedDocuments,
  RequestParams,
} from '../graphql/operations/persistedDocuments.ts';
import type { OperationParams } from '../graphql/subscriptions/run.ts';

const jsonObject = z.record(z.string(), z.unknown());

const operationRequestSchema = z.object({
  query: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: jsonObject.nullish(),
  extensions: jsonObject.nullish(),
  // Ids of persisted operations.
  documentId: z.string().optional(),
  doc_id: z.string().optional(),
});

/** Parses the parameters of a GraphQL request; undefined for anything else. */
export function parseOperationRequest(value: unknown): OperationParams | undefined {
  const { data } = operationRequestSchema.safeParse(value);
  if (data === undefined) return undefined;
  const { query, operationName, variables, extensions, ...ids } = data;
  return {
    ...ids,
    // Clients of persisted queries may send an empty text with the hash.
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

const parameterNames = ['query', 'operationName', 'variables', 'extensions'];

/** Parses the parameters in the query string of a URL; undefined if one is repeated. */
export function parseOperationQuery(url: string): OperationParams | undefined {
  const { searchParams } = new URL(url, 'http://gateway');
  if (parameterNames.some((name) => searchParams.getAll(name).length > 1)) return undefined;
  const parameters = Object.fromEntries(searchParams);
  return parseOperationRequest({
    ...parameters,
    variables: parseJsonOrText(parameters['variables'] ?? 'null'),
    extensions: parseJsonOrText(parameters['extensions'] ?? 'null'),
  });
}

/** The parameters of a GET request; undefined if Apollo Server would reject them. */
function strictQueryParams(url: string): RequestParams | undefined {
  const search = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  const params: Record<string, unknown> = {};
  for (const [name, text] of search) {
    if (parameterNames.includes(name) && name in params) return undefined;
    const isObject = name === 'variables' || name === 'extensions';
    const value = isObject ? parseJsonOrText(text) : text;
    if (isObject && !isDictionary(value)) return undefined;
    params[name] = value;
  }
  return params;
}

const isJson = /^application\/json(; *charset=utf-8)?$/i;

/** The headers that browsers send across origins only after a preflight request. */
const isPreflighted = ({ headers }: FastifyRequest): boolean =>
  Boolean(headers['apollo-require-preflight']) || Boolean(headers['x-apollo-operation-name']);

/** The parameters of a request without anything that Apollo Server would have to check; undefined for all others. */
export function fastPathParams(request: FastifyRequest): unknown {
  const { method, body, url, headers } = request;
  const { 'content-type': contentType } = headers;
  if (method === 'POST') {
    return isJson.test(contentType ?? '') && !url.includes('?') ? body : undefined;
  }
  const isAdmitted = contentType === undefined ? isPreflighted(request) : isJson.test(contentType);
  return isAdmitted ? strictQueryParams(url) : undefined;
}

function toHeaderMap({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

/** Extensions that are not JSON are left to Apollo Server, which rejects them. */
function persistedQueryParams(search: string): RequestParams {
  const params: RequestParams = Object.fromEntries(new URLSearchParams(search));
  return { ...params, extensions: parseJsonOrText(String(params['extensions'])) };
}

/** The same parameters with the document of a persisted operation instead of its id. */
function queryStringWith(search: string, query: string): string {
  const parameters = new URLSearchParams(search);
  parameters.delete('extensions');
  parameters.set('query', query);
  return parameters.toString();
}

/** The request for Apollo Server, with the document of a persisted operation; an error if the operation may not run. */
export function toApolloRequest(
  fastifyRequest: FastifyRequest,
  resolveText: (params: RequestParams) => ReturnType<PersistedDocuments['resolvePersistedText']>,
): { readonly request: HTTPGraphQLRequest; readonly error?: PublicError } {
  const { method, body, url } = fastifyRequest;
  const [, search = ''] = /^[^?]*(\?.*)$/s.exec(url) ?? [];
  const request = { method, headers: toHeaderMap(fastifyRequest), body, search };
  const params = method === 'GET' ? persistedQueryParams(search) : isDictionary(body) ? body : {};
  const text = resolveText(params);
  if (text === undefined) return { request };
  if (text instanceof PublicError) return { request, error: text };
  return method === 'GET'
    ? { request: { ...request, search: queryStringWith(search, text) } }
    : { request: { ...request, body: { ...params, query: text, extensions: {} } } };
}
