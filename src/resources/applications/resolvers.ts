import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { resolveById } from '../../lib/representation.ts';

export const applicationResolvers: Resolvers = {
  Query: {
    applications: (_root, _args, { loaders }) => loaders.applications.all(),
  },
  Chat: {
    application: ({ applicationId: id }, _args, { loaders }, info) =>
      id === null
        ? null
        : loaders.applications.resolvePartial({ __typename: 'ChatApplication', id }, info),
  },
  ChatApplication: {
    __resolveReference: (reference, { loaders }, info) =>
      resolveById(reference, info, (part) => loaders.applications.resolvePartial(part, info)),
  },
};
