import { useApolloClient } from '@apollo/client/react';
import { useState } from 'react';
import { insertChat } from '../api/lists.ts';
import { useLiveUpdates } from '../api/live.ts';
import type { ListSource } from '../state/address.ts';
import { alertTo } from '../state/alerts.ts';
import { stopClose } from '../state/pendingCloses.ts';
import { useTeam } from '../state/team.tsx';
import { t } from '../text/index.ts';
import { customerName } from '../text/names.ts';
import { plainText } from '../text/plainText.ts';

interface Properties {
  readonly source: ListSource | undefined;
  readonly chatId: string | undefined;
}

/** Receives events for the whole page, and announces new messages of customers, unless their chat is assigned to another agent. */
export function LiveUpdates({ source, chatId }: Properties) {
  const client = useApolloClient();
  const { me } = useTeam();
  const [news, setNews] = useState('');
  useLiveUpdates({
    onChat(chat) {
      if (source !== undefined) insertChat(client, source, chat);
    },
    onMessage(message, chat) {
      if (message.from === 'CUSTOMER' && message.type !== 'TECH') stopClose(chat.id);
      const isOpen = chat.id === chatId;
      const isForOthers = me !== undefined && chat.assignee !== null && chat.assignee.id !== me.id;
      if (message.from !== 'CUSTOMER' || (isForOthers && !isOpen)) return;
      alertTo(message, chat);
      setNews(
        isOpen
          ? t.newMessage(plainText(message.text ?? ''))
          : t.newMessageFrom(customerName(chat.customer)),
      );
    },
  });
  return (
    <p className="unseen" role="status">
      {news}
    </p>
  );
}
