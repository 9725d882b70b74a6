import {
  boolean,
  hostNames,
  jwksUrl,
  oneOf,
  origins,
  text,
  tokenSecret,
  trustedProxies,
} from '../parsers.ts';
import { setting } from '../setting.ts';

export const authentication = {
  auth: {
    mode: setting('AUTH', oneOf('none', 'jwt', 'forward'), {
      default: 'none',
      description:
        'How clients are authenticated ([auth.md](auth.md)). `none`: every client may use the whole account. `jwt`: by a signed token. `forward`: by their own HelpCrunch keys, which are forwarded.',
    }),
    isUnauthenticatedAllowed: setting('ALLOW_UNAUTHENTICATED', boolean, {
      default: false,
      description:
        'Allows `AUTH=none` with an API key on a `HOST` that other machines reach, or behind a proxy (`TRUST_PROXY`).',
    }),
    jwtSecret: setting('JWT_SECRET', tokenSecret, {
      isSecret: true,
      description:
        'Secret that tokens are signed with (HMAC). `AUTH=jwt` needs it, `JWKS_URL`, or keys of each account in `ACCOUNTS_FILE`.',
    }),
    previousJwtSecret: setting('JWT_SECRET_PREVIOUS', tokenSecret, {
      isSecret: true,
      description:
        'Another secret that tokens may be signed with, during a rotation ([operations.md](operations.md#rotation)).',
    }),
    jwksUrl: setting('JWKS_URL', jwksUrl, {
      description: 'URL of the public keys that verify tokens.',
    }),
    issuer: setting('JWT_ISSUER', text, { description: 'Required `iss` claim of tokens.' }),
    audience: setting('JWT_AUDIENCE', text, {
      description: 'Required `aud` claim of tokens, or one of its items.',
    }),
    claimNames: {
      role: setting('JWT_ROLE_CLAIM', text, {
        default: 'role',
        description:
          'Claim that contains the role, `agent` or `customer`. A dotted path such as `app.role` reads nested claims.',
      }),
      agentId: setting('JWT_AGENT_ID_CLAIM', text, {
        default: 'agentId',
        description: 'Claim that contains the id of an agent.',
      }),
      customerId: setting('JWT_CUSTOMER_ID_CLAIM', text, {
        default: 'customerId',
        description: 'Claim that contains the HelpCrunch id of a customer.',
      }),
      userId: setting('JWT_USER_ID_CLAIM', text, {
        default: 'userId',
        description: 'Claim that contains the `userId` of a customer.',
      }),
      account: setting('JWT_ACCOUNT_CLAIM', text, {
        default: 'account',
        description:
          'Claim that selects the account with `ACCOUNTS_FILE` ([auth.md](auth.md#several-accounts)).',
      }),
    },
  },
  corsOrigins: setting('CORS_ORIGINS', origins, {
    default: [],
    description:
      'Origins of web pages that may read responses. Outside production, Apollo Studio, Apollo Sandbox and localhost are added.',
  }),
  allowedHosts: setting('ALLOWED_HOSTS', hostNames, {
    defaultText: 'the names of this machine on a loopback `HOST`, otherwise any',
    description:
      'Host names by which clients may address the gateway; others receive 421 ([limits.md](limits.md#hosts)).',
  }),
  trustProxy: setting('TRUST_PROXY', trustedProxies, {
    default: 0,
    description:
      'Number of proxies, or their addresses and networks, whose `X-Forwarded-*` headers are trusted. `0`: none.',
  }),
};
