import { isIP } from 'node:net';

/** The host names under which clients may address the gateway; `loopback` stands for the names and addresses of this machine. */
export type AllowedHosts = 'any' | 'loopback' | readonly string[];

/** An authority of RFC 3986 without user information: an IPv6 address in brackets, or a name or IPv4 address, and a port. */
const authorityPattern = /^(\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

const loopbackName = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The host of an authority such as `API.example.com.:4000`: in lower case, without the port and the root's dot, IPv6 in brackets and
 * in its short form. Empty if there is none, undefined if the authority is malformed.
 */
export function hostOf(authority: string): string | undefined {
  const host = authorityPattern.exec(authority)?.[1];
  if (host?.startsWith('[') !== true) return host?.toLowerCase().replace(/\.$/, '');
  const url = `http://${host}/`;
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** Reads a host as an operator writes it: a name or an address, without a port; IPv6 with or without brackets. */
export function readHost(text: string): string | undefined {
  if (isIP(text) === 6) return hostOf(`[${text}]`);
  return /^([\w.-]+|\[[^\]]*\])$/.test(text) ? hostOf(text) : undefined;
}

/** Whether clients may use this name, as `hostOf` gives it. */
export function isAllowedHost(host: string, allowed: AllowedHosts): boolean {
  if (allowed === 'any') return true;
  return allowed === 'loopback' ? loopbackName.test(host) : allowed.includes(host);
}

/** Whether a host, as an operator writes it or as `URL.hostname` gives it, stands for this machine. */
export const isLoopback = (text: string): boolean => loopbackName.test(readHost(text) ?? '');

/** The default of `ALLOWED_HOSTS`. A gateway on a loopback address rejects other host names to prevent DNS rebinding. */
export const defaultAllowedHosts = (listenHost: string): AllowedHosts =>
  isLoopback(listenHost) ? 'loopback' : 'any';
