import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Whether the address, so many hops away, is a proxy whose `X-Forwarded-For` is believed. */
export type IsTrustedProxy = (address: string, hop: number) => boolean;

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
