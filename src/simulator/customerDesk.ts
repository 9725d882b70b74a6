import type { Behaviour } from './behaviour.ts';
import type { CustomerEventName } from './changes.ts';
import type { CustomerRow, CustomerEvent, Scalar, TagRow } from './entities.ts';
import { notFound, userIdTaken } from './refusal.ts';
import type { Store } from './store.ts';

/** What a caller may set; a field that is not there was not given. */
export type CustomerInput = Partial<Omit<CustomerRow, 'id' | 'createdAt' | 'device'>>;

interface NewEvent {
  readonly customerId: number;
  readonly name: string;
  readonly data: Readonly<Record<string, Scalar>>;
}

export type CustomerDesk = ReturnType<typeof createCustomerDesk>;

/** What can be done with customers. Every operation refuses an unknown customer and a taken userId. */
export function createCustomerDesk(store: Store, behaviour: () => Behaviour) {
  const refuseTaken = (userId: string | null | undefined, id: number | null): void => {
    if (userId === null || userId === undefined) return;
    for (const other of store.customers.values()) {
      if (other.userId === userId && other.id !== id) throw userIdTaken();
    }
  };

  const change = (before: CustomerRow, part: CustomerInput): CustomerRow => {
    refuseTaken(part.userId, before.id);
    const customer = { ...before, ...part };
    store.customers.set(customer.id, customer);
    for (const event of differences(before, customer)) store.changes.emit({ event, customer });
    return customer;
  };

  return {
    create(input: CustomerInput): CustomerRow {
      refuseTaken(input.userId, null);
      const customer: CustomerRow = {
        ...blankPlace,
        ...blankInput,
        device: null,
        createdAt: store.now(),
        ...input,
        id: store.nextId('customer'),
      };
      store.customers.set(customer.id, customer);
      store.changes.emit({ event: 'customer.new', customer });
      return customer;
    },

    /** Omitted fields are cleared. HelpCrunch determines the location and the device, so both stay. */
    replace(id: number, input: CustomerInput): CustomerRow {
      const customer = store.customer(id);
      const kept = behaviour().putClears === 'contact' ? channelFields(customer) : {};
      return change(customer, { ...blankInput, ...kept, ...input });
    },

    /** Custom data is merged property by property, unless it is replaced; a null takes a property away. */
    patch(id: number, input: CustomerInput): CustomerRow {
      const customer = store.customer(id);
      const given = input.customData;
      if (given === undefined) return change(customer, input);
      const current = behaviour().customDataPatch === 'merge' ? customer.customData : {};
      const merged = Object.entries({ ...current, ...given });
      const kept = merged.filter(([property]) => given[property] !== null);
      return change(customer, { ...input, customData: Object.fromEntries(kept) });
    },

    /** Takes the customer's chats along. */
    remove(id: number): void {
      const customer = store.customer(id);
      store.removeCustomer(id);
      store.changes.emit({ event: 'customer.deleted', customer });
    },

    /** Appends; a tag the customer has stays as it is. */
    addTags(id: number, tags: readonly TagRow[]): CustomerRow {
      const customer = store.customer(id);
      const byName = new Map<string, TagRow>();
      for (const tag of [...customer.tags, ...tags]) {
        if (!byName.has(tag.name)) byName.set(tag.name, tag);
      }
      return change(customer, { tags: [...byName.values()] });
    },

    removeTags(id: number, names: readonly string[]): CustomerRow {
      const customer = store.customer(id);
      return change(customer, { tags: customer.tags.filter(({ name }) => !names.includes(name)) });
    },

    /** Events cannot be read back, so they are not kept. */
    record({ customerId, name, data }: NewEvent): CustomerEvent {
      store.customer(customerId);
      return { id: store.nextId('event'), customerId, name, data, createdAt: store.now() };
    },

    unsubscribeAgent(id: number): void {
      if (!store.staff.agents.some((agent) => agent.id === id)) throw notFound();
    },
  };
}

const blankInput = {
  userId: null,
  name: null,
  email: null,
  company: null,
  phone: null,
  firstSeen: null,
  lastSeen: null,
  unsubscribed: false,
  blocked: false,
  source: null,
  referer: null,
  lastPage: null,
  locale: null,
  createdFrom: null,
  integrationId: null,
  notes: null,
  tags: [],
  customData: {},
} as const;

/** What a PUT may leave as it is: the links to other systems, and the tags. */
const channelFields = ({ userId, createdFrom, integrationId, tags }: CustomerRow) => ({
  userId,
  createdFrom,
  integrationId,
  tags,
});

const blankPlace = { regionCode: null, countryCode: null, city: null } as const;

function differences(before: CustomerRow, after: CustomerRow): readonly CustomerEventName[] {
  const names = ({ tags }: CustomerRow) => tags.map(({ name }) => name).join('\n');
  const found: CustomerEventName[] = [];
  if (before.email !== after.email) found.push('customer.email_updated');
  if (names(before) !== names(after)) found.push('customer.tags_changed');
  if (before.unsubscribed !== after.unsubscribed) {
    found.push(after.unsubscribed ? 'customer.unsubscribed' : 'customer.subscribed');
  }
  if (before.blocked !== after.blocked) {
    found.push(after.blocked ? 'customer.blocked' : 'customer.unblocked');
  }
  return found;
}
