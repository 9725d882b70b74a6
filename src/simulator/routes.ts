import type { Account } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import { createChatRoutes } from './chatRoutes.ts';
import { createCustomerRoutes } from './customerRoutes.ts';
import { createTeamRoutes } from './teamRoutes.ts';
import { Wire } from './wire.ts';
import type { Fields } from './validate.ts';

interface RouteRequest {
  /** The number in the path; NaN when the path has none. */
  readonly id: number;
  readonly query: Fields;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path as in the OpenAPI description. */
  readonly template: string;
  /** Whether a success has the status of creations. */
  readonly creates?: boolean;
  /** Returns the JSON body of the response, or throws a refusal. */
  handle(request: RouteRequest): unknown;
}

/** The dependencies of the handlers. */
export interface RouteContext {
  readonly account: Account;
  readonly wire: Wire;
  readonly behaviour: () => Behaviour;
}

export interface FoundRoute {
  readonly route: Route;
  readonly id: number;
}

interface Router {
  readonly templates: ReadonlySet<string>;
  find(method: string, path: string): FoundRoute | null;
}

export function createRouter(account: Account, behaviour: () => Behaviour): Router {
  const context: RouteContext = { account, behaviour, wire: new Wire(account.store, behaviour) };
  const routes = [
    ...createChatRoutes(context),
    ...createCustomerRoutes(context),
    ...createTeamRoutes(context),
  ];
  const byKey = new Map(
    routes.map((route) => [`${route.method} ${route.template.replace(/\{.*\}/, '{}')}`, route]),
  );
  return {
    templates: new Set(routes.map(({ template }) => template)),
    find(method, path) {
      const fixed = byKey.get(`${method} ${path}`);
      if (fixed !== undefined) return { route: fixed, id: Number.NaN };
      // Every parameter of this API is the second part of its path.
      const [, collection, id, ...rest] = path.split('/');
      if (collection === undefined || id === undefined || !/^\d{1,15}$/.test(id)) return null;
      const route = byKey.get([`${method} `, collection, '{}', ...rest].join('/'));
      return route === undefined ? null : { route, id: Number(id) };
    },
  };
}
