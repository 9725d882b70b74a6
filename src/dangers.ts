/** This machine, by its names. */
export const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|::1|\[::1\])$/;

type Given = Readonly<Record<string, string | undefined>>;

const tokenSettings = ['JWT_SECRET', 'JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'];

/** What would let somebody in, or leave a setting without effect. */
function ofAccess(given: Given): string[] {
  const { HOST: host = '127.0.0.1', HELPCRUNCH_API_KEY: key, AUTH: auth = 'none' } = given;
  const has = (name: string) => given[name] !== undefined;
  if (auth === 'jwt') {
    if (has('JWT_SECRET') && has('JWKS_URL')) {
      return ['JWT_SECRET: cannot stand beside JWKS_URL. Set the one by which tokens are signed.'];
    }
    return has('JWT_SECRET') || has('JWKS_URL')
      ? []
      : ['AUTH: jwt needs JWT_SECRET or JWKS_URL to tell true tokens from forged ones.'];
  }
  const unused = tokenSettings
    .filter((name) => has(name) && (auth === 'none' || auth === 'forward'))
    .map((name) => `${name}: is set, but no token is asked for unless AUTH=jwt.`);
  const isOpen =
    auth === 'none' &&
    key !== undefined &&
    given['ALLOW_UNAUTHENTICATED'] !== 'true' &&
    !has('ROUTER_SECRET') &&
    !loopback.test(host);
  if (!isOpen) return unused;
  return [
    ...unused,
    'AUTH: none would let anybody who reaches HOST use the account. ' +
      'Keep HOST on this machine, or set ALLOW_UNAUTHENTICATED=true if something in front asks who they are.',
  ];
}

/** Outside a supergraph these would do nothing, or not what was meant. */
const ofSupergraphs = ['SUBGRAPH_LEAVE_OUT', 'ROUTER_SECRET'];

const strays = (given: Readonly<Record<string, string | undefined>>): string[] =>
  given['SUBGRAPH'] === 'true'
    ? []
    : ofSupergraphs.flatMap((name) =>
        given[name] === undefined ? [] : [`${name}: needs SUBGRAPH=true`],
      );

/** Webhooks do not say which account they are of. */
const foreign = (given: Given): string[] =>
  given['AUTH'] === 'forward' && given['HELPCRUNCH_WEBHOOK_SECRET'] !== undefined
    ? [
        'HELPCRUNCH_WEBHOOK_SECRET: is the secret of one account, and with AUTH=forward there are many.',
      ]
    : [];

/** Settings that are fine alone and not together, each in a line. */
export const dangersOf = (given: Given): string[] => [
  ...ofAccess(given),
  ...strays(given),
  ...foreign(given),
];
