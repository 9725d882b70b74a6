import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { ErrorLink } from '@apollo/client/link/error';
import type { GraphQLErrorExtensions } from 'graphql';
import { mergeMap, timer } from 'rxjs';
import { createCache } from './apolloCache.ts';

/** The user interface handles longer waits. */
const maxWaitMs = 5_000;

const waitOf = ({ code, retryAfterMs }: GraphQLErrorExtensions = {}): number =>
  code === 'RATE_LIMITED' ? Number(retryAfterMs) : Infinity;

/** Retries a rate-limited operation once, unless it has returned data. Because of the jitter, clients do not retry at the same time. */
export const retryLink = new ErrorLink(({ error, result, operation, forward }) => {
  const hasData = Object.values(result?.data ?? {}).some((value) => value !== null);
  if (!CombinedGraphQLErrors.is(error) || hasData) return undefined;
  const waitMs = Math.max(...error.errors.map(({ extensions }) => waitOf(extensions)));
  if (!(waitMs <= maxWaitMs)) return undefined;
  return timer(waitMs * (1 + Math.random() / 2)).pipe(mergeMap(() => forward(operation)));
});

export const createApolloClient = (url: string, headers: Record<string, string> = {}) =>
  new ApolloClient({
    link: ApolloLink.from([retryLink, new HttpLink({ uri: url, headers })]),
    cache: createCache(),
  });
