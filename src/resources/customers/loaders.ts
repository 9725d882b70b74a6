import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Part } from '../../support/selection.ts';
import { answers } from '../../support/selection.ts';
import { orNull } from '../../upstream/errors.ts';
import type { Customer, CustomerPart } from './model.ts';
import type { CustomerSource } from './source.ts';

const madeFrom = { nodeId: 'id', chats: 'id' };

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createCustomerLoaders(source: CustomerSource) {
  const byId = new DataLoader<string, Customer>(source.byIds);
  const byUserId = new DataLoader<string, Customer>(source.byUserIds);
  return {
    customer: {
      /** Fails with `notFound` for an id that the helpdesk does not know. */
      load: (id: string) => byId.load(id),
      /** Fails with `notFound` when nobody has this id of yours. */
      loadByUserId: (userId: string) => byUserId.load(userId),
      /** The customer of whom something carries a part; null when it is gone. */
      from: (part: CustomerPart, info: GraphQLResolveInfo): Customer | Promise<Customer | null> =>
        answers(part, info, madeFrom) ? part : orNull(byId.load(part.id)),
      /** As `from`, when only your own id is known. */
      fromUserId: (
        part: Part<Customer> & { readonly userId: string },
        info: GraphQLResolveInfo,
      ): Customer | Promise<Customer | null> =>
        answers(part, info, madeFrom) ? part : orNull(byUserId.load(part.userId)),
    },
  };
}
