import { useMutation } from '@apollo/client/react';
import { MarkReadDocument } from './gql/graphql.ts';

/** Updates optimistically; the change is reverted on error. */
export function useMark() {
  const [send, { error, reset }] = useMutation(MarkReadDocument);
  const mark = (id: string, read: boolean) =>
    void send({
      variables: { id, read },
      optimisticResponse: {
        __typename: 'Mutation',
        markChatRead: { __typename: 'Chat', id, readByAgent: read },
      },
    }).catch(() => undefined);
  return { mark, error, reset };
}
