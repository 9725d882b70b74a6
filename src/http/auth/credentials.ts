import type { Viewer } from '../../graphql/context.ts';
import type { ErrorCode } from '../../graphql/errorCodes.ts';
import { PublicError, unauthenticatedCode } from '../../graphql/errors.ts';

/** An authenticated client and the account that its operations use. The same for every endpoint. */
export interface Authenticated {
  readonly viewer: Viewer;
  readonly apiKey: string;
  /** Names the account in cache, rate limit and events. */
  readonly account: string;
  /**
   * Identifies the client in request rates and in the fair queue of the account; undefined where only the address does. A forwarded
   * API key identifies its client from the moment HelpCrunch accepted it, so read this for every use.
   */
  readonly quotaKey?: string | undefined;
  /** Identifies the viewer in the audit log; undefined where only the address does. */
  readonly viewerId?: string;
  /** Whether HelpCrunch has not accepted the credentials yet. */
  readonly isUnverified?: boolean;
  /** Runs `task` once when HelpCrunch accepts unverified credentials. Returns a function that cancels it. */
  readonly onVerified?: (task: () => void) => () => void;
  /** Whether the client may only read the schema. */
  readonly isSchemaOnly?: boolean;
  /** In milliseconds since the epoch. */
  readonly expiresAtMs?: number;
  /** Calls `end` once when the account is removed. Returns a function that cancels it. */
  readonly onAccountRemoved?: (end: () => void) => () => void;
}

/**
 * Authenticates by the `Authorization` header. `isRouter`: the client has proved to be the router. Fails with a `PublicError`: an
 * `AuthenticationError` for rejected credentials.
 */
export type Authenticate = (
  authorization: string | undefined,
  isRouter: boolean,
) => Promise<Authenticated>;

export type AccountCredentials = Pick<Authenticated, 'apiKey' | 'account' | 'onAccountRemoved'>;

/** Why credentials are rejected. A closed set, because it is a metric label. */
export type RejectionReason =
  'missing' | 'invalid' | 'expired' | 'claims' | 'routerSecret' | 'signature' | 'upstream';

interface AuthenticationErrorOptions {
  readonly reason: RejectionReason;
  readonly code?: ErrorCode;
  /** For `WWW-Authenticate`. */
  readonly challenge?: string;
}

/** Rejected credentials. The message never repeats what the client sent. */
export class AuthenticationError extends PublicError {
  readonly reason: RejectionReason;

  constructor(
    message: string,
    { reason, code = unauthenticatedCode, challenge }: AuthenticationErrorOptions,
  ) {
    const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
    super(code, message, { headers });
    this.reason = reason;
  }
}

export const missingCredentialsError = (expected: string): AuthenticationError =>
  new AuthenticationError(`Send the header "Authorization: Bearer <${expected}>".`, {
    reason: 'missing',
    challenge: 'Bearer realm="helpcrunch"',
  });

export const invalidCredentialsError = (
  message: string,
  reason: RejectionReason = 'invalid',
): AuthenticationError =>
  new AuthenticationError(message, {
    reason,
    challenge: 'Bearer realm="helpcrunch", error="invalid_token"',
  });

/** The token of `Bearer <token>`; undefined for anything else. */
export const bearerToken = (authorization: string | undefined): string | undefined =>
  /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1];

/** Every client may read and write everything. */
export const createNoAuthentication =
  (account: AccountCredentials): Authenticate =>
  () =>
    Promise.resolve({ viewer: { role: 'ALL' }, ...account });

interface ForwardedKeyOptions {
  readonly accountOf: (key: string) => AccountCredentials;
  /** Whether HelpCrunch has accepted the key of this account. */
  readonly isKeyVerified: (account: string) => boolean;
  /** Runs `task` once when HelpCrunch accepts the key of this account. Returns a function that cancels it. */
  readonly onKeyVerified: (account: string, task: () => void) => () => void;
}

/** The client sends its own API key, which only HelpCrunch can verify. */
export const createForwardedKeyAuthentication =
  ({ accountOf: accountForKey, isKeyVerified, onKeyVerified }: ForwardedKeyOptions): Authenticate =>
  (authorization) => {
    const apiKey = bearerToken(authorization);
    if (apiKey === undefined) return Promise.reject(missingCredentialsError('HelpCrunch key'));
    const account = accountForKey(apiKey);
    return Promise.resolve({
      viewer: { role: 'ALL' },
      ...account,
      // The name of the account is a hash of the key.
      viewerId: account.account,
      get quotaKey() {
        return isKeyVerified(account.account) ? account.account : undefined;
      },
      get isUnverified() {
        return !isKeyVerified(account.account);
      },
      onVerified: (task) => onKeyVerified(account.account, task),
    });
  };
