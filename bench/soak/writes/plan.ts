import type { Random } from '../../../src/simulator/random.ts';
import type { Account } from './account.ts';

/** What an acknowledged write makes true at HelpCrunch. */
export type Effect =
  /** A property, which no other worker writes, has the value. */
  | {
      readonly kind: 'value';
      readonly path: string;
      readonly property: string;
      readonly value: unknown;
    }
  | {
      readonly kind: 'customData';
      readonly customerId: string;
      readonly name: string;
      readonly value: string;
    }
  | {
      readonly kind: 'tag';
      readonly customerId: string;
      readonly name: string;
      readonly isPresent: boolean;
    }
  | { readonly kind: 'message'; readonly chatId: string; readonly text: string }
  | { readonly kind: 'chat'; readonly customerId: string; readonly text: string | undefined }
  | { readonly kind: 'customer'; readonly property: 'userId' | 'name'; readonly value: string }
  | { readonly kind: 'deletion'; readonly customerId: string }
  | { readonly kind: 'event'; readonly name: string };

export interface PlannedWrite {
  readonly name: string;
  /** The field with its arguments and selection. */
  readonly field: string;
  /** Whether a repetition with the same arguments changes nothing, or is recognized by a key. */
  readonly isRepeatable: boolean;
  /** Whether HelpCrunch can be asked for the result, or the write can be repeated. */
  readonly isResolvable: boolean;
  /** Codes of errors after which nothing has changed. */
  readonly allowedCodes: readonly string[];
  readonly effect: Effect;
}

type Change = Pick<PlannedWrite, 'field' | 'effect'> & Partial<PlannedWrite>;
type Planner = (worker: number, count: number) => Change;

const settableStatuses = { NEW: 'new', OPENED: 'opened', PENDING: 'pending', CLOSED: 'closed' };
const ratings = { GREAT: 'great', AVERAGE: 'average', POOR: 'poor' };
/** Texts that several messages of one chat have. */
const repeatedTexts = ['Ok', 'Thanks'];
const unkeyedShare = 0.05;
const sharedObjects = 3;

const text = (value: string): string => JSON.stringify(value);

/** Chooses writes at random: to objects of one worker, whose last value is known, and to objects that all workers share. */
export class RandomWrites {
  readonly #account: Account;
  readonly #random: Random;
  /** Distinguishes the names and texts of this run. */
  readonly #prefix: string;
  readonly #planners: readonly (readonly [string, number, Planner])[];
  readonly #tags = new Map<number, string[]>();
  readonly #ratable: string[];
  readonly #deletable: string[];
  #count = 0;

  constructor(account: Account, random: Random, prefix: string) {
    this.#account = account;
    this.#random = random;
    this.#prefix = prefix;
    this.#deletable = [...account.deletableIds];
    // The first and the last chats have other purposes.
    this.#ratable = account.chats
      .slice(account.chats.length >> 1, -sharedObjects)
      .filter(
        ({ status, rating, agents }) =>
          status === 'closed' && rating === null && Array.isArray(agents) && agents.length > 0,
      )
      .map(({ id }) => String(id));
    this.#planners = [...this.#chatPlanners(), ...this.#customerPlanners(), ...this.#creations()];
  }

  next(worker: number): PlannedWrite {
    this.#count += 1;
    const [name, , plan] = this.#random.weighted(
      this.#planners.map((entry) => [entry, entry[1]] as const),
    );
    return {
      name,
      isRepeatable: true,
      isResolvable: true,
      allowedCodes: [],
      ...plan(worker, this.#count),
    };
  }

  #chatPlanners(): [string, number, Planner][] {
    const { agentIds, departmentIds } = this.#account;
    /** A chat whose property only this worker writes, and only by these mutations. */
    const value =
      (place: number, property: string, choose: () => readonly [string, unknown]): Planner =>
      (worker) => {
        const id = this.#chatId(worker * 5 + place);
        const [field, written] = choose();
        return {
          field: field.replace('$id', id),
          effect: { kind: 'value', path: `/chats/${id}`, property, value: written },
        };
      };
    return [
      [
        'setChatStatus',
        8,
        value(0, 'status', () => {
          const [name, written] = this.#random.pick(Object.entries(settableStatuses));
          return [`setChatStatus(id: $id, status: ${name}) { id }`, written];
        }),
      ],
      [
        'assignChat',
        8,
        value(1, 'assignee.id', () => {
          if (this.#random.isLucky(0.3)) return ['unassignChat(id: $id) { id }', undefined];
          const agentId = this.#random.pick(agentIds);
          return [`assignChat(id: $id, agentId: ${agentId}) { id }`, Number(agentId)];
        }),
      ],
      [
        'moveChat',
        4,
        value(2, 'department.id', () => {
          const departmentId = this.#random.pick(departmentIds);
          return [`moveChat(id: $id, departmentId: ${departmentId}) { id }`, Number(departmentId)];
        }),
      ],
      [
        'snoozeChat',
        4,
        value(3, 'snoozedUntil', () => {
          if (this.#random.isLucky(0.3)) return ['unsnoozeChat(id: $id) { id }', null];
          const seconds = 4_000_000_000 + this.#count;
          const until = new Date(seconds * 1000).toISOString();
          return [`snoozeChat(id: $id, until: "${until}") { id }`, String(seconds)];
        }),
      ],
      [
        'markChatRead',
        6,
        value(4, 'readByAgent', () => {
          const read = this.#random.isLucky(0.5);
          return [`markChatRead(id: $id, by: AGENT, read: ${read}) { id }`, read];
        }),
      ],
      ['rateChat', 3, () => this.#rating()],
    ];
  }

  /** A chat can be rated once. */
  #rating(): Change {
    const id = this.#ratable.pop();
    if (id === undefined) throw new Error('There are too few chats that can be rated.');
    const [name, value] = this.#random.pick(Object.entries(ratings));
    return {
      field: `rateChat(id: ${id}, rating: ${name}) { id }`,
      // The state after an attempt without a response.
      allowedCodes: ['CONFLICT'],
      effect: { kind: 'value', path: `/chats/${id}`, property: 'rating', value },
    };
  }

  #customerPlanners(): [string, number, Planner][] {
    const shared = () => this.#customerId(this.#random.integer(0, sharedObjects - 1));
    return [
      [
        'updateCustomer',
        6,
        (worker, count) => {
          const id = this.#customerId(sharedObjects + worker);
          const value = `${this.#prefix} ${count}`;
          return {
            field: `updateCustomer(id: ${id}, input: { company: ${text(value)} }) { id }`,
            effect: { kind: 'value', path: `/customers/${id}`, property: 'company', value },
          };
        },
      ],
      [
        'updateCustomer with customData',
        5,
        (_worker, count) => {
          const customerId = shared();
          const [name, value] = [`key${count}`, `value ${count}`];
          return {
            field: `updateCustomer(id: ${customerId}, input: { customData: { ${name}: ${text(value)} } }) { id }`,
            effect: { kind: 'customData', customerId, name, value },
          };
        },
      ],
      ['customer tags', 8, (worker, count) => this.#tagging(worker, count)],
      [
        'deleteCustomer',
        3,
        () => {
          const customerId = this.#deletable.pop();
          if (customerId === undefined) throw new Error('There are too few customers.');
          return {
            field: `deleteCustomer(id: ${customerId}) { id }`,
            // Deleted by an attempt without a response.
            allowedCodes: ['NOT_FOUND'],
            effect: { kind: 'deletion', customerId },
          };
        },
      ],
      [
        'upsertCustomer',
        5,
        (_worker, count) => {
          const value = `${this.#prefix}-upsert-${count >> 3}`;
          return {
            field: `upsertCustomer(userId: ${text(value)}, input: { name: "Upserted" }) { id }`,
            effect: { kind: 'customer', property: 'userId', value },
          };
        },
      ],
    ];
  }

  #tagging(worker: number, count: number): Change {
    const customerId = this.#customerId(worker % sharedObjects);
    const tags = this.#tags.get(worker) ?? [];
    this.#tags.set(worker, tags);
    const removed = this.#random.isLucky(0.4) ? tags.pop() : undefined;
    const name = removed ?? `${this.#prefix}-tag-${count}`;
    if (removed === undefined) tags.push(name);
    return {
      field:
        removed === undefined
          ? `addCustomerTags(customerId: ${customerId}, tags: [{ name: ${text(name)} }]) { id }`
          : `removeCustomerTags(customerId: ${customerId}, names: [${text(name)}]) { id }`,
      effect: { kind: 'tag', customerId, name, isPresent: removed === undefined },
    };
  }

  #creations(): [string, number, Planner][] {
    return [
      ['sendMessage', 16, (_worker, count) => this.#message(count, false)],
      ['addChatNote', 6, (_worker, count) => this.#message(count, true)],
      ['createChat', 9, (_worker, count) => this.#newChat(count)],
      ['createCustomer', 6, (_worker, count) => this.#newCustomer(count)],
      [
        'recordCustomerEvent',
        3,
        (_worker, count) => {
          const name = `${this.#prefix}-event-${count}`;
          const customerId = this.#customerId(0);
          return {
            field: `recordCustomerEvent(customerId: ${customerId}, name: ${text(name)}, idempotencyKey: ${text(name)}) { id }`,
            isRepeatable: false,
            isResolvable: false,
            effect: { kind: 'event', name },
          };
        },
      ],
    ];
  }

  #message(count: number, isNote: boolean): Change {
    const chatId = this.#chatId(
      this.#account.chats.length - this.#random.integer(1, sharedObjects),
    );
    const sent = this.#random.isLucky(0.4)
      ? this.#random.pick(repeatedTexts)
      : `${this.#prefix} message ${count}`;
    const name = isNote ? 'addChatNote' : 'sendMessage';
    const by = isNote ? '' : 'by: CUSTOMER, ';
    const { argument, ...key } = this.#key(count);
    return {
      ...key,
      field: `${name}(chatId: ${chatId}, ${by}text: ${text(sent)}${argument}) { id }`,
      effect: { kind: 'message', chatId, text: `${isNote ? 'private' : 'message'} ${sent}` },
    };
  }

  #newChat(count: number): Change {
    const customerId = this.#customerId(this.#random.integer(0, sharedObjects - 1));
    const sent = this.#random.isLucky(0.5) ? `${this.#prefix} chat ${count}` : undefined;
    const message = sent === undefined ? '' : `, message: { by: CUSTOMER, text: ${text(sent)} }`;
    const { argument, ...key } = this.#key(count);
    return {
      ...key,
      field: `createChat(input: { customerId: ${customerId}, applicationId: ${this.#account.applicationId}${message} }${argument}) { id }`,
      effect: { kind: 'chat', customerId, text: sent },
    };
  }

  #newCustomer(count: number): Change {
    const value = `${this.#prefix}-customer-${count}`;
    const hasUserId = this.#random.isLucky(0.7);
    const { argument, ...key } = this.#key(count);
    const userId = hasUserId ? `userId: ${text(value)}, ` : '';
    return {
      ...key,
      isResolvable: hasUserId,
      isRepeatable: hasUserId && key.isRepeatable,
      field: `createCustomer(input: { ${userId}name: ${text(value)} }${argument}) { id }`,
      effect: { kind: 'customer', property: hasUserId ? 'userId' : 'name', value },
    };
  }

  #key(count: number) {
    const isRepeatable = !this.#random.isLucky(unkeyedShare);
    return {
      isRepeatable,
      argument: isRepeatable ? `, idempotencyKey: ${text(`${this.#prefix} ${count}`)}` : '',
    };
  }

  #chatId(place: number): string {
    return String(this.#account.chats[place]?.id);
  }

  #customerId(place: number): string {
    return String(this.#account.customers[place]?.id);
  }
}
