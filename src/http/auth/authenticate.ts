import { createHash } from 'node:crypto';
import type { Config } from '../../config/settings.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import type { AccountCredentials, Authenticate } from './credentials.ts';
import { authenticateByApiKey, authenticateNone } from './credentials.ts';

/** The account of a key, under a name that does not tell the key. */
export const accountForKey = (apiKey: string): AccountCredentials => ({
  apiKey,
  account: createHash('sha256').update(apiKey).digest('base64url').slice(0, 16),
});

interface AuthenticateOptions {
  readonly auth: Config['auth'];
  /** The gateway's own. */
  readonly account: AccountCredentials;
  /** Whether the helpdesk has accepted the key of this account. */
  readonly isAccepted: (account: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who may ask, as the settings say. */
export async function createAuthenticate({
  auth,
  account,
  isAccepted,
  clock,
  log,
}: AuthenticateOptions): Promise<Authenticate> {
  if (auth.mode === 'none') return authenticateNone(account);
  if (auth.mode === 'forward')
    return authenticateByApiKey({ accountOf: accountForKey, isAccepted });
  const { signedBy, ...expected } = auth;
  // Loaded only where they are needed: what reads tokens takes time and memory.
  const [{ createJwks }, { authenticateByJwt }] = await Promise.all([
    import('./jwks.ts'),
    import('./jwt.ts'),
  ]);
  const keys =
    'secret' in signedBy
      ? new TextEncoder().encode(signedBy.secret)
      : createJwks({ url: signedBy.jwksUrl, clock, log });
  return authenticateByJwt({ account, keys, clock, ...expected });
}
