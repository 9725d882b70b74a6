import { isIP } from 'node:net';

/** The host names accepted from clients; `loopback`: the names and addresses of this machine. */
export type AllowedHosts = 'any' | 'loopback' | readonly string[];

/** An authority of RFC 3986 without user information: a bracketed IPv6 address, a name or an IPv4 address, and a port. */
const authorityPattern = /^(\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

const loopbackName = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The normalized host of an authority such as `API.example.com.:4000`: lower case, without port and trailing dot; IPv6 bracketed and
 * compressed. Empty if there is none, undefined if the authority is malformed.
 */
export function hostOf(authority: string): string | undefined {
  const host = authorityPattern.exec(authority)?.[1];
  if (host?.startsWith('[') !== true) return host?.toLowerCase().replace(/\.$/, '');
  const url = `http://${host}/`;
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** Normalizes a host from a setting: a name or an address without a port; IPv6 with or without brackets. */
export function readHost(text: string): string | undefined {
  if (isIP(text) === 6) return hostOf(`[${text}]`);
  return /^([\w.-]+|\[[^\]]*\])$/.test(text) ? hostOf(text) : undefined;
}

/** `host` is a result of `hostOf`. */
export function isAllowedHost(host: string, allowed: AllowedHosts): boolean {
  if (allowed === 'any') return true;
  return allowed === 'loopback' ? loopbackName.test(host) : allowed.includes(host);
}

/** Whether a host from a setting or from `URL.hostname` is this machine. */
export const isLoopback = (text: string): boolean => loopbackName.test(readHost(text) ?? '');

/** The default of `ALLOWED_HOSTS`. A local gateway accepts only local names, against DNS rebinding. */
export const defaultAllowedHosts = (listenHost: string): AllowedHosts =>
  isLoopback(listenHost) ? 'loopback' : 'any';
