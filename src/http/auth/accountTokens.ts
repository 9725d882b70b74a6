import { decodeJwt } from 'jose';
import type { JWTPayload } from 'jose';
import type { ServedAccount, Accounts } from '../../lib/accounts.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import type { AccountCredentials } from './credentials.ts';
import { invalidCredentialsError } from './credentials.ts';
import type { Jwks } from './jwks.ts';
import { createJwks } from './jwks.ts';
import type { VerifyToken } from './jwt.ts';
import { createTokenVerifier, readClaim } from './jwt.ts';

type TokenKeys = Parameters<typeof createTokenVerifier>[0]['keys'];

/** How tokens for accounts without settings of their own are verified. */
interface SharedVerification {
  /** Undefined: each account has its own keys. */
  readonly keys: TokenKeys | undefined;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

interface AccountTokensOptions {
  readonly accounts: Accounts;
  readonly shared: SharedVerification;
  /** The claim that names the account. */
  readonly claimName: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface AccountVerifier {
  /** The settings that it was created from. */
  readonly account: ServedAccount;
  readonly verify: VerifyToken;
}

interface OwnJwks {
  readonly url: string;
  readonly jwks: Jwks;
}

/**
 * Verifies tokens that name one of several accounts. The claim is read before the signature is verified, because it selects the keys;
 * nothing else depends on it until then, and an unknown name gives the same error as a wrong signature.
 */
export class AccountTokens {
  readonly #options: AccountTokensOptions;
  readonly #verifiers = new Map<string, AccountVerifier>();
  readonly #jwksByAccount = new Map<string, OwnJwks>();
  readonly #verifyShared: VerifyToken | undefined;

  constructor(options: AccountTokensOptions) {
    const { shared, accounts, clock } = options;
    this.#options = options;
    const { keys } = shared;
    this.#verifyShared = keys && createTokenVerifier({ ...shared, keys, clock });
    this.#loadJwks();
    accounts.onChange(() => {
      this.#verifiers.clear();
      this.#loadJwks();
    });
  }

  /** The key sets of accounts that have their own. */
  jwks(): ReadonlyMap<string, Jwks> {
    return new Map(Array.from(this.#jwksByAccount, ([name, { jwks }]) => [name, jwks]));
  }

  async verify(token: string): Promise<{ claims: JWTPayload; account: AccountCredentials }> {
    const { accounts, claimName } = this.#options;
    const name = readClaim(decodeJwt(token), claimName);
    const account = typeof name === 'string' ? accounts.get(name) : undefined;
    const verify = account?.tokens ? this.#verifierOf(account) : this.#verifyShared;
    if (verify === undefined) {
      throw invalidCredentialsError('The token is invalid or not signed by the trusted issuer.');
    }
    const claims = await verify(token);
    if (account === undefined) {
      const message = `The token's claim ${claimName} must name an account of this gateway.`;
      throw invalidCredentialsError(message, 'claims');
    }
    this.#assertOwnIssuer(account, claims);
    return {
      claims,
      account: {
        apiKey: account.apiKey,
        account: account.name,
        onAccountRemoved: (end) => accounts.onRemoved(account.name, end),
      },
    };
  }

  /** The shared keys may verify tokens of several issuers, one of which belongs to another account. */
  #assertOwnIssuer({ name, tokens }: ServedAccount, { iss }: JWTPayload): void {
    const { accounts, shared } = this.#options;
    if ((tokens?.issuer ?? shared.issuer) !== undefined) return;
    const isForeign = accounts
      .all()
      .some((other) => other.name !== name && iss !== undefined && other.tokens?.issuer === iss);
    if (isForeign) {
      const message = "The token's claim iss is missing or has an unexpected value.";
      throw invalidCredentialsError(message, 'claims');
    }
  }

  #verifierOf(account: ServedAccount): VerifyToken | undefined {
    const existing = this.#verifiers.get(account.name);
    if (existing?.account === account) return existing.verify;
    const { shared, clock } = this.#options;
    const keys = this.#keysOf(account);
    if (keys === undefined) return undefined;
    const verify = createTokenVerifier({
      keys,
      issuer: account.tokens?.issuer ?? shared.issuer,
      audience: account.tokens?.audience ?? shared.audience,
      clock,
    });
    this.#verifiers.set(account.name, { account, verify });
    return verify;
  }

  #keysOf({ name, tokens }: ServedAccount): TokenKeys | undefined {
    const signedBy = tokens?.signedBy;
    if (signedBy === undefined) return this.#options.shared.keys;
    if ('secrets' in signedBy) return { secrets: () => signedBy.secrets };
    return this.#jwksByAccount.get(name)?.jwks;
  }

  /** Keeps the key sets whose address has not changed. */
  #loadJwks(): void {
    const { accounts, clock, log } = this.#options;
    const known = new Map(this.#jwksByAccount);
    this.#jwksByAccount.clear();
    for (const { name, tokens } of accounts.all()) {
      const signedBy = tokens?.signedBy;
      if (signedBy === undefined || 'secrets' in signedBy) continue;
      const url = signedBy.jwksUrl;
      const existing = known.get(name);
      const jwks = existing?.url === url ? existing.jwks : createJwks({ url, clock, log, name });
      this.#jwksByAccount.set(name, { url, jwks });
    }
  }
}
