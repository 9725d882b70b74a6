import type { Route, RouteContext } from './routes.ts';
import { slice } from './search.ts';
import type { Fields } from './validate.ts';

/** Agents, departments, applications and the organization. */
export function createTeamRoutes({ account, behaviour }: RouteContext): readonly Route[] {
  const { staff } = account.store;

  const list = <Row>(all: readonly Row[], query: Fields) => {
    const { rows, total } = slice(all, query, behaviour());
    return { data: rows, meta: { total } };
  };

  return [
    { method: 'GET', template: '/agents', handle: ({ query }) => list(staff.agents, query) },
    {
      method: 'GET',
      template: '/agents/{agentId}/unsubscribe',
      handle({ id }) {
        account.customers.unsubscribeAgent(id);
        return 'Ok';
      },
    },
    {
      method: 'GET',
      template: '/departments',
      handle: ({ query }) => list(staff.departments, query),
    },
    { method: 'GET', template: '/applications', handle: () => ({ data: staff.applications }) },
    { method: 'GET', template: '/organization', handle: () => ({ data: staff.organization }) },
  ];
}
