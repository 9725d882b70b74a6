import type { ApolloClient } from '@apollo/client';
import type {
  CustomerTagsFragment,
  CustomerValuesFragment,
  CustomerCardQuery,
} from '../gql/graphql.ts';
import {
  AddTagDocument,
  CustomerCardDocument,
  CustomerTagsFragmentDoc,
  CustomerValuesFragmentDoc,
  RemoveTagDocument,
  UpdateCustomerDocument,
} from '../gql/graphql.ts';
import { t } from '../text/index.ts';
import { perform } from './failures.ts';

export const editableFields = ['name', 'email', 'phone', 'company', 'notes'] as const;

/** Only the values that were changed; null removes a value. */
export type CustomerInput = Partial<Record<(typeof editableFields)[number], string | null>>;

type Customer = NonNullable<CustomerCardQuery['customer']>;

async function readCustomer({ query }: ApolloClient, id: string): Promise<Customer | undefined> {
  const { data } = await query({
    query: CustomerCardDocument,
    variables: { id },
    fetchPolicy: 'network-only',
  });
  return data?.customer ?? undefined;
}

interface CustomerChange {
  readonly id: string;
  /** The chat that is open. */
  readonly chatId: string;
  readonly input: CustomerInput;
  readonly onApplied: () => void;
}

export const saveCustomer = (client: ApolloClient, change: CustomerChange) => {
  const { id, chatId, input, onApplied } = change;
  return perform({
    key: `customer:${id}`,
    subject: `customer:${id}`,
    chatId,
    title: t.failed.customer,
    onApplied,
    run() {
      const before = client.cache.readFragment<CustomerValuesFragment>({
        from: { __typename: 'Customer', id },
        fragment: CustomerValuesFragmentDoc,
      });
      return client.mutate({
        mutation: UpdateCustomerDocument,
        variables: { id, input },
        ...(before !== null && {
          optimisticResponse: {
            __typename: 'Mutation' as const,
            updateCustomer: { ...before, ...input },
          },
        }),
      });
    },
    async check() {
      const current = await readCustomer(client, id);
      return editableFields.every(
        (field) => !(field in input) || current?.[field] === input[field],
      );
    },
  });
};

interface TagChange {
  readonly id: string;
  /** The chat that is open. */
  readonly chatId: string;
  readonly name: string;
  readonly isAdded: boolean;
}

type Tags = readonly NonNullable<CustomerTagsFragment['tags']>[number][];

const changedTags = (tags: Tags, { name, isAdded }: Pick<TagChange, 'name' | 'isAdded'>): Tags => [
  ...tags.filter((tag) => tag.name !== name),
  ...(isAdded ? [{ __typename: 'CustomerTag' as const, name, color: null }] : []),
];

export const changeTag = (client: ApolloClient, tag: TagChange) =>
  perform({
    key: `tag:${tag.id}:${tag.name}`,
    subject: `customer:${tag.id}`,
    chatId: tag.chatId,
    title: t.failed.tags,
    run() {
      const { id, name, isAdded } = tag;
      const before = client.cache.readFragment<CustomerTagsFragment>({
        from: { __typename: 'Customer', id },
        fragment: CustomerTagsFragmentDoc,
      });
      const after = before && { ...before, tags: changedTags(before.tags ?? [], tag) };
      const variables = { id, name };
      return isAdded
        ? client.mutate({
            mutation: AddTagDocument,
            variables,
            ...(after && {
              optimisticResponse: { __typename: 'Mutation' as const, addCustomerTags: after },
            }),
          })
        : client.mutate({
            mutation: RemoveTagDocument,
            variables,
            ...(after && {
              optimisticResponse: { __typename: 'Mutation' as const, removeCustomerTags: after },
            }),
          });
    },
    async check() {
      const tags = (await readCustomer(client, tag.id))?.tags ?? [];
      return tags.some(({ name }) => name === tag.name) === tag.isAdded;
    },
  });
