import type { Account } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import { createChatRoutes } from './chatRoutes.ts';
import { createCustomerRoutes } from './customerRoutes.ts';
import { createTeamRoutes } from './teamRoutes.ts';
import { createWire, type Wire } from './wire.ts';
import type { Fields } from './validate.ts';

export interface RouteRequest {
  /** The number in the path; NaN when the path has none. */
  readonly id: number;
  readonly query: Fields;
  readonly body: unknown;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path as the description has it. */
  readonly template: string;
  readonly status?: number;
  /** Returns what is answered as JSON, or throws a refusal. */
  handle(request: RouteRequest): unknown;
}

/** What the handlers share. */
export interface Front {
  readonly account: Account;
  readonly wire: Wire;
  readonly behaviour: () => Behaviour;
}

export interface FoundRoute {
  readonly route: Route;
  readonly id: number;
}

export interface Router {
  readonly templates: ReadonlySet<string>;
  find(method: string, path: string): FoundRoute | null;
}

export function createRouter(account: Account, behaviour: () => Behaviour): Router {
  const front: Front = { account, behaviour, wire: createWire(account.store, behaviour) };
  const routes = [
    ...createChatRoutes(front),
    ...createCustomerRoutes(front),
    ...createTeamRoutes(front),
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
