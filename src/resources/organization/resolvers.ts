import type { Resolvers } from '../../graphql/resolvers.generated.ts';

export const organizationResolvers: Resolvers = {
  Query: {
    organization: (_root, _args, { loaders }) => loaders.organization.load(),
  },
};
