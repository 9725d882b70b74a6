import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { hostOf, isAllowedHost } from '../lib/hosts.ts';
import type { AllowedHosts } from '../lib/hosts.ts';
import { errorBody } from './errorResponse.ts';
import { readTarget } from './target.ts';
import type { Target } from './target.ts';

interface HeadProblem {
  readonly status: 400 | 421;
  readonly message: string;
}

const malformed = (message: string): HeadProblem => ({ status: 400, message });

const problems = {
  target: malformed('The request target is malformed.'),
  manyHosts: malformed('The request has more than one Host header.'),
  noHost: malformed('The Host header is missing.'),
  host: malformed('The host of the request is malformed.'),
  foreignHost: {
    status: 421,
    message: 'This host name is not accepted here. ALLOWED_HOSTS lists those that are.',
  },
} as const satisfies Readonly<Record<string, HeadProblem>>;

/** A path without a route, for requests that are refused before they reach one. */
const nowhere = '/malformed-target';

/** Called under whatever name or address the caller has: the prober of a balancer, and HelpCrunch. */
const isExempt = (route: string | undefined): boolean =>
  route === '/healthz' || route === '/readyz' || route?.startsWith('/webhooks/') === true;

/** Node keeps the first of several Host headers and drops the others. */
function hasManyHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count > 1;
}

const embeddedConnections = new WeakSet<Socket>();

/** Marks the connection of a server of another program: `HOST` says nothing about the names under which that server is reached. */
export const markEmbedded = ({ socket }: IncomingMessage): void => {
  embeddedConnections.add(socket);
};

export interface RequestHeads {
  /** The path by which a request is routed. Never throws. */
  route(request: IncomingMessage): string;
  /** What is wrong with the target or the host of a request, for a route whose callers may use any host, or any other. */
  problemOf(request: IncomingMessage, mayUseAnyHost?: boolean): HeadProblem | undefined;
}

/** Checks the target and the host of each request, of WebSockets too. */
export function createRequestHeads(allowedHosts: AllowedHosts): RequestHeads {
  /** Of requests whose target was no plain path when they were routed, which replaces the target. */
  const replaced = new WeakMap<IncomingMessage, { readonly target: Target | undefined }>();

  function targetOf(request: IncomingMessage): Target | undefined {
    const known = replaced.get(request);
    return known === undefined ? readTarget(request.url ?? '') : known.target;
  }

  function hostProblem(request: IncomingMessage, { authority }: Target): HeadProblem | undefined {
    const { host } = request.headers;
    if (hasManyHosts(request)) return problems.manyHosts;
    if (host === undefined && request.httpVersion !== '1.0') return problems.noHost;
    const isMalformed =
      (host !== undefined && hostOf(host) === undefined) ||
      (authority !== undefined && (hostOf(authority) ?? '') === '');
    return isMalformed ? problems.host : undefined;
  }

  return {
    route(request) {
      const target = targetOf(request);
      if (target !== undefined && target.authority === undefined) return target.path;
      replaced.set(request, { target });
      return target?.path ?? nowhere;
    },
    problemOf(request, mayUseAnyHost = false) {
      const target = targetOf(request);
      if (target === undefined) return problems.target;
      const problem = hostProblem(request, target);
      if (problem !== undefined || mayUseAnyHost) return problem;
      const host = hostOf(target.authority ?? request.headers.host ?? '') ?? '';
      const isDefault = allowedHosts === 'loopback' && embeddedConnections.has(request.socket);
      return isDefault || isAllowedHost(host, allowedHosts) ? undefined : problems.foreignHost;
    },
  };
}

/** Refuses requests whose target or host is malformed, and those for a host that is not accepted. */
export function checkRequestHeads(server: FastifyInstance, { problemOf }: RequestHeads): void {
  server.addHook('onRequest', (request, reply, done) => {
    const problem = problemOf(request.raw, isExempt(request.routeOptions.url));
    if (problem === undefined) done();
    else
      void reply.status(problem.status).send(errorBody(problem.message, 'BAD_REQUEST', request.id));
  });
}
