import type { IncomingHttpHeaders } from 'node:http';

/** Those who may ask from a browser's page outside production: Apollo's explorers and pages of this machine. */
const developmentOrigins: readonly (string | RegExp)[] = [
  'https://studio.apollographql.com',
  'https://sandbox.embed.apollographql.com',
  /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]+)?$/,
];

export const allowedOrigins = (
  corsOrigins: readonly string[],
  isProduction: boolean,
): (string | RegExp)[] => [...corsOrigins, ...(isProduction ? [] : developmentOrigins)];

/**
 * Whether a request may come from where it comes from. A browser says which page makes it open a WebSocket or a stream; it asks no
 * leave beforehand, as it does for other requests of strange pages.
 */
export const createOriginCheck =
  (allowed: readonly (string | RegExp)[]) =>
  ({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean => {
    if (origin === undefined)
      return site === undefined || site === 'same-origin' || site === 'none';
    return allowed.some((entry) =>
      typeof entry === 'string' ? entry === origin : entry.test(origin),
    );
  };
