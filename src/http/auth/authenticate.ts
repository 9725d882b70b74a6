import { createHash } from 'node:crypto';
import type { Config } from '../../config/settings.ts';
import type { Accounts } from '../../lib/accounts.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import type { AccountCredentials, Authenticate } from './credentials.ts';
import { createForwardedKeyAuthentication, createNoAuthentication } from './credentials.ts';
import type { Jwks } from './jwks.ts';
import { permitSchemaAccessToRouter } from './schemaAccess.ts';

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
  /** The accounts of which tokens select one; undefined if there is only the gateway's own. */
  readonly accounts: Accounts | undefined;
  /** Whether HelpCrunch has accepted the key of this account. */
  readonly isKeyVerified: (account: string) => boolean;
  /** Runs `task` once when HelpCrunch accepts the key of this account. Returns a function that cancels it. */
  readonly onKeyVerified: (account: string, task: () => void) => () => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Authentication {
  readonly authenticate: Authenticate;
  /** The key sets that tokens are verified with, by the accounts that have their own; the one of all accounts has an empty name. */
  readonly jwks: () => ReadonlyMap<string, Jwks>;
}

type JwtAuth = Extract<Config['auth'], { mode: 'jwt' }>;

async function createTokenAuthentication(
  { signedBy, claimNames, ...expected }: JwtAuth,
  { account, accounts, secrets, clock, log }: AuthenticateOptions,
): Promise<Authentication> {
  // Loaded on demand: `jose` takes time and memory.
  const [{ createJwks }, { createJwtAuthentication, createTokenVerifier }, { AccountTokens }] =
    await Promise.all([import('./jwks.ts'), import('./jwt.ts'), import('./accountTokens.ts')]);
  const jwks =
    signedBy && 'jwksUrl' in signedBy
      ? createJwks({ url: signedBy.jwksUrl, clock, log })
      : undefined;
  const sharedJwks: [string, Jwks][] = jwks ? [['', jwks]] : [];
  if (accounts === undefined) {
    const verifyClaims = createTokenVerifier({ keys: jwks ?? { secrets }, clock, ...expected });
    const verify = async (token: string) => ({ claims: await verifyClaims(token), account });
    return {
      authenticate: createJwtAuthentication({ verify, claimNames }),
      jwks: () => new Map(sharedJwks),
    };
  }
  const tokens = new AccountTokens({
    accounts,
    shared: { keys: signedBy && (jwks ?? { secrets }), ...expected },
    claimName: claimNames.account,
    clock,
    log,
  });
  return {
    authenticate: createJwtAuthentication({ verify: (token) => tokens.verify(token), claimNames }),
    jwks: () => new Map([...sharedJwks, ...tokens.jwks()]),
  };
}

export async function createAuthentication(options: AuthenticateOptions): Promise<Authentication> {
  const { auth, account, isKeyVerified, onKeyVerified } = options;
  const jwks = () => new Map<string, Jwks>();
  if (auth.mode === 'none') return { authenticate: createNoAuthentication(account), jwks };
  if (auth.mode === 'forward') {
    const byApiKey = createForwardedKeyAuthentication({
      ...{ isKeyVerified, onKeyVerified },
      accountOf: accountForKey,
    });
    return { authenticate: permitSchemaAccessToRouter(byApiKey, account), jwks };
  }
  const byToken = await createTokenAuthentication(auth, options);
  return { ...byToken, authenticate: permitSchemaAccessToRouter(byToken.authenticate, account) };
}
