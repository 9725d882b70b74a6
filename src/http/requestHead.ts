import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { publicError } from '../graphql/errors.ts';
import type { PublicError } from '../graphql/errors.ts';
import { hostOf, isAllowedHost } from '../lib/hosts.ts';
import type { AllowedHosts } from '../lib/hosts.ts';

const acceptedRequestId = /^[\w.:-]{1,64}$/;

/** The client's `X-Request-Id` if it is short and plain, otherwise a new id. */
export function requestIdOf({ 'x-request-id': given }: IncomingHttpHeaders): string {
  return typeof given === 'string' && acceptedRequestId.test(given) ? given : randomUUID();
}

interface RequestTarget {
  /** Path and query. */
  readonly path: string;
  /** Host and port of a target in absolute form. They take precedence over the Host header. */
  readonly authority?: string;
}

/** Whether the percent-encoded bytes of a query string are UTF-8. Malformed percent-encoding is taken literally, as in URLs. */
function isUtf8Query(path: string): boolean {
  const start = path.indexOf('?');
  // Most requests have none of the bytes that could be invalid.
  if (start < 0 || !/%[89a-f]|[\u0080-\uffff]/i.test(path)) return true;
  const bytes = path
    .slice(start)
    .replace(/%([0-9a-f]{2})/gi, (_match, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return isUtf8(Buffer.from(bytes, 'latin1'));
}

const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/is;

function isDecodable(path: string): boolean {
  if (!path.includes('%')) return true;
  try {
    decodeURIComponent(path.replace(/[?#].*$/s, ''));
    return true;
  } catch {
    return false;
  }
}

const isAcceptedPath = (path: string): boolean => !path.startsWith('//') && isDecodable(path);

/**
 * Parses a request target in origin form or absolute form (RFC 9112, section 3.2); undefined for any other. A path that begins with two
 * slashes is rejected, because software disagrees on whether it is a path or a host.
 */
function parseRequestTarget(text: string): RequestTarget | undefined {
  if (text.startsWith('/')) return isAcceptedPath(text) ? { path: text } : undefined;
  const [, authority, rest = ''] = absoluteForm.exec(text) ?? [];
  const path = rest.replace(/^(?!\/)/, '/');
  return authority !== undefined && isAcceptedPath(path) ? { path, authority } : undefined;
}

/** Paths without a route, for requests with a malformed target and for those outside of `BASE_PATH`. */
const malformedTargetPath = '/malformed-target';
const outsidePath = '/outside-of-base-path';

/** Its place is defined by RFC 9728: between the host and the path of the resource. */
const wellKnownPrefix = '/.well-known/';

/** The path below the base path; undefined for a path outside of it. */
function pathBelow(basePath: string, path: string): string | undefined {
  if (basePath === '' || path.startsWith(wellKnownPrefix)) return path;
  if (!path.startsWith(basePath)) return undefined;
  const rest = path.slice(basePath.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : undefined;
}

/** Load balancers and HelpCrunch call these routes by any host name or address. */
const acceptsAnyHost = (route: string | undefined): boolean =>
  route === '/healthz' || route === '/readyz' || route?.startsWith('/webhooks/') === true;

/** Node keeps the first of several Host headers and drops the others. */
function hostHeaderCount({ rawHeaders }: IncomingMessage): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}

const embeddedConnections = new WeakSet<Socket>();

/** Marks a connection of another program's server, for which `HOST` does not tell the accepted host names. */
export const trustHostOfEmbeddingServer = ({ socket }: IncomingMessage): void => {
  embeddedConnections.add(socket);
};

interface RequestHeadsOptions {
  readonly basePath?: string;
  /** What a client with another host name can do. */
  readonly hostAdvice?: string;
}

/** Checks the target and the host of every request, WebSocket upgrades included. */
export class RequestHeads {
  readonly #allowedHosts: AllowedHosts;
  readonly #basePath: string;
  readonly #hostAdvice: string;
  /** Targets of requests whose URL was replaced for routing. */
  readonly #replaced = new WeakMap<IncomingMessage, RequestTarget | undefined>();

  constructor(
    allowedHosts: AllowedHosts,
    {
      basePath = '',
      hostAdvice = 'Add it to the setting ALLOWED_HOSTS.',
    }: RequestHeadsOptions = {},
  ) {
    this.#allowedHosts = allowedHosts;
    this.#basePath = basePath;
    this.#hostAdvice = hostAdvice;
  }

  /** The path by which a request is routed. Never throws. */
  route(request: IncomingMessage): string {
    const target = this.#targetOf(request);
    if (target !== undefined && target.authority === undefined && this.#basePath === '')
      return target.path;
    this.#replaced.set(request, target);
    if (target === undefined) return malformedTargetPath;
    return pathBelow(this.#basePath, target.path) ?? outsidePath;
  }

  /** Whether a request that is not routed is for this path, below the base path. */
  isFor(request: IncomingMessage, path: string): boolean {
    const target = this.#targetOf(request);
    return (
      target !== undefined && pathBelow(this.#basePath, target.path)?.replace(/\?.*$/s, '') === path
    );
  }

  /** The problem with the target or the host of a request to this route; undefined where there is none. */
  problemOf(request: IncomingMessage, route?: string): PublicError | undefined {
    const target = this.#targetOf(request);
    if (target === undefined) return publicError.badRequest('The request target is malformed.');
    const { authority, path } = target;
    const { host, expect, 'transfer-encoding': transferEncoding } = request.headers;
    // RFC 9112, section 6.1: a proxy that does not know the header field may see another end of this request.
    if (transferEncoding !== undefined && request.httpVersion === '1.0') {
      const message = 'HTTP/1.0 has no Transfer-Encoding. Send a Content-Length.';
      return publicError.badRequest(message, { headers: { connection: 'close' } });
    }
    if (!isUtf8Query(path)) {
      return publicError.badRequest('The query string is not valid UTF-8.');
    }
    if (expect !== undefined && !/^100-continue$/i.test(expect)) {
      const message = 'The expectation of the Expect header is not supported.';
      return publicError.badRequest(message, { status: 417 });
    }
    if (hostHeaderCount(request) > 1) {
      return publicError.badRequest('The request has more than one Host header.');
    }
    if (host === undefined && request.httpVersion !== '1.0') {
      return publicError.badRequest('The Host header is missing.');
    }
    const headerHost = hostOf(host ?? '');
    const requestedHost = authority === undefined ? headerHost : hostOf(authority);
    const isMissing = authority !== undefined && requestedHost === '';
    if (headerHost === undefined || requestedHost === undefined || isMissing)
      return publicError.badRequest('The host of the request is malformed.');
    if (acceptsAnyHost(route) || this.#isAllowed(requestedHost, request)) return undefined;
    const message = `This host name is not accepted. ${this.#hostAdvice}`;
    return publicError.badRequest(message, { status: 421 });
  }

  #targetOf(request: IncomingMessage): RequestTarget | undefined {
    return this.#replaced.has(request)
      ? this.#replaced.get(request)
      : parseRequestTarget(request.url ?? '');
  }

  #isAllowed(host: string, { socket }: IncomingMessage): boolean {
    const isEmbedded = this.#allowedHosts === 'loopback' && embeddedConnections.has(socket);
    return isEmbedded || isAllowedHost(host, this.#allowedHosts);
  }
}

/** Rejects requests whose target or host is malformed or not accepted. */
export function checkRequestHeads(server: FastifyInstance, heads: RequestHeads): void {
  server.addHook('onRequest', (request, _reply, done) => {
    done(heads.problemOf(request.raw, request.routeOptions.url));
  });
}
