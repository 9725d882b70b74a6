import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import type { Config } from '../../src/config/settings.ts';

export const secret = 'a secret that only tests know, 32 bytes';

export const claimNames = {
  role: 'role',
  agentId: 'agentId',
  customerId: 'customerId',
  userId: 'userId',
  account: 'account',
};

type TokenSettings = Partial<Omit<Extract<Config['auth'], { mode: 'jwt' }>, 'mode'>>;

export const jwtAuth = (settings: TokenSettings = {}): Config['auth'] => ({
  mode: 'jwt',
  signedBy: { secret },
  issuer: undefined,
  audience: undefined,
  claimNames,
  ...settings,
});

/** Later than any time on the clocks of the tests. */
const someday = Date.UTC(2100, 0) / 1000;

interface Signature {
  readonly alg?: string;
  readonly kid?: string;
  readonly key?: CryptoKey | Uint8Array;
}

/** A token as an issuer would sign it; by default with the shared secret and a late expiry. */
export const token = (
  claims: JWTPayload,
  { alg = 'HS256', kid, key = new TextEncoder().encode(secret) }: Signature = {},
): Promise<string> =>
  new SignJWT({ exp: someday, ...claims })
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(key);

export const bearer = async (claims: JWTPayload, signature?: Signature) => ({
  authorization: `Bearer ${await token(claims, signature)}`,
});

/** An external identity provider: public keys over HTTP, private keys to sign with. */
export async function startIssuer() {
  let jwks: JWK[] = [];
  let reads = 0;
  let isDown = false;
  const server = createServer((_request, response) => {
    reads += 1;
    response.writeHead(isDown ? 503 : 200, { 'content-type': 'application/json' });
    response.end(isDown ? 'no' : JSON.stringify({ keys: jwks }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/keys`,
    /** The number of requests for the keys. */
    reads: () => reads,
    breakDown: (isBroken = true) => {
      isDown = isBroken;
    },
    /** Adds a key to the published set. */
    async addKey(kid: string, alg = 'ES256') {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const jwk = await exportJWK(publicKey);
      jwks = [...jwks, { ...jwk, kid, alg, use: 'sig' }];
      return { alg, kid, key: privateKey, jwk };
    },
    withdraw(kid: string) {
      jwks = jwks.filter((jwk) => jwk.kid !== kid);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
