import { isIP } from 'node:net';
import { isLoopback } from '../lib/hosts.ts';
import { readSentinelUrl } from '../lib/redisUrl.ts';

export const listOf = (text: string): string[] => text.split(',').map((part) => part.trim());

/** Normalized by the URL standard: `127.1` and `2130706433` are 127.0.0.1, `::ffff:1.2.3.4` is `[::ffff:102:304]`. */
const hostnameOf = (url: string): string | undefined =>
  URL.canParse(url) ? new URL(url).hostname : undefined;

export const isRemote = (url: string, protocol: string): boolean => {
  const hostname = hostnameOf(url);
  return hostname !== undefined && url.startsWith(`${protocol}://`) && !isLoopback(hostname);
};

/** Whether Redis, or one of its sentinels, is another machine that is reached with or without TLS. */
export function isRemoteRedis(url: string, isEncrypted: boolean): boolean {
  const address = readSentinelUrl(url);
  if (address === undefined) return isRemote(url, isEncrypted ? 'rediss' : 'redis');
  return (
    address.isEncrypted === isEncrypted && address.sentinels.some(({ host }) => !isLoopback(host))
  );
}

const shortestIpv4Prefix = 8;
/** `fc00::/7` contains all private addresses. */
const shortestIpv6Prefix = 7;
const mappedPrefixBits = 96;

/** Whether a network is so large that it includes public addresses, however it is written. */
export function includesPublicAddresses(network: string): boolean {
  const [address = '', bits] = network.split('/');
  if (bits === undefined || !/^[0-9]{1,3}$/.test(bits)) return false;
  const version = isIP(address);
  if (version === 4) return Number(bits) < shortestIpv4Prefix;
  if (version !== 6) return false;
  const isMapped = hostnameOf(`http://[${address}]`)?.startsWith('[::ffff:') === true;
  return isMapped && Number(bits) >= mappedPrefixBits
    ? Number(bits) - mappedPrefixBits < shortestIpv4Prefix
    : Number(bits) < shortestIpv6Prefix;
}

/** Link-local addresses, and addresses of instance metadata in clouds. */
export function isLinkLocalOrMetadataHost(entry: string): boolean {
  const hostname = hostnameOf(entry.includes('://') ? entry : `https://${entry}`) ?? '';
  return (
    hostname.startsWith('169.254.') ||
    /^\[fe[89ab]/.test(hostname) ||
    hostname.startsWith('[::ffff:a9fe:') ||
    hostname === '[fd00:ec2::254]' ||
    /^metadata(\.google\.internal)?\.?$/.test(hostname)
  );
}

const fewestCharacters = 6;
const shortestBlock = 16;

/** Long but easily guessed: few different characters, or a short text repeated. */
export function isRepetitive(secret: string): boolean {
  if (new Set(secret).size < Math.min(fewestCharacters, secret.length / 2)) return true;
  const longest = Math.min(shortestBlock - 1, Math.floor(secret.length / 2));
  const lengths = Array.from({ length: longest }, (_, index) => index + 1);
  return lengths.some((length) => secret.startsWith(secret.slice(length)));
}
