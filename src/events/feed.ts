import type { Message } from '../resources/messages/model.ts';

export type ChatChange =
  | 'CREATED'
  | 'STATUS'
  | 'ASSIGNEE'
  | 'SNOOZED'
  | 'UNSNOOZED'
  | 'CLOSED'
  | 'RATED'
  | 'READ'
  | 'MESSAGE';

/** Something that happened in an account. Ids are null where they are not known or there is none. */
export type News =
  | {
      readonly kind: 'chat';
      readonly chatId: string;
      readonly change: ChatChange;
      readonly atMs: number;
      readonly customerId: string | null;
      readonly assigneeId: string | null;
      readonly departmentId: string | null;
    }
  | {
      readonly kind: 'message';
      readonly chatId: string;
      readonly customerId: string | null;
      readonly message: Message;
      readonly atMs: number;
    }
  | { readonly kind: 'customer'; readonly customerId: string; readonly atMs: number };

/** After a gap something may have been missed: what is shown must be fetched again. */
export type Announcement = News | { readonly kind: 'gap' };

export interface Feed {
  /** Never fails. What is announced of one chat is heard in the same order by all who listen. */
  announce(tenant: string, news: News): void;
  /**
   * Listens from the call on, until the signal aborts, and never fails. Who lags more than the bound behind loses the oldest and
   * gets one `gap`. A gap is told to everybody.
   */
  listen(
    tenant: string,
    wants: (news: News) => boolean,
    signal: AbortSignal,
  ): AsyncIterableIterator<Announcement>;
  listeners(): number;
  /** Ends all who listen. */
  close(): void;
}

/** The feed of one account, as one operation sees it. */
export interface AccountFeed {
  announce(news: News): void;
  listen(wants: (news: News) => boolean): AsyncIterableIterator<Announcement>;
}
