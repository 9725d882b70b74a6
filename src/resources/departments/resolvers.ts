import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { resolveById } from '../../lib/representation.ts';

export const departmentResolvers: Resolvers = {
  Query: {
    department: (_root, { id }, { loaders }) => loaders.departments.load(parseUpstreamId('id', id)),
    departments: (_root, _args, { loaders }) => loaders.departments.all(),
  },
  Chat: {
    department: ({ department }, _args, { loaders }, info) =>
      department === null ? null : loaders.departments.resolvePartial(department, info),
  },
  Department: {
    __resolveReference: (reference, { loaders }, info) =>
      resolveById(reference, info, (part) => loaders.departments.resolvePartial(part, info)),
    nodeId: ({ id }) => toNodeId('Department', id),
  },
};
