import { useFragment } from '@apollo/client/react';
import { ChatRowFragmentDoc } from '../../gql/graphql.ts';
import type { Address } from '../../state/address.ts';
import { hrefOf } from '../../state/address.ts';
import { failedWrites } from '../../state/failures.ts';
import { isBusy, outbox } from '../../state/outbox.ts';
import { useSignal } from '../../state/signal.ts';
import { t } from '../../text/index.ts';
import { customerName } from '../../text/names.ts';

interface Properties {
  readonly address: Address;
  readonly chatId: string;
}

/** A link to a chat, with the name of its customer. */
export function ChatLink({ address, chatId }: Properties) {
  const { data: chat, complete } = useFragment({
    fragment: ChatRowFragmentDoc,
    fragmentName: 'ChatRow',
    from: { __typename: 'Chat', id: chatId },
  });
  return (
    <a className="button" href={hrefOf({ ...address, chatId })} dir="auto">
      {complete ? customerName(chat.customer) : t.chatWithId(chatId)}
    </a>
  );
}

/** Below the list, so that it moves no row: links to the chats with a message that was not sent, or a change that has failed, after the user has left them. */
export function Unfinished({ address }: Pick<Properties, 'address'>) {
  const unsent = useSignal(outbox).filter((message) => !isBusy(message));
  const failed = useSignal(failedWrites);
  const chatIds = [...unsent.map(({ chatId }) => chatId), ...failed.map(({ chatId }) => chatId)];
  const left = [...new Set(chatIds)].filter((id) => id !== address.chatId);
  return (
    <div role="status">
      {left.length > 0 && (
        <div className="notice unfinished">
          <strong>{t.unfinished}</strong>
          <div className="buttons">
            {left.map((chatId) => (
              <ChatLink key={chatId} address={address} chatId={chatId} />
            ))}
          </div>
        </div>
      )}
    </div>
  );
}
