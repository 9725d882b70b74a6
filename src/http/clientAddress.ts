import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** Whether the address, `hop` proxies away, is a proxy whose `X-Forwarded-For` is trusted. */
type IsTrustedProxy = (address: string, hop: number) => boolean;

/** `BlockList` throws on the zone of a link-local address such as `fe80::1%eth0`. */
const withoutZone = (address: string): string => address.split('%', 1)[0] ?? '';

export function createIsTrustedProxy(trusted: number | readonly string[]): IsTrustedProxy {
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted;
  const networks = new BlockList();
  for (const network of trusted) {
    const [text = '', bits] = network.split('/');
    const address = withoutZone(text);
    if (isIP(address) === 6) networks.addSubnet(address, Number(bits ?? 128), 'ipv6');
    else networks.addSubnet(address, Number(bits ?? 32), 'ipv4');
  }
  return (text) => {
    const address = withoutZone(text);
    const version = isIP(address);
    return version !== 0 && networks.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}

/** The address of the client: the same as Fastify's `request.ip`, for requests that never reach Fastify. */
export function clientAddressOf(
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  isTrusted: IsTrustedProxy,
): string {
  const forwarded = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .reverse();
  let address = socket.remoteAddress ?? '';
  for (const [hop, next] of forwarded.entries()) {
    if (!isTrusted(address, hop)) break;
    address = next;
  }
  return address;
}

/** Removes port, brackets and zone, which proxies may add. */
const plainAddress = (text: string): string =>
  text
    .replace(/^\[(.*)\](:\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')
    .replace(/%.*$/, '');

/**
 * The network that counts as one client: an IPv4 address (IPv4-mapped IPv6 included), or the /64 prefix of an IPv6 address, because
 * one subscriber has a whole /64. `unknown` for anything else, such as the address of a closed socket.
 */
export function clientNetwork(text = ''): string {
  // Most addresses are plain, and the replacements are expensive.
  if (isIPv4(text)) return text;
  const address = plainAddress(text);
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = [], tail] = canonical.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [
    ...head,
    ...Array.from({ length: tail === undefined ? 0 : 8 - head.length - tail.length }, () => '0'),
    ...(tail ?? []),
  ].map((group) => Number.parseInt(group, 16));
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return isMapped
    ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
    : groups
        .slice(0, 4)
        .map((group) => group.toString(16))
        .join(':');
}
