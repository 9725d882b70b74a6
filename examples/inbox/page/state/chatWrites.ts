import type {
  ApolloClient,
  DefaultContext,
  OperationVariables,
  TypedDocumentNode,
} from '@apollo/client';
import { refreshChat } from '../api/live.ts';
import { refreshSummaryNow } from '../api/summary.ts';
import type { ChatStateFragment, SettableChatStatus } from '../gql/graphql.ts';
import {
  AssignDocument,
  ChatStateFragmentDoc,
  MarkReadDocument,
  MoveDocument,
  SetStatusDocument,
  SnoozeDocument,
  UnassignDocument,
  UnsnoozeDocument,
} from '../gql/graphql.ts';
import { t } from '../text/index.ts';
import { dismiss, perform } from './failures.ts';
import { cancelClose, closeLater } from './pendingCloses.ts';
import { noteStatusChange } from './statusChanges.ts';
import type { Named } from './team.tsx';

type Changes = Partial<Omit<ChatStateFragment, '__typename' | 'id'>>;

interface ChatResult {
  readonly __typename: 'Mutation';
  readonly chat: ChatStateFragment | null;
}

interface ChatWrite<Variables> {
  readonly id: string;
  readonly name: string;
  readonly document: TypedDocumentNode<ChatResult, Variables>;
  readonly variables: NoInfer<Variables>;
  /** The values that the chat has afterwards. */
  readonly changes: Changes;
  readonly title: string;
  /** The title if another agent was faster. */
  readonly conflict?: string;
  /** Whether it replaces a closing that is not sent yet. */
  readonly replacesClose?: boolean;
  readonly context?: DefaultContext;
}

const stateOf = (client: ApolloClient, id: string) =>
  client.cache.readFragment<ChatStateFragment>({
    from: { __typename: 'Chat', id },
    fragment: ChatStateFragmentDoc,
  });

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Shows the new values at once. Apollo Client reverts them if the mutation fails. */
function change<Variables extends OperationVariables>(
  client: ApolloClient,
  write: ChatWrite<Variables>,
): Promise<boolean> {
  const { id, name, document, variables, changes, title, conflict, replacesClose, context } = write;
  async function run(): Promise<void> {
    if (replacesClose === true) cancelClose(id);
    const before = stateOf(client, id);
    const { data } = await client.mutate({
      mutation: document,
      variables,
      ...(context !== undefined && { context }),
      ...(before !== null && {
        optimisticResponse: { __typename: 'Mutation', chat: { ...before, ...changes } },
      }),
    });
    if (before !== null && data?.chat != null) {
      noteStatusChange(id, before.status, data.chat.status);
    }
    refreshSummaryNow();
  }
  async function check(): Promise<boolean> {
    const current = await refreshChat(client, id);
    const expected = Object.entries(changes);
    return expected.every(([key, value]) => isSame(current?.[key as keyof Changes], value));
  }
  return perform({
    key: `${name}:${id}`,
    subject: `chat:${id}`,
    chatId: id,
    title,
    ...(conflict !== undefined && { conflict }),
    run,
    check,
    // Shows what the other agent has changed.
    onConflict: () => void refreshChat(client, id).catch(() => undefined),
  });
}

const markWrite = (id: string, read: boolean) => ({
  id,
  document: MarkReadDocument,
  variables: { id, read },
  changes: { readByAgent: read },
  title: t.failed.mark,
});

export const markRead = (client: ApolloClient, id: string, read: boolean) =>
  change(client, { ...markWrite(id, read), name: 'read' });

/** Without a notice on failure: the user has not asked for it. */
export const markReadQuietly = (client: ApolloClient, id: string): void =>
  void change(client, { ...markWrite(id, true), name: 'seen' }).then(() => dismiss(`seen:${id}`));

const statusWrite = (id: string, status: SettableChatStatus) => ({
  id,
  name: 'status',
  document: SetStatusDocument,
  variables: { id, status },
  changes: { status },
  title: status === 'CLOSED' ? t.failed.close : t.failed.status,
  replacesClose: true,
});

export const setStatus = (client: ApolloClient, id: string, status: SettableChatStatus) =>
  change(client, statusWrite(id, status));

const agentOf = ({ id, name }: Named) => ({ __typename: 'Agent', id, name }) as const;

export function assign(client: ApolloClient, id: string, agent: Named | undefined) {
  const assignee = agent === undefined ? null : agentOf(agent);
  const write = { id, name: 'assignee', changes: { assignee }, title: t.failed.assign } as const;
  return agent === undefined
    ? change(client, { ...write, document: UnassignDocument, variables: { id } })
    : change(client, { ...write, document: AssignDocument, variables: { id, agentId: agent.id } });
}

/** Fails if another agent has taken the chat meanwhile. */
export const take = (client: ApolloClient, id: string, agent: Named) =>
  change(client, {
    id,
    name: 'assignee',
    document: AssignDocument,
    variables: { id, agentId: agent.id, ifUnassigned: true },
    changes: { assignee: agentOf(agent) },
    title: t.failed.assign,
    conflict: t.failed.take,
  });

export const move = (client: ApolloClient, id: string, department: Named) =>
  change(client, {
    id,
    name: 'department',
    document: MoveDocument,
    variables: { id, departmentId: department.id },
    changes: {
      department: { __typename: 'Department', id: department.id, name: department.name },
    },
    title: t.failed.move,
  });

/** `until`: in whole seconds, like the times of HelpCrunch. */
export const snooze = (client: ApolloClient, id: string, until: Date) =>
  change(client, {
    id,
    name: 'snooze',
    document: SnoozeDocument,
    variables: { id, until: until.toISOString() },
    changes: { snoozedUntil: until.toISOString() },
    title: t.failed.snooze,
    replacesClose: true,
  });

export const unsnooze = (client: ApolloClient, id: string) =>
  change(client, {
    id,
    name: 'snooze',
    document: UnsnoozeDocument,
    variables: { id },
    changes: { snoozedUntil: null },
    title: t.failed.unsnooze,
  });

/** Closing can request a rating from the customer, which cannot be undone. So it is sent when the user can no longer undo it. */
export function closeWithUndo(client: ApolloClient, chatId: string): void {
  // This change replaces one that has failed.
  dismiss(`status:${chatId}`);
  closeLater(chatId, (isLeaving) => {
    // The request survives the page.
    const context = isLeaving ? { fetchOptions: { keepalive: true } } : {};
    void change(client, { ...statusWrite(chatId, 'CLOSED'), context });
  });
}
