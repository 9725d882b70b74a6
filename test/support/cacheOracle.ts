import { toNodeId } from '../../src/lib/ids.ts';
import type { EntityType, Part, Values } from './knownAccount.ts';
import { agentIds, chatIds, customerIds, entityOf, isPart, messageIdsOf } from './knownAccount.ts';

interface FieldRule {
  /** The property from which the field is computed, if its name differs. */
  readonly from?: string;
  readonly isNonNull?: true;
  /** The type of the entities that the field returns. */
  readonly type?: EntityType;
  /** A constant selection. */
  readonly inner?: string;
}

const key: Readonly<Record<string, FieldRule>> = {
  id: { isNonNull: true },
  nodeId: { from: 'id', isNonNull: true },
};

/** What the schema says of each field. */
const types: Readonly<Record<EntityType, Readonly<Record<string, FieldRule>>>> = {
  Chat: {
    ...key,
    status: { isNonNull: true },
    rating: {},
    readByAgent: {},
    lastMessageText: {},
    lastCommunicatedAgentId: {},
    lastCommunicatedAgent: { from: 'lastCommunicatedAgentId', type: 'Agent' },
    application: { from: 'applicationId', type: 'ChatApplication' },
    agents: { type: 'Agent', isNonNull: true },
    assignee: { type: 'Agent' },
    customer: { type: 'Customer' },
    department: { type: 'Department' },
    messages: { from: 'id', type: 'ChatMessage' },
  },
  ChatMessage: {
    id: { isNonNull: true },
    text: {},
    agent: { type: 'Agent' },
    chat: { type: 'Chat' },
  },
  Customer: {
    ...key,
    name: {},
    email: {},
    userId: {},
    phone: {},
    company: {},
    customData: {},
    tags: { inner: '{ name color }' },
    location: { inner: '{ city }' },
  },
  Agent: { ...key, name: {}, email: {}, role: {} },
  Department: { ...key, name: { isNonNull: true }, agents: { type: 'Agent' } },
  ChatApplication: { id: { isNonNull: true }, name: {}, displayName: {}, active: {} },
};

/** A missing value: the path of the field that needed a call. */
class Missing {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

export interface ExpectedResult {
  readonly query: string;
  readonly data: Values;
  /** The paths of the fields that need a call and of which no parent is null. */
  readonly missing: readonly string[];
  /** The paths of parents that are null because a field that is never null is missing in them. */
  readonly nulled: readonly string[];
}

type Selection = readonly { readonly name: string; readonly inner: Selection }[];

/** Creates random operations with the results that they must have when nothing but the cache can be read. */
export class CacheOracle {
  readonly #random: () => number;
  readonly #cached: ReadonlySet<string>;
  #missing: string[] = [];
  #nulled: string[] = [];

  /** `cached` has keys of `warmingOperations`. */
  constructor(random: () => number, cached: ReadonlySet<string>) {
    this.#random = random;
    this.#cached = cached;
  }

  next(): ExpectedResult {
    this.#missing = [];
    this.#nulled = [];
    const texts: string[] = [];
    const data: Record<string, unknown> = {};
    for (let index = 0; index < 1 + Math.floor(this.#random() * 3); index += 1) {
      const alias = `f${index}`;
      const { text, value } = this.#rootField(alias);
      texts.push(`${alias}: ${text}`);
      data[alias] = value;
    }
    const query = `{ ${texts.join(' ')} }`;
    const missing = this.#missing.filter(
      (path) => !this.#nulled.some((parent) => path.startsWith(`${parent}.`)),
    );
    return { query, data, missing, nulled: this.#nulled };
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item;
  }

  #isCached(type: EntityType, id: string): boolean {
    const names = [type, `${type} ${id}`, type === 'Chat' ? 'chats' : type];
    return names.some((name) => this.#cached.has(name));
  }

  #rootField(alias: string): { readonly text: string; readonly value: unknown } {
    const [type, field, ids] = this.#pick([
      ['Chat', 'chat', chatIds],
      ['Chat', 'chat', chatIds],
      ['Customer', 'customer', customerIds],
      ['Agent', 'agent', agentIds],
      ['Department', 'department', ['3', '4']],
      ['Chat', 'chats', chatIds],
      ['Agent', 'agents', agentIds],
      ['Department', 'departments', ['3', '4']],
      ['ChatApplication', 'applications', ['2']],
      ['Chat', 'nodes', chatIds],
      ['Customer', 'nodes', customerIds],
      ['Chat', '_entities', chatIds],
      ['Customer', '_entities', customerIds],
      ['Department', '_entities', ['3', '4']],
    ] as const);
    const selection = this.#selection(type, 0);
    const text = print(selection);
    const some = [this.#pick(ids), this.#pick(ids)];
    const whole = (id: string, path: string) =>
      this.#orNull(
        this.#isCached(type, id)
          ? this.#entity({ type, id, values: entityOf[type](id) }, selection, path)
          : new Missing(path),
      );
    /** A chat whose messages are selected is not read if only its id is needed besides. */
    const selected = (id: string, path: string) => {
      const part = { type, id, values: { id } };
      const isKnownByMessages =
        selection.some(({ name }) => name === 'messages') && !this.#needsWhole(part, selection);
      return !this.#isCached(type, id) && isKnownByMessages
        ? this.#entity(part, selection, path)
        : whole(id, path);
    };
    switch (field) {
      case 'nodes': {
        const nodeIds = some.map((id) => `"${toNodeId(type, id)}"`);
        return {
          text: `nodes(nodeIds: [${nodeIds.join(', ')}]) { ... on ${type} ${text} }`,
          value: some.map((id, index) => selected(id, `${alias}.${index}`)),
        };
      }
      case '_entities': {
        const keys = some.map((id) => `{ __typename: "${type}", id: "${id}" }`);
        return {
          text: `_entities(representations: [${keys.join(', ')}]) { ... on ${type} ${text} }`,
          value: some.map((id, index) =>
            this.#orNull(
              this.#entity({ type, id, values: { id } }, selection, `${alias}.${index}`),
            ),
          ),
        };
      }
      case 'chats':
        return {
          text: `chats { nodes ${text} totalCount }`,
          value: this.#cached.has('chats')
            ? {
                nodes: ids.map((id, index) => whole(id, `${alias}.nodes.${index}`)),
                totalCount: ids.length,
              }
            : this.#orNull(new Missing(alias)),
        };
      case 'agents':
      case 'departments':
      case 'applications':
        return {
          text: `${field} ${text}`,
          value: this.#cached.has(type)
            ? ids.map((id, index) => whole(id, `${alias}.${index}`))
            : this.#orNull(new Missing(alias)),
        };
      case 'agent':
      case 'chat':
      case 'customer':
      case 'department':
        return { text: `${field}(id: ${some[0]}) ${text}`, value: selected(some[0] ?? '', alias) };
    }
  }

  #selection(type: EntityType, depth: number): Selection {
    const names = Object.keys(types[type]).filter(
      (name) => depth < 2 || types[type][name]?.type === undefined,
    );
    const chosen = new Set(
      Array.from({ length: 1 + Math.floor(this.#random() * 5) }, () => this.#pick(names)),
    );
    return [...chosen].map((name) => {
      const { type: inner, inner: text = '' } = types[type][name] ?? {};
      return {
        name: text === '' ? name : `${name} ${text}`,
        inner: inner === undefined ? [] : this.#selection(inner, depth + 1),
      };
    });
  }

  /** The selected fields of an entity of which a part is known, and the rest if it is cached. */
  #entity({ type, id, values }: Part, selection: Selection, path: string): unknown {
    const known = this.#isCached(type, id) ? { ...values, ...entityOf[type](id) } : values;
    const source = this.#needsWhole({ type, id, values }, selection) ? known : values;
    const result: Record<string, unknown> = {};
    let isNulled = false;
    for (const { name: text, inner } of selection) {
      const [name = ''] = text.split(' ');
      const rule = types[type][name] ?? {};
      const value = this.#field(source, { name, rule, type }, { inner, path: `${path}.${name}` });
      if (value instanceof Missing && rule.isNonNull === true) isNulled = true;
      result[name] = this.#orNull(value);
    }
    if (!isNulled) return result;
    this.#nulled.push(path);
    return null;
  }

  #needsWhole({ type, values }: Part, selection: Selection): boolean {
    return selection.some(({ name: text }) => {
      const [name = ''] = text.split(' ');
      return values[types[type][name]?.from ?? name] === undefined;
    });
  }

  #field(
    source: Values,
    { name, rule, type }: { name: string; rule: FieldRule; type: EntityType },
    { inner, path }: { inner: Selection; path: string },
  ): unknown {
    const value = source[rule.from ?? name];
    if (value === undefined) return new Missing(path);
    if (name === 'nodeId' && typeof value === 'string') return toNodeId(type, value);
    if (rule.type === undefined) return value;
    if (rule.type === 'ChatMessage') return this.#messages(source, inner, path);
    if (typeof value === 'string') {
      return this.#entity(this.#partById(source, rule.type, value), inner, path);
    }
    if (Array.isArray(value)) {
      return value.map((part: Part, index) => this.#entity(part, inner, `${path}.${index}`));
    }
    return isPart(value) ? this.#entity(value, inner, path) : value;
  }

  #messages(chat: Values, selection: Selection, path: string): unknown {
    const chatId = String(chat['id']);
    if (!this.#cached.has(`messages ${chatId}`)) return new Missing(path);
    const nodes = messageIdsOf(chatId).map((id, index) => {
      const values = {
        ...entityOf.ChatMessage(id),
        chat: { type: 'Chat', id: chatId, values: chat },
      };
      return this.#entity({ type: 'ChatMessage', id, values }, selection, `${path}.nodes.${index}`);
    });
    return { nodes };
  }

  /** What is known of an entity of which the parent has the id. */
  #partById(source: Values, type: EntityType, id: string): Part {
    const { agents = [], assignee } = source;
    const embedded = [...(agents as Part[]), assignee].filter(isPart);
    return (
      embedded.find((part) => part.type === type && part.id === id) ?? { type, id, values: { id } }
    );
  }

  #orNull(value: unknown): unknown {
    if (!(value instanceof Missing)) return value;
    this.#missing.push(value.path);
    return null;
  }
}

const printField = ({ name, inner }: Selection[number]): string => {
  if (inner.length === 0) return name;
  return name === 'messages' ? `messages { nodes ${print(inner)} }` : `${name} ${print(inner)}`;
};

const print = (selection: Selection): string => `{ ${selection.map(printField).join(' ')} }`;
