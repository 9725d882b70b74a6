import { isDictionary, isText, listOf, objectOf, orNull } from '../../lib/shape.ts';
import type { CustomerChangeKind } from '../../graphql/generated.ts';
import type { EntityOf, EntityPart } from '../../upstream/codec.ts';
import { entityCodec, flag, id, nullableObject, text, time } from '../../upstream/codec.ts';
import {
  decodeId,
  decodeListOrEmpty,
  decodeObject,
  decodeObjectOrNull,
  decodeText,
  decodeTime,
} from '../../upstream/decode.ts';

type CustomData = Readonly<Record<string, unknown>>;

interface CustomerTag {
  readonly name: string;
  readonly color: string | null;
}

/** An object of values by property; the oldest form, a list of pairs, is read as well. */
function customDataFromWire(value: unknown): CustomData {
  if (!Array.isArray(value)) return decodeObjectOrNull(value, 'customer.customData') ?? {};
  const pairs = value.flatMap((item): [string, unknown][] => {
    const pair = decodeObject(item, 'customer.customData');
    const property = decodeText(pair['property'], 'customer.customData.property');
    return property === null ? [] : [[property, pair['value'] ?? null]];
  });
  return Object.fromEntries(pairs);
}

function tagsFromWire(value: unknown): readonly CustomerTag[] {
  return decodeListOrEmpty(value, 'customer.tags').flatMap((tag) => {
    const wire = decodeObject(tag, 'customer.tags');
    const name = decodeText(wire['name'], 'customer.tags.name');
    return name === null ? [] : [{ name, color: decodeText(wire['color'], 'customer.tags.color') }];
  });
}

/** What chats and webhooks contain of a customer besides the id. */
export const embeddedCustomerCodecs = { userId: text, name: text, email: text };

export const customerCodec = entityCodec(
  'Customer',
  {
    id,
    ...embeddedCustomerCodecs,
    company: text,
    phone: text,
    firstSeen: time,
    lastSeen: time,
    location: nullableObject({ regionCode: text, countryCode: text, city: text }),
    device: nullableObject({ id: text, ip: text, timezone: text, platform: text, userAgent: text }),
    unsubscribed: flag,
    blocked: flag,
    source: text,
    referer: text,
    lastPage: text,
    locale: text,
    createdFrom: text,
    integrationId: text,
    notes: text,
    tags: {
      decode: tagsFromWire,
      shape: listOf(objectOf<CustomerTag>({ name: isText, color: orNull(isText) })),
    },
    customData: { decode: customDataFromWire, shape: isDictionary },
  },
  { embedded: ['userId', 'name', 'email'] },
);

export type Customer = EntityOf<typeof customerCodec>;
export type CustomerPart = EntityPart<Customer>;

export interface DeletedCustomer {
  readonly id: string;
  readonly nodeId: string;
}

/** A change of a customer, of which only the id may be known. */
export interface CustomerChange {
  readonly change: CustomerChangeKind;
  readonly customerId: string;
}

export interface RecordedCustomerEvent {
  readonly id: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: number | null;
  readonly customer: CustomerPart;
}

/** The responses of HelpCrunch do not always contain the customer. */
export function customerEventFromWire(value: unknown, customerId: string): RecordedCustomerEvent {
  const wire = decodeObject(value, 'event');
  return {
    id: decodeId(wire['id'], 'event.id'),
    name: decodeText(wire['name'], 'event.name') ?? '',
    data: isDictionary(wire['data']) ? wire['data'] : {},
    createdAt: decodeTime(wire['createdAt'], 'event.createdAt'),
    customer: { __typename: 'Customer', id: customerId },
  };
}
