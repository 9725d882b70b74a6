/** The addresses of Redis Sentinel, which knows the primary of a name. */
interface SentinelAddress {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The name of the primary. */
  readonly name: string;
  /** Credentials of Redis; the sentinels have their own. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isEncrypted: boolean;
}

const pattern =
  /^redis(s?)-sentinel:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)\/([\w.-]*[A-Za-z_.-][\w.-]*)(?:\/(\d{1,4}))?$/;

const defaultSentinelPort = 26_379;
const maxPort = 65_535;

const decoded = (text: string | undefined): string | undefined => {
  try {
    return text === undefined || text === '' ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
};

const hostPattern = /^(?:\[([0-9a-f:]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i;

/** Reads `redis-sentinel://[user:password@]host[:port],…/name[/database]`, or `rediss-sentinel://` for TLS. Undefined for anything else. */
export function readSentinelUrl(url: string): SentinelAddress | undefined {
  const [, encrypted, username, password, hosts = '', name, database = '0'] =
    pattern.exec(url) ?? [];
  if (name === undefined) return undefined;
  const matches = hosts.split(',').map((host) => hostPattern.exec(host));
  const sentinels = matches.flatMap((match) => {
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3] ?? defaultSentinelPort);
    return host === undefined || port > maxPort ? [] : [{ host, port }];
  });
  if (sentinels.length < matches.length) return undefined;
  return {
    sentinels,
    name,
    username: decoded(username),
    password: decoded(password),
    database: Number(database),
    isEncrypted: encrypted === 's',
  };
}

/** The password in the URL of Redis; empty without one. */
export const redisPassword = (url: string): string =>
  readSentinelUrl(url)?.password ?? (URL.canParse(url) ? new URL(url).password : '');
