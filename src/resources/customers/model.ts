import type { PartialEntity } from '../../lib/selection.ts';
import {
  isDictionary,
  isFlag,
  isIdText,
  isText,
  isTime,
  listOf,
  objectOf,
  oneOf,
  orNull,
} from '../../lib/shape.ts';
import {
  decodeBoolean,
  decodeId,
  decodeIdOrNull,
  decodeListOrEmpty,
  decodeObject,
  decodeObjectOrNull,
  decodeText,
  decodeTime,
} from '../../upstream/decode.ts';

export interface Customer {
  readonly __typename: 'Customer';
  readonly id: string;
  readonly userId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
  readonly phone: string | null;
  readonly firstSeen: number | null;
  readonly lastSeen: number | null;
  readonly location: {
    readonly regionCode: string | null;
    readonly countryCode: string | null;
    readonly city: string | null;
  } | null;
  readonly device: {
    readonly id: string | null;
    readonly ip: string | null;
    readonly timezone: string | null;
    readonly platform: string | null;
    readonly userAgent: string | null;
  } | null;
  readonly unsubscribed: boolean | null;
  readonly blocked: boolean | null;
  readonly source: string | null;
  readonly referer: string | null;
  readonly lastPage: string | null;
  readonly locale: string | null;
  readonly createdFrom: string | null;
  readonly integrationId: string | null;
  readonly notes: string | null;
  readonly tags: readonly { readonly name: string; readonly color: string | null }[];
  readonly customData: Readonly<Record<string, unknown>>;
}

export type CustomerPart = PartialEntity<Customer> & Pick<Customer, 'id'>;

/** An object of values by property; the oldest form, a list of pairs, is read as well. */
function customDataFromWire(value: unknown): Customer['customData'] {
  if (!Array.isArray(value)) return decodeObjectOrNull(value, 'customer.customData') ?? {};
  const pairs = value.flatMap((item): [string, unknown][] => {
    const pair = decodeObject(item, 'customer.customData');
    const property = decodeText(pair['property'], 'customer.customData.property');
    return property === null ? [] : [[property, pair['value'] ?? null]];
  });
  return Object.fromEntries(pairs);
}

function tagsFromWire(value: unknown): Customer['tags'] {
  return decodeListOrEmpty(value, 'customer.tags').flatMap((tag) => {
    const wire = decodeObject(tag, 'customer.tags');
    const name = decodeText(wire['name'], 'customer.tags.name');
    return name === null ? [] : [{ name, color: decodeText(wire['color'], 'customer.tags.color') }];
  });
}

/** A list where an object belongs stands for an empty object: PHP writes both as `[]`. */
const emptyAsNull = (value: unknown): unknown =>
  Array.isArray(value) && value.length === 0 ? null : value;

function locationFromWire(value: unknown): Customer['location'] {
  const wire = decodeObjectOrNull(emptyAsNull(value), 'customer.location');
  if (wire === null) return null;
  return {
    regionCode: decodeText(wire['regionCode'], 'customer.location.regionCode'),
    countryCode: decodeText(wire['countryCode'], 'customer.location.countryCode'),
    city: decodeText(wire['city'], 'customer.location.city'),
  };
}

function deviceFromWire(value: unknown): Customer['device'] {
  const wire = decodeObjectOrNull(emptyAsNull(value), 'customer.device');
  if (wire === null) return null;
  return {
    id: decodeText(wire['id'], 'customer.device.id'),
    ip: decodeText(wire['ip'], 'customer.device.ip'),
    timezone: decodeText(wire['timezone'], 'customer.device.timezone'),
    platform: decodeText(wire['platform'], 'customer.device.platform'),
    userAgent: decodeText(wire['userAgent'], 'customer.device.userAgent'),
  };
}

export function customerFromWire(value: unknown): Customer {
  const wire = decodeObject(value, 'customer');
  const textOf = (field: string) => decodeText(wire[field], `customer.${field}`);
  return {
    __typename: 'Customer',
    id: decodeId(wire['id'], 'customer.id'),
    userId: textOf('userId'),
    name: textOf('name'),
    email: textOf('email'),
    company: textOf('company'),
    phone: textOf('phone'),
    firstSeen: decodeTime(wire['firstSeen'], 'customer.firstSeen'),
    lastSeen: decodeTime(wire['lastSeen'], 'customer.lastSeen'),
    location: locationFromWire(wire['location']),
    device: deviceFromWire(wire['device']),
    unsubscribed: decodeBoolean(wire['unsubscribed'], 'customer.unsubscribed'),
    blocked: decodeBoolean(wire['blocked'], 'customer.blocked'),
    source: textOf('source'),
    referer: textOf('referer'),
    lastPage: textOf('lastPage'),
    locale: textOf('locale'),
    createdFrom: textOf('createdFrom'),
    integrationId: textOf('integrationId'),
    notes: textOf('notes'),
    tags: tagsFromWire(wire['tags']),
    customData: customDataFromWire(wire['customData']),
  };
}

/** A customer inside something else. What is not carried stays out; one without a readable id is null. */
export function customerPartFromWire(value: unknown, where: string): CustomerPart | null {
  const wire = decodeObjectOrNull(value, where);
  const customerId = decodeIdOrNull(wire?.['id'], `${where}.id`);
  if (wire === null || customerId === null) return null;
  return {
    __typename: 'Customer',
    id: customerId,
    ...('name' in wire ? { name: decodeText(wire['name'], `${where}.name`) } : {}),
    ...('email' in wire ? { email: decodeText(wire['email'], `${where}.email`) } : {}),
    ...('userId' in wire ? { userId: decodeText(wire['userId'], `${where}.userId`) } : {}),
  };
}

const isTextOrNull = orNull(isText);

const customerFields = {
  __typename: oneOf('Customer'),
  id: isIdText,
  userId: isTextOrNull,
  name: isTextOrNull,
  email: isTextOrNull,
  company: isTextOrNull,
  phone: isTextOrNull,
  firstSeen: orNull(isTime),
  lastSeen: orNull(isTime),
  location: orNull(
    objectOf<NonNullable<Customer['location']>>({
      regionCode: isTextOrNull,
      countryCode: isTextOrNull,
      city: isTextOrNull,
    }),
  ),
  device: orNull(
    objectOf<NonNullable<Customer['device']>>({
      id: isTextOrNull,
      ip: isTextOrNull,
      timezone: isTextOrNull,
      platform: isTextOrNull,
      userAgent: isTextOrNull,
    }),
  ),
  unsubscribed: orNull(isFlag),
  blocked: orNull(isFlag),
  source: isTextOrNull,
  referer: isTextOrNull,
  lastPage: isTextOrNull,
  locale: isTextOrNull,
  createdFrom: isTextOrNull,
  integrationId: isTextOrNull,
  notes: isTextOrNull,
  tags: listOf(objectOf<Customer['tags'][number]>({ name: isText, color: isTextOrNull })),
  customData: isDictionary,
};

export const isCustomer = objectOf<Customer>(customerFields);
export const isCustomerPart = objectOf<CustomerPart>(customerFields, ['__typename', 'id']);
