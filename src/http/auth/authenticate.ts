import { createHash } from 'node:crypto';
import type { Config } from '../../config/settings.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import type { AccountCredentials, Authenticate } from './credentials.ts';
import { createApiKeyAuthentication, createNoAuthentication } from './credentials.ts';
import type { Jwks } from './jwks.ts';
import { permitSchemaAccess } from './schemaAccess.ts';

/** Names the account of a client's API key by a hash of the key, so that clients with different keys share nothing. */
const accountForKey = (apiKey: string): AccountCredentials => ({
  apiKey,
  account: createHash('sha256').update(apiKey).digest('base64url').slice(0, 16),
});

interface AuthenticateOptions {
  readonly auth: Config['auth'];
  /** The secrets that tokens may be signed with. */
  readonly secrets: () => readonly string[];
  /** The gateway's own account. */
  readonly account: AccountCredentials;
  /** Whether HelpCrunch has accepted the key of this account. */
  readonly isAccepted: (account: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

interface Authentication {
  readonly authenticate: Authenticate;
  /** The key set that tokens are verified with; undefined without `JWKS_URL`. */
  readonly jwks?: Jwks | undefined;
}

export async function createAuthentication({
  auth,
  secrets,
  account,
  isAccepted,
  clock,
  log,
}: AuthenticateOptions): Promise<Authentication> {
  if (auth.mode === 'none') return { authenticate: createNoAuthentication(account) };
  if (auth.mode === 'forward') {
    const byApiKey = createApiKeyAuthentication({ accountOf: accountForKey, isAccepted });
    return { authenticate: permitSchemaAccess(byApiKey, account) };
  }
  const { signedBy, ...expected } = auth;
  // Loaded on demand: `jose` takes time and memory.
  const [{ createJwks }, { createJwtAuthentication }] = await Promise.all([
    import('./jwks.ts'),
    import('./jwt.ts'),
  ]);
  const jwks = 'secret' in signedBy ? undefined : createJwks({ url: signedBy.jwksUrl, clock, log });
  const keys = jwks ?? { secrets };
  const byToken = createJwtAuthentication({ account, keys, clock, ...expected });
  return { authenticate: permitSchemaAccess(byToken, account), jwks };
}
