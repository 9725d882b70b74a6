import type { Resolvers } from '../../graphql/generated.ts';
import { helpdeskId } from '../../support/ids.ts';

export const applicationResolvers: Resolvers = {
  Query: {
    applications: (_root, _args, { loaders }) => loaders.application.all(),
  },
  Chat: {
    application: ({ applicationId: id }, _args, { loaders }, info) =>
      id === null ? null : loaders.application.from({ __typename: 'Application', id }, info),
  },
  Application: {
    __resolveReference: ({ id }, { loaders }, info) =>
      loaders.application.from({ __typename: 'Application', id: helpdeskId('id', id) }, info),
  },
};
