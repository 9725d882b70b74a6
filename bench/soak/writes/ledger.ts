import type { UpstreamAddress, WireRow } from './account.ts';
import { readRows, readUpstream } from './account.ts';
import type { Effect, PlannedWrite } from './plan.ts';

/** `unknown`: the client does not know whether the write was applied. `failed`: it was not. */
export type Result =
  | { readonly state: 'acknowledged'; readonly id: string }
  | { readonly state: 'unknown' | 'failed' };

type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { readonly kind: Kind }>;

interface Entry<Kind extends Effect['kind'] = Effect['kind']> {
  readonly effect: EffectOf<Kind>;
  readonly result: Result;
}

/** The objects that were created with equal properties. */
interface Created {
  readonly ids: string[];
  unknown: number;
}

function propertyOf(row: unknown, property: string): unknown {
  let value = row;
  for (const name of property.split('.')) {
    value =
      typeof value === 'object' && value !== null && name in value
        ? (value as Readonly<Record<string, unknown>>)[name]
        : undefined;
  }
  return value;
}

const textOf = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

/** What the clients know of their writes, and how far the simulator's state agrees with it. */
export class WriteLedger {
  readonly #entries: Entry[] = [];

  record({ effect }: PlannedWrite, result: Result): void {
    this.#entries.push({ effect, result });
  }

  /** Lost and duplicate writes, as sentences. */
  async verify(
    upstream: UpstreamAddress,
    eventNames: readonly string[],
  ): Promise<readonly string[]> {
    return [
      ...(await this.#values(upstream)),
      ...(await this.#customData(upstream)),
      ...(await this.#tags(upstream)),
      ...(await this.#messages(upstream)),
      ...(await this.#chats(upstream)),
      ...(await this.#customers(upstream)),
      ...(await this.#deletions(upstream)),
      ...this.#events(eventNames),
    ];
  }

  #of<Kind extends Effect['kind']>(kind: Kind): readonly Entry<Kind>[];
  #of(kind: Effect['kind']): readonly Entry[] {
    return this.#entries.filter(({ effect }) => effect.kind === kind);
  }

  /** Only the last acknowledged value of a property, or one of an unknown outcome after it, is allowed. */
  async #values(upstream: UpstreamAddress): Promise<string[]> {
    const allowed = new Map<string, Map<string, Set<string>>>();
    const isAcknowledged = new Set<string>();
    for (const { effect, result } of this.#of('value')) {
      const properties = allowed.get(effect.path) ?? new Map<string, Set<string>>();
      allowed.set(effect.path, properties);
      const values = properties.get(effect.property) ?? new Set();
      properties.set(effect.property, values);
      if (result.state === 'failed') continue;
      if (result.state === 'acknowledged') {
        values.clear();
        isAcknowledged.add(`${effect.path} ${effect.property}`);
      }
      values.add(textOf(effect.value));
    }
    const wrong: string[] = [];
    for (const [path, properties] of allowed) {
      const row = await readUpstream(upstream, path);
      for (const [property, values] of properties) {
        const found = textOf(propertyOf(row, property));
        if (isAcknowledged.has(`${path} ${property}`) && !values.has(found))
          wrong.push(`${path} has ${property} ${found} instead of ${[...values].join(' or ')}`);
      }
    }
    return wrong;
  }

  async #customData(upstream: UpstreamAddress): Promise<string[]> {
    const wrong: string[] = [];
    for (const { effect, result } of this.#of('customData')) {
      const { customerId, name, value } = effect;
      if (result.state !== 'acknowledged') continue;
      const row = await readUpstream(upstream, `/customers/${customerId}`);
      if (propertyOf(row, `customData.${name}`) !== value)
        wrong.push(`customer ${customerId} has lost the custom data ${name}`);
    }
    return wrong;
  }

  async #tags(upstream: UpstreamAddress): Promise<string[]> {
    const last = new Map<string, Entry<'tag'>>();
    for (const entry of this.#of('tag')) last.set(entry.effect.name, entry);
    const wrong: string[] = [];
    for (const { effect, result } of last.values()) {
      const { customerId, name, isPresent } = effect;
      if (result.state !== 'acknowledged') continue;
      const row = await readUpstream(upstream, `/customers/${customerId}`);
      const tags = propertyOf(row, 'tags') as readonly { readonly name: string }[];
      if (tags.some((tag) => tag.name === name) !== isPresent)
        wrong.push(`customer ${customerId}: tag ${name} is ${isPresent ? 'lost' : 'still there'}`);
    }
    return wrong;
  }

  async #messages(upstream: UpstreamAddress): Promise<string[]> {
    const wrong: string[] = [];
    for (const [chatId, entries] of groupBy(this.#of('message'), (entry) => entry.effect.chatId)) {
      const rows = await readRows(upstream, `/chats/${chatId}/messages`);
      const created = groupCreated(entries, (effect) => effect.text);
      const found = groupBy(rows, (row) => [row['type'], row['text']].join(' '));
      wrong.push(...compareCreated(`message of chat ${chatId}`, created, found));
    }
    return wrong;
  }

  async #chats(upstream: UpstreamAddress): Promise<string[]> {
    const all = await readRows(upstream, '/chats', '&sort=chats.createdAt&order=desc');
    const isNew = ({ createdWith }: WireRow) => createdWith === 'public_api';
    const created = groupCreated(this.#of('chat'), (effect) => effect.customerId);
    const found = groupBy(all.filter(isNew), (row) => String(propertyOf(row, 'customer.id')));
    const wrong = compareCreated('chat of customer', created, found);
    for (const { effect, result } of this.#of('chat')) {
      if (effect.text === undefined || result.state !== 'acknowledged') continue;
      const rows = await readRows(upstream, `/chats/${result.id}/messages`);
      const count = rows.filter((row) => row['text'] === effect.text).length;
      if (count !== 1) wrong.push(`chat ${result.id} has its first message ${count} times`);
    }
    return wrong;
  }

  async #customers(upstream: UpstreamAddress): Promise<string[]> {
    const rows = await readRows(upstream, '/customers');
    return (['userId', 'name'] as const).flatMap((property) => {
      const entries = this.#of('customer').filter(({ effect }) => effect.property === property);
      const created = groupCreated(entries, (effect) => effect.value);
      // A userId belongs to one customer, however many writes name it.
      if (property === 'userId')
        for (const [value, { ids, unknown }] of created)
          created.set(value, {
            ids: [...new Set(ids)],
            unknown: Math.min(unknown, ids.length ? 0 : 1),
          });
      const found = groupBy(rows, (row) => String(row[property]));
      return compareCreated(`customer with ${property}`, created, found);
    });
  }

  async #deletions(upstream: UpstreamAddress): Promise<string[]> {
    const wrong: string[] = [];
    for (const { effect, result } of this.#of('deletion')) {
      if (result.state !== 'acknowledged') continue;
      const path = `/customers/${effect.customerId}`;
      if ((await readUpstream(upstream, path)) !== undefined) wrong.push(`${path} is not deleted`);
    }
    return wrong;
  }

  /** Events cannot be read: `eventNames` are those of all requests. */
  #events(eventNames: readonly string[]): string[] {
    return this.#of('event').flatMap(({ effect: { name }, result }) => {
      const count = eventNames.filter((each) => each === name).length;
      const isLost = result.state === 'acknowledged' && count === 0;
      return isLost || count > 1 ? [`event ${name} was sent ${count} times`] : [];
    });
  }
}

function groupBy<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(nameOf(item)) ?? [];
    groups.set(nameOf(item), group);
    group.push(item);
  }
  return groups;
}

function groupCreated<Kind extends Effect['kind']>(
  entries: readonly Entry<Kind>[],
  nameOf: (effect: EffectOf<Kind>) => string,
): Map<string, Created> {
  const created = new Map<string, Created>();
  for (const { effect, result } of entries) {
    const name = nameOf(effect);
    const group = created.get(name) ?? { ids: [], unknown: 0 };
    created.set(name, group);
    if (result.state === 'acknowledged') group.ids.push(result.id);
    if (result.state === 'unknown') group.unknown += 1;
  }
  return created;
}

/** Each acknowledged object exists, is the result of one write, and there are no more than those and the unknown ones. */
function compareCreated(
  what: string,
  created: ReadonlyMap<string, Created>,
  found: ReadonlyMap<string, readonly WireRow[]>,
): string[] {
  return [...created].flatMap(([name, { ids, unknown }]) => {
    const existing = (found.get(name) ?? []).map(({ id }) => String(id));
    const wrong = ids
      .filter((id) => !existing.includes(id))
      .map((id) => `${what} ${name}: ${id} is lost`);
    const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
    wrong.push(...repeated.map((id) => `${what} ${name}: ${id} is the result of two writes`));
    if (existing.length > ids.length + unknown)
      wrong.push(
        `${what} ${name}: ${existing.length} exist, ${ids.length} were acknowledged, ${unknown} are unknown`,
      );
    return wrong;
  });
}
