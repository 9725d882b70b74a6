import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId } from '../../lib/ids.ts';
import { representationValues } from '../../lib/selection.ts';

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
      loaders.applications.resolvePartial(
        {
          ...representationValues(reference, info),
          __typename: 'ChatApplication',
          id: parseUpstreamId('id', reference.id),
        },
        info,
      ),
  },
};
