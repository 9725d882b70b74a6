import type { Resolvers } from '../../graphql/generated.ts';
import { helpdeskId, toNodeId } from '../../support/ids.ts';
import { givenOf } from '../../support/selection.ts';

export const departmentResolvers: Resolvers = {
  Query: {
    department: (_root, { id }, { loaders }) => loaders.department.load(helpdeskId('id', id)),
    departments: (_root, _args, { loaders }) => loaders.department.all(),
  },
  Chat: {
    department: ({ department }, _args, { loaders }, info) =>
      department === null ? null : loaders.department.from(department, info),
  },
  Department: {
    __resolveReference: (reference, { loaders }, info) =>
      loaders.department.from(
        {
          ...givenOf(reference, info),
          __typename: 'Department',
          id: helpdeskId('id', reference.id),
        },
        info,
      ),
    nodeId: ({ id }) => toNodeId('Department', id),
  },
};
