import type { Viewer } from '../../graphql/context.ts';
import type { RejectionReason } from './authFailures.ts';

/** Who asks, and with which key the helpdesk is asked. The same for every endpoint. */
export interface Authenticated {
  readonly viewer: Viewer;
  /** The account whose key is used, and the name under which what is known of it is kept. */
  readonly apiKey: string;
  readonly account: string;
  /**
   * Among whom the account's calls are shared out, and whose requests are counted together; undefined where only the address tells
   * clients apart. Of a key it is read anew each time: it is counted by itself once the helpdesk has accepted it.
   */
  readonly clientName?: string | undefined;
  /** Who it is in the audit log; undefined where only the address tells clients apart. */
  readonly viewerId?: string;
  /** Whether it is not known that the credentials are good, because only the helpdesk can tell. */
  readonly isUnverified?: boolean;
  /** When the credentials end, in milliseconds since the epoch. */
  readonly expiresAtMs?: number;
}

/** Reads an `Authorization` header. Fails with an `AuthenticationError`. */
export type Authenticate = (authorization: string | undefined) => Promise<Authenticated>;

export type AccountCredentials = Pick<Authenticated, 'apiKey' | 'account'>;

interface AuthenticationFailure {
  /** 503 where it cannot be told at the moment who asks. */
  readonly status: 401 | 503;
  readonly code: string;
  /** Why the credentials were rejected; undefined where it cannot be told whether they are good. */
  readonly reason?: RejectionReason;
  readonly retryable: boolean;
  /** For `WWW-Authenticate`. */
  readonly challenge?: string;
}

const bearerChallenge = (error?: string): string =>
  `Bearer realm="helpcrunch"${error === undefined ? '' : `, error="${error}"`}`;

/** It is not known who asks. The message is written for clients and says nothing of what was sent. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
  readonly failure: AuthenticationFailure;

  constructor(message: string, failure: AuthenticationFailure) {
    super(message);
    this.failure = failure;
  }
}

export const missingCredentials = (expected: string): AuthenticationError =>
  new AuthenticationError(`Send a header "Authorization: Bearer <${expected}>".`, {
    status: 401,
    code: 'UNAUTHENTICATED',
    reason: 'missing',
    retryable: false,
    challenge: bearerChallenge(),
  });

export const invalidCredentials = (
  message: string,
  reason: RejectionReason = 'invalid',
): AuthenticationError =>
  new AuthenticationError(message, {
    status: 401,
    code: 'UNAUTHENTICATED',
    reason,
    retryable: false,
    challenge: bearerChallenge('invalid_token'),
  });

export const authenticationUnavailable = (message: string): AuthenticationError =>
  new AuthenticationError(message, {
    status: 503,
    code: 'UPSTREAM_UNAVAILABLE',
    retryable: true,
  });

/** The one word after `Bearer`; undefined for anything else. */
export const bearerToken = (authorization: string | undefined): string | undefined =>
  /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];

/** Without authentication everybody may see everything. */
export const authenticateNone =
  (account: AccountCredentials): Authenticate =>
  () =>
    Promise.resolve({ viewer: { role: 'ALL' }, ...account });

interface KeyOptions {
  readonly accountOf: (key: string) => AccountCredentials;
  /** Whether the helpdesk has accepted the key of this account. */
  readonly isAccepted: (account: string) => boolean;
}

/** Whoever has a key of the helpdesk may do what that key may; only the helpdesk can tell whether it is one. */
export const authenticateByApiKey =
  ({ accountOf: accountForKey, isAccepted }: KeyOptions): Authenticate =>
  (authorization) => {
    const apiKey = bearerToken(authorization);
    if (apiKey === undefined) return Promise.reject(missingCredentials('HelpCrunch key'));
    const account = accountForKey(apiKey);
    return Promise.resolve({
      viewer: { role: 'ALL' },
      ...account,
      // The name of the account is a hash of the key.
      viewerId: account.account,
      get clientName() {
        return isAccepted(account.account) ? account.account : undefined;
      },
      get isUnverified() {
        return !isAccepted(account.account);
      },
    });
  };
