import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { retryLink } from './apollo.ts';
import { createCache } from './apolloCache.ts';

/** `crypto.subtle` exists in secure contexts only: HTTPS and localhost. React Native has none and needs a function of a library. */
async function sha256WithSubtleCrypto(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const createPersistedQueryClient = (url: string, sha256 = sha256WithSubtleCrypto) =>
  new ApolloClient({
    link: ApolloLink.from([
      retryLink,
      new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
      new HttpLink({ uri: url }),
    ]),
    cache: createCache(),
  });
