import { createHash, webcrypto } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Viewer } from '../../graphql/context.ts';
import { PublicError } from '../../graphql/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { isUpstreamId } from '../../lib/ids.ts';
import type { AccountCredentials, Authenticate } from './credentials.ts';
import { bearerToken, invalidCredentialsError, missingCredentialsError } from './credentials.ts';

/** The names of claims, or dotted paths to nested ones. */
interface ClaimNames {
  readonly role: string;
  readonly agentId: string;
  readonly customerId: string;
  readonly userId: string;
}

interface TokenVerifierOptions {
  /** The secrets shared with the issuer, or its public keys. */
  readonly keys:
    { readonly secrets: () => readonly string[] } | { readonly keyOf: JWTVerifyGetKey };
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly clock: Clock;
}

/** Returns the claims of a valid token. */
export type VerifyToken = (token: string) => Promise<JWTPayload>;

interface VerifiedToken {
  readonly claims: JWTPayload;
  /** The account that the token opens. */
  readonly account: AccountCredentials;
}

interface JwtOptions {
  readonly verify: (token: string) => Promise<VerifiedToken>;
  readonly claimNames: ClaimNames;
}

/** Separate lists, because otherwise the public key could be used as an HMAC secret (algorithm confusion). */
const secretAlgorithms = ['HS256'];
const publicKeyAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

const leewaySeconds = 5;

/** Finds a claim by its complete name, which may be a URL with dots, or else by a dotted path through objects. */
export function readClaim(claims: unknown, name: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  const own = new Map<string, unknown>(Object.entries(claims));
  if (own.has(name)) return own.get(name);
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const inner = readClaim(own.get(name.slice(0, dot)), name.slice(dot + 1));
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** A HelpCrunch id; undefined where the claim is absent. */
function idClaim(claims: JWTPayload, name: string): string | undefined {
  const value = readClaim(claims, name) ?? undefined;
  if (value === undefined) return undefined;
  const id = typeof value === 'number' ? String(value) : value;
  if (typeof id === 'string' && isUpstreamId(id)) return id;
  throw invalidCredentialsError(`The token's claim ${name} must be a HelpCrunch id.`, 'claims');
}

function textClaim(claims: JWTPayload, name: string): string | undefined {
  const value = readClaim(claims, name) ?? undefined;
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw invalidCredentialsError(`The token's claim ${name} must be a non-empty string.`, 'claims');
}

function viewerOf(claims: JWTPayload, names: ClaimNames): Viewer {
  const role = readClaim(claims, names.role);
  if (role === 'agent') return { role: 'AGENT', agentId: idClaim(claims, names.agentId) };
  if (role !== 'customer') {
    throw invalidCredentialsError(
      `The token's claim ${names.role} must be agent or customer.`,
      'claims',
    );
  }
  const id = idClaim(claims, names.customerId);
  const userId = textClaim(claims, names.userId);
  if (id !== undefined) return { role: 'CUSTOMER', id, userId };
  if (userId !== undefined) return { role: 'CUSTOMER', id, userId };
  throw invalidCredentialsError(
    `The token needs a claim ${names.customerId} or ${names.userId}.`,
    'claims',
  );
}

/** Bounds ids of other systems in length and characters. */
const digest = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, 22);

function quotaKeyOf(viewer: Viewer, { sub }: JWTPayload): string {
  if (viewer.role !== 'CUSTOMER') {
    return viewer.role === 'AGENT' && viewer.agentId !== undefined
      ? `agent ${viewer.agentId}`
      : `agent of ${digest(sub ?? '')}`;
  }
  return viewer.id === undefined ? `user ${digest(viewer.userId)}` : `customer ${viewer.id}`;
}

/** Ids of other systems are cut to this length in the log. */
const maxViewerIdLength = 128;

/** Identifies the viewer in the audit log. */
function viewerIdOf(viewer: Viewer, { sub }: JWTPayload): string | undefined {
  if (viewer.role === 'ALL') return undefined;
  const id = viewer.role === 'AGENT' ? (viewer.agentId ?? sub) : (viewer.id ?? viewer.userId);
  return id?.slice(0, maxViewerIdLength);
}

/** Explains a rejection as far as the owner of the token can act on it. */
function toPublicError(error: unknown): PublicError {
  if (error instanceof PublicError) return error;
  if (error instanceof errors.JWTExpired)
    return invalidCredentialsError('The token has expired.', 'expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalidCredentialsError(
      `The token's claim ${error.claim} is missing or has an unexpected value.`,
      'claims',
    );
  }
  return invalidCredentialsError('The token is invalid or not signed by the trusted issuer.');
}

/** The HMAC keys of secrets. `jose` would import a secret again for each token. */
class SecretKeys {
  readonly #secrets: () => readonly string[];
  readonly #keys = new Map<string, Promise<CryptoKey>>();

  constructor(secrets: () => readonly string[]) {
    this.#secrets = secrets;
  }

  /** Imports a key when the previous one has not verified the token. */
  *all(): Generator<Promise<CryptoKey>> {
    const secrets = this.#secrets();
    for (const known of this.#keys.keys()) if (!secrets.includes(known)) this.#keys.delete(known);
    for (const secret of secrets) {
      const key = this.#keys.get(secret) ?? importSecret(secret);
      this.#keys.set(secret, key);
      yield key;
    }
  }
}

const importSecret = (secret: string): Promise<CryptoKey> =>
  webcrypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );

/** Verifies signature, expiry, issuer and audience of tokens. */
export function createTokenVerifier(options: TokenVerifierOptions): VerifyToken {
  const { keys, issuer, audience, clock } = options;
  const expected = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
    requiredClaims: ['exp'],
    clockTolerance: leewaySeconds,
  };
  const checksNow = (algorithms: string[]) => ({
    ...expected,
    algorithms,
    currentDate: new Date(clock.now()),
  });
  if ('keyOf' in keys) {
    const { keyOf } = keys;
    return async (token) => (await jwtVerify(token, keyOf, checksNow(publicKeyAlgorithms))).payload;
  }
  const secretKeys = new SecretKeys(keys.secrets);
  return async (token) => {
    const checks = checksNow(secretAlgorithms);
    let failure: unknown;
    for (const key of secretKeys.all()) {
      try {
        return (await jwtVerify(token, await key, checks)).payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
        failure = error;
      }
    }
    throw failure;
  };
}

/** Authenticates by JSON Web Tokens. */
export const createJwtAuthentication =
  ({ verify, claimNames }: JwtOptions): Authenticate =>
  async (authorization) => {
    const token = bearerToken(authorization);
    if (token === undefined) throw missingCredentialsError('token');
    try {
      const { claims, account } = await verify(token);
      const viewer = viewerOf(claims, claimNames);
      const { exp = 0 } = claims;
      const expiresAtMs = (exp + leewaySeconds) * 1_000;
      const viewerId = viewerIdOf(viewer, claims);
      const quotaKey = quotaKeyOf(viewer, claims);
      return {
        ...{ viewer, ...account, quotaKey, expiresAtMs },
        ...(viewerId === undefined ? {} : { viewerId }),
      };
    } catch (error) {
      throw toPublicError(error);
    }
  };
