import type { Config } from '../config/settings.ts';

/** The authorization server, if the issuer of tokens is one: its identifier is an HTTPS URL. */
const authorizationServersOf = (issuer: string | undefined): readonly string[] =>
  issuer !== undefined && issuer.startsWith('https://') && URL.canParse(issuer) ? [issuer] : [];

const wellKnownPath = '/.well-known/oauth-protected-resource';

/**
 * The metadata of `/mcp` as a protected resource (RFC 9728) and its address; undefined where clients need no token, or the address of the
 * gateway is not set.
 */
export function protectedResourceOf({ auth, publicUrl, basePath }: Config) {
  if (auth.mode !== 'jwt' || publicUrl === undefined) return undefined;
  const { origin, pathname } = new URL(`${publicUrl}/mcp`);
  const servers = authorizationServersOf(auth.issuer);
  return {
    // A proxy passes on what is below the base path.
    url: basePath === '' ? `${origin}${wellKnownPath}${pathname}` : `${publicUrl}${wellKnownPath}`,
    paths: [wellKnownPath, `${wellKnownPath}${pathname}`],
    document: {
      resource: `${publicUrl}/mcp`,
      resource_name: 'HelpCrunch GraphQL',
      bearer_methods_supported: ['header'],
      ...(servers.length === 0 ? {} : { authorization_servers: servers }),
    },
  };
}
