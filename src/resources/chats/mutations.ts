import type {
  ChatChange,
  MutationAssignChatArgs,
  MutationMarkChatReadArgs,
  MutationMoveChatArgs,
  MutationRateChatArgs,
  MutationSetChatStatusArgs,
  MutationSnoozeChatArgs,
} from '../../graphql/generated.ts';
import { badUserInputError, conflictError, forbiddenError } from '../../lib/clientError.ts';
import { encodeEnum } from '../../upstream/decode.ts';
import { isNotFound, notFoundArgument, UpstreamError } from '../../upstream/errors.ts';
import type { CacheChanges } from '../declarations.ts';
import { inboxChanges } from '../inbox/descriptor.ts';
import type { MutationDeclaration, EntityWriteEndpoint } from '../mutation.ts';
import { mutationFieldDeclarations, updateEntity } from '../mutation.ts';
import type { ChatWebhookName } from './descriptor.ts';
import { chatListTags, chatType, partialChats } from './descriptor.ts';
import type { Chat } from './model.ts';
import { chatCodec, chatRatings, chatStatuses } from './model.ts';

interface ChatArgs {
  readonly id: string;
}

type ChatMutation<Args> = MutationDeclaration<Args, Chat, ChatChange, ChatWebhookName>;

const chatWriteEndpoint: EntityWriteEndpoint<Chat> = {
  type: chatType,
  decode: chatCodec.fromWire,
  path: (id) => `/chats/${id}`,
  partials: partialChats,
  identity(id, earlier) {
    const part = { __typename: 'Chat', id } as const;
    if (earlier === undefined) return part;
    const { customer, createdAt, createdWith, applicationId } = earlier;
    return { ...part, customer, createdAt, createdWith, applicationId };
  },
};

type ChatUpdate<Args> = Omit<ChatMutation<Args>, 'execute' | 'calls'> &
  Pick<Partial<ChatMutation<Args>>, 'calls'> &
  Parameters<typeof updateEntity<Args, Chat>>[2];

/** A mutation that sets a value of one chat. */
const chatUpdate = <Args extends ChatArgs>(update: ChatUpdate<Args>): ChatMutation<Args> => ({
  calls: 1,
  ...update,
  execute: updateEntity(chatWriteEndpoint, ({ id }) => id, update),
});

const markChatRead = chatUpdate<MutationMarkChatReadArgs>({
  policy: 'owner',
  ids: ['id'],
  validate({ by }, { viewer: { role } }) {
    if (role !== 'ALL' && role !== by) throw forbiddenError(`by: must be ${role} for this viewer.`);
  },
  call: ({ id, by, read }) => ({
    method: 'PUT',
    path: by === 'AGENT' ? '/chats/readByAgent' : '/chats/readByCustomer',
    body: { id: Number(id), read },
  }),
  retry: 'safe',
  sets: ({ by, read }) => (by === 'AGENT' ? { readByAgent: read } : { readByCustomer: read }),
  fields: { id: 'id', read: 'read' },
  invalidates: [],
  publishes: [{ change: 'READ', repeatedBy: [] }],
});

const setChatStatus = chatUpdate<MutationSetChatStatusArgs>({
  policy: 'staff',
  ids: ['id'],
  call: ({ id, status }) => ({
    method: 'PUT',
    path: '/chats/status',
    body: { id: Number(id), status: encodeEnum(chatStatuses, status) },
  }),
  // Closing can show a rating request to the customer.
  retry: 'ifNotSet',
  sets: ({ status }) => ({ status }),
  fields: { id: 'id', status: 'status' },
  invalidates: chatListTags,
  publishes: [
    { change: 'STATUS', repeatedBy: ['chat.status_updated'] },
    {
      change: 'CLOSED',
      when: ({ status }) => status === 'CLOSED',
      repeatedBy: ['chat.closed'],
    },
  ],
});

const assignmentChange = {
  invalidates: chatListTags,
  publishes: [{ change: 'ASSIGNEE', repeatedBy: ['chat.assigned'] }],
} as const;

const assignChat = chatUpdate<MutationAssignChatArgs>({
  policy: 'staff',
  ids: ['id', 'agentId'],
  calls: {
    text: '1; 2 with `ifUnassigned`',
    of: ({ ifUnassigned }) => (ifUnassigned === true ? 2 : 1),
  },
  checkOf: ({ agentId, ifUnassigned }) =>
    ifUnassigned === true
      ? ({ assignee }) => {
          if (assignee === null || assignee.id === agentId) return;
          throw conflictError('ifUnassigned: the chat is assigned to another agent.');
        }
      : undefined,
  call: ({ id, agentId }) => ({
    method: 'PUT',
    path: '/chats/assignee',
    body: { id: Number(id), assignee: Number(agentId) },
  }),
  explain: (error, { agentId }, { sources }) =>
    isNotFound(error) && sources.agents.isKnownMissing(agentId)
      ? notFoundArgument(error, 'agentId', 'agent')
      : error,
  retry: 'safe',
  sets: ({ agentId }) => ({ assignee: { __typename: 'Agent', id: agentId } }),
  fields: { id: 'id', assignee: 'agentId' },
  ...assignmentChange,
});

const unassignChat = chatUpdate<ChatArgs>({
  policy: 'staff',
  ids: ['id'],
  call: ({ id }) => ({
    method: 'PUT',
    path: '/chats/assignee',
    body: { id: Number(id), assignee: null },
  }),
  retry: 'safe',
  sets: () => ({ assignee: null }),
  fields: { id: 'id' },
  ...assignmentChange,
});

const moveChat = chatUpdate<MutationMoveChatArgs>({
  policy: 'staff',
  ids: ['id', 'departmentId'],
  call: ({ id, departmentId }) => ({
    method: 'PUT',
    path: '/chats/department',
    body: { id: Number(id), department: Number(departmentId) },
  }),
  retry: 'safe',
  sets: ({ departmentId }) => ({ department: { __typename: 'Department', id: departmentId } }),
  fields: { id: 'id', department: 'departmentId' },
  // Rules of the department may assign the chat at once.
  ...assignmentChange,
});

/** Whole seconds, rounded up: the chat must not wake before the given time. */
const wakeSeconds = (time: Date): number => Math.ceil(time.getTime() / 1000);

const snoozeChat = chatUpdate<MutationSnoozeChatArgs>({
  policy: 'staff',
  ids: ['id'],
  validate({ until }, { now }) {
    if (until.getTime() <= now()) throw badUserInputError('until', 'must be in the future.');
  },
  call: ({ id, until }) => ({
    method: 'PUT',
    path: '/chats/snooze',
    body: { id: Number(id), snoozedUntil: String(wakeSeconds(until)) },
  }),
  retry: 'safe',
  sets: ({ until }) => ({ snoozedUntil: wakeSeconds(until) * 1000 }),
  fields: { id: 'id', snoozedUntil: 'until' },
  invalidates: chatListTags,
  publishes: [{ change: 'SNOOZED', repeatedBy: ['chat.snoozed'] }],
});

const unsnoozeChat = chatUpdate<ChatArgs>({
  policy: 'staff',
  ids: ['id'],
  call: ({ id }) => ({
    method: 'PUT',
    path: '/chats/snooze',
    body: { id: Number(id), snoozedUntil: null },
  }),
  retry: 'safe',
  sets: () => ({ snoozedUntil: null }),
  fields: { id: 'id' },
  invalidates: chatListTags,
  publishes: [{ change: 'UNSNOOZED', repeatedBy: ['chat.unsnoozed'] }],
});

const rateChat = chatUpdate<MutationRateChatArgs>({
  policy: 'owner',
  ids: ['id'],
  call: ({ id, rating }) => ({
    method: 'PUT',
    path: '/chats/rate',
    body: { id: Number(id), rating: encodeEnum(chatRatings, rating) },
  }),
  retry: 'ifNotSet',
  sets: ({ rating }) => ({ rating }),
  // HelpCrunch documents no other reason for a 400 of this endpoint than the state of the chat, and one that names a property.
  explain: (error) =>
    error instanceof UpstreamError &&
    error.kind === 'rejected' &&
    error.details.entries?.some(({ code }) => code === 'id' || code === 'rating') !== true
      ? error.with({
          kind: 'conflict',
          message: 'The chat cannot be rated.',
          publicMessage:
            'The chat cannot be rated: it is not closed, is already rated, or has no message of an agent.',
        })
      : error,
  fields: { id: 'id', rating: 'rating' },
  invalidates: chatListTags,
  publishes: [{ change: 'RATED', repeatedBy: ['chat.rated'] }],
});

export const inboxChangesOf = ({ id }: ChatArgs): CacheChanges => inboxChanges(id);

/** The mutations of one chat, named by the argument `id`. Each returns the chat after the write. */
export const chatMutations = {
  markChatRead,
  setChatStatus,
  assignChat,
  unassignChat,
  moveChat,
  snoozeChat,
  unsnoozeChat,
  rateChat,
};

export const chatMutationFields = mutationFieldDeclarations(
  { kind: 'chat', argument: 'id' },
  chatMutations,
);
