import type { Resolvers } from '../../graphql/generated.ts';

export const organizationResolvers: Resolvers = {
  Query: {
    organization: (_root, _args, { loaders }) => loaders.organization(),
  },
};
