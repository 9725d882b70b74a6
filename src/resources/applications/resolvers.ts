import type { Resolvers } from '../../graphql/generated.ts';
import { helpdeskId } from '../../support/ids.ts';
import { givenOf } from '../../support/selection.ts';

export const applicationResolvers: Resolvers = {
  Query: {
    applications: (_root, _args, { loaders }) => loaders.application.all(),
  },
  Chat: {
    application: ({ applicationId: id }, _args, { loaders }, info) =>
      id === null ? null : loaders.application.from({ __typename: 'Application', id }, info),
  },
  Application: {
    __resolveReference: (reference, { loaders }, info) =>
      loaders.application.from(
        {
          ...givenOf(reference, info),
          __typename: 'Application',
          id: helpdeskId('id', reference.id),
        },
        info,
      ),
  },
};
