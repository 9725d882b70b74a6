import { createHash } from 'node:crypto';
import type { Config } from '../config.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Account, Authenticate } from './viewer.ts';
import { authenticateByKey, authenticateNobody } from './viewer.ts';

/** The account of a key, under a name that does not tell the key. */
export const accountOf = (key: string): Account => ({
  key,
  tenant: createHash('sha256').update(key).digest('base64url').slice(0, 16),
});

interface Parts {
  readonly auth: Config['auth'];
  /** The gateway's own. */
  readonly account: Account;
  /** Whether the helpdesk has accepted the key of this account. */
  readonly isAccepted: (tenant: string) => boolean;
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
}: Parts): Promise<Authenticate> {
  if (auth.mode === 'none') return authenticateNobody(account);
  if (auth.mode === 'forward') return authenticateByKey({ accountOf, isAccepted });
  const { signedBy, ...expected } = auth;
  // Loaded only where they are needed: what reads tokens takes time and memory.
  const [{ createKeySet }, { authenticateByToken }] = await Promise.all([
    import('./keySet.ts'),
    import('./token.ts'),
  ]);
  const keys =
    'secret' in signedBy
      ? new TextEncoder().encode(signedBy.secret)
      : createKeySet({ url: signedBy.jwksUrl, clock, log });
  return authenticateByToken({ account, keys, clock, ...expected });
}
