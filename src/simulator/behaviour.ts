import type { FaultRule } from './faults.ts';

interface Switch {
  /** The first one is the default. */
  readonly values: readonly [SwitchValue, ...SwitchValue[]];
  readonly about: string;
}

type SwitchValue = string | number | boolean;
export type SwitchTable = Readonly<Record<string, Switch>>;
type SwitchValues<Table extends SwitchTable> = {
  readonly [Name in keyof Table]: Table[Name]['values'][number];
};

/** Where the behaviour of HelpCrunch is unknown, differs between accounts or may change. */
export const switches = {
  times: {
    values: ['seconds', 'number', 'milliseconds', 'mixed'],
    about:
      'format of times: "1700000000", 1700000000, "1700000000.250"; mixed: one per kind of object',
  },
  limitOverflow: { values: ['clamp', 'reject'], about: 'what a limit above 100 gets' },
  rateWindow: {
    values: ['sliding', 'fixed', 'bucket'],
    about: 'how calls are counted: sliding minute, calendar minute or token bucket',
  },
  retryAfter: { values: [false, true], about: 'whether a 429 has Retry-After' },
  emptyCustomData: { values: ['object', 'array'], about: 'custom data without entries: {} or []' },
  absentObjects: {
    values: ['null', 'array'],
    about: 'absent assignee, department and device: null or []',
  },
  okBody: {
    values: ['json', 'text'],
    about: 'body of DELETE /customers/{id} and GET /agents/{id}/unsubscribe: "Ok" or Ok',
  },
  createdStatus: {
    values: [201, 200],
    about: 'status of POST /chats, /messages and /customers',
  },
  onHold: {
    values: ['on hold', 'onhold', 'on-hold'],
    about: 'spelling of the status in responses, webhooks and exact searches',
  },
  statusSearch: {
    values: ['fold', 'exact', 'reject'],
    about: 'spellings of chats.status: all that writes accept, only the stored one, or 400',
  },
  bareSort: {
    values: ['reject', 'accept'],
    about: 'sort names without "chats." or "customers."',
  },
  unknownSort: { values: ['reject', 'ignore'], about: 'unknown sort names' },
  replyOpens: { values: [true, false], about: "whether an agent's message changes the status" },
  replyAssigns: {
    values: [true, false],
    about: "whether an agent's message assigns an unassigned chat to the agent",
  },
  closingRequestsRating: {
    values: ['once', 'always', 'never'],
    about: 'when PUT /chats/status with closed asks for a rating; always: also if closed before',
  },
  wakingMarksUnread: {
    values: [true, false],
    about: 'whether a chat is unread for agents when its snooze ends',
  },
  noteIsLastMessage: {
    values: [false, true],
    about: "whether a private note is the chat's last message",
  },
  ratingScale: { values: [5, 3], about: 'number of ratings that the account accepts' },
  customDataPatch: {
    values: ['merge', 'replace'],
    about: 'what PATCH does with the custom data that a request omits',
  },
  putClears: {
    values: ['all', 'contact'],
    about: 'omitted fields that PUT clears; contact keeps userId, channel and tags',
  },
  unregisteredAttributes: {
    values: ['accept', 'reject'],
    about: 'custom data with a property that is not among the attributes of the account',
  },
} as const satisfies SwitchTable;

/** How webhooks are written. */
export const webhookSwitches = {
  apiWrites: { values: [true, false], about: 'whether writes of the REST API cause webhooks' },
  eventData: { values: ['object', 'text'], about: 'event data as an object or as JSON in a text' },
  ids: { values: ['number', 'text'], about: 'ids as numbers or texts' },
  chatIdKey: { values: ['chat_id', 'chatId'], about: 'name of the chat id' },
  envelopeLagSeconds: {
    values: [0, 2],
    about: 'by how much the time of a delivery is later than its event',
  },
} as const satisfies SwitchTable;

/** Delivery of webhooks. Probabilities are from 0 to 1. */
export interface WebhookBehaviour extends SwitchValues<typeof webhookSwitches> {
  readonly lost: number;
  readonly doubled: number;
  /** Held back for `lateMs`, so that later ones come first. */
  readonly late: number;
  readonly lateMs: number;
  /** Delays before the retries of a webhook that got no 2xx response. */
  readonly retriesMs: readonly number[];
}

/** Behaviour of the simulator where that of HelpCrunch is unknown, may change or is faulty. */
export interface Behaviour extends SwitchValues<typeof switches> {
  readonly latencyMs: number;
  /** Tried in order for every call; the first that strikes is used. */
  readonly faults: readonly FaultRule[];
  readonly webhooks: WebhookBehaviour;
}

/** What a change omits stays as it is. */
export interface BehaviourChange extends Partial<Omit<Behaviour, 'webhooks'>> {
  readonly webhooks?: Partial<WebhookBehaviour>;
}

function defaultsOf<Table extends SwitchTable>(table: Table): SwitchValues<Table>;
function defaultsOf(table: SwitchTable): object {
  return Object.fromEntries(Object.entries(table).map(([name, { values }]) => [name, values[0]]));
}

export const usualBehaviour: Behaviour = {
  ...defaultsOf(switches),
  latencyMs: 0,
  faults: [],
  webhooks: {
    ...defaultsOf(webhookSwitches),
    lost: 0,
    doubled: 0,
    late: 0,
    lateMs: 3_000,
    retriesMs: [1_000, 10_000, 60_000, 600_000],
  },
};

/** The current behaviour, which can be changed between calls. */
export class BehaviourState {
  #current: Behaviour;

  constructor(initial: BehaviourChange = {}) {
    this.#current = merged(usualBehaviour, initial);
  }

  get current(): Behaviour {
    return this.#current;
  }

  change(part: BehaviourChange): void {
    this.#current = merged(this.#current, part);
  }
}

const merged = (current: Behaviour, { faults, webhooks, ...rest }: BehaviourChange): Behaviour => ({
  ...current,
  ...rest,
  // A copy, because rules that are set again count from the start.
  ...(faults !== undefined && { faults: [...faults] }),
  webhooks: { ...current.webhooks, ...webhooks },
});
