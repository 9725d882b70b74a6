import type { CustomerChangeKind } from '../../graphql/generated.ts';
import { aliasType, entityType, pageType } from '../../upstream/cache/cacheTypes.ts';
import { PartialEntities } from '../../upstream/partialEntities.ts';
import { decodeReadable } from '../../upstream/codec.ts';
import { allChatTags, chatListTags } from '../chats/descriptor.ts';
import type { CacheChanges, ResourceDescriptor } from '../declarations.ts';
import {
  connectionDeclarations,
  edgeDeclarations,
  modelProperties,
  nodeIdField,
  publicField,
  staffField,
} from '../declarations.ts';
import type { Customer } from './model.ts';
import { customerCodec, embeddedCustomerCodecs } from './model.ts';

export const customerType = entityType('Customer', customerCodec.shape, {
  ttlClass: 'customers',
  collapseKey: () => 'all',
});
// Every visit moves a customer within lists, so lists have the TTL of chats.
export const customerPageType = pageType(customerType, 'chats');
export const userIdAliasType = aliasType('CustomerByUserId', customerType, ({ userId }) => userId);

export const customerEndpoint = { path: '/customers', decodeRow: customerCodec.fromWire };

export const customerListTags: CacheChanges = [{ type: customerPageType }];
/** Negative entries of user ids become wrong when a customer is created, positive ones when it is deleted. */
export const userIdAliasTags: CacheChanges = [{ type: userIdAliasType }];

const embeddedByIdOnly = { policy: 'owner', cost: { strategy: 'partial', embeds: [] } } as const;

export const customerDescriptor = {
  idsPerCall: { customer: 100, customerByUserId: 100 },
  entity: { typename: 'Customer', kind: 'customer', policy: 'owner' },
  fields: {
    Query: {
      customer: { policy: 'owner', cost: { strategy: 'lookup', kind: 'customer', argument: 'id' } },
      customerByUserId: {
        policy: 'owner',
        cost: { strategy: 'lookup', kind: 'customerByUserId', argument: 'userId' },
      },
      customers: { policy: 'owner', cost: { strategy: 'page' } },
    },
    Subscription: {
      customerChanged: { policy: 'owner', cost: 'none', eventFilters: ['id'] },
      customerUpdated: embeddedByIdOnly,
    },
    CustomerChange: { change: publicField, customerId: publicField, customer: embeddedByIdOnly },
    DeletedCustomer: { id: staffField, nodeId: { ...staffField, derivedFrom: 'id' } },
    CustomerEvent: {
      id: staffField,
      name: staffField,
      data: staffField,
      createdAt: staffField,
      customer: { ...embeddedByIdOnly, policy: 'staff' },
    },
    HelpdeskViewer: { customer: embeddedByIdOnly },
    Customer: {
      nodeId: nodeIdField,
      id: publicField,
      userId: publicField,
      name: publicField,
      email: publicField,
      company: publicField,
      phone: publicField,
      firstSeen: publicField,
      lastSeen: publicField,
      location: publicField,
      device: publicField,
      unsubscribed: publicField,
      blocked: staffField,
      source: publicField,
      referer: publicField,
      lastPage: publicField,
      locale: publicField,
      createdFrom: publicField,
      integrationId: publicField,
      notes: staffField,
      tags: staffField,
      customData: staffField,
      chats: { policy: 'owner', cost: { strategy: 'ownedChats' }, derivedFrom: 'id' },
    },
    CustomerConnection: connectionDeclarations,
    CustomerEdge: edgeDeclarations,
    CustomerLocation: { regionCode: publicField, countryCode: publicField, city: publicField },
    CustomerDevice: {
      id: publicField,
      ip: publicField,
      timezone: publicField,
      platform: publicField,
      userAgent: publicField,
    },
    CustomerTag: { name: staffField, color: staffField },
  },
} as const satisfies ResourceDescriptor;

export const partialCustomers = new PartialEntities<Customer>(
  modelProperties(customerDescriptor.fields.Customer),
);

const customerFields = customerDescriptor.fields.Customer;
type CustomerField = keyof typeof customerFields;

const isCustomerField = (name: string): name is CustomerField =>
  Object.hasOwn(customerFields, name);

/** Whether a customer may see none of the fields; false if they are not known. */
export const areAllStaffFields = (names: readonly string[] | undefined): boolean =>
  names !== undefined &&
  names.length > 0 &&
  names.every((name) => isCustomerField(name) && customerFields[name].policy === 'staff');

export interface CustomerWebhook {
  /** The change that subscribers receive. */
  readonly change: CustomerChangeKind;
  /** The fields after the event. Undefined, or with unreadable ones: the customer is fetched again. */
  readonly patch?: (data: Readonly<Record<string, unknown>>) => {
    readonly fields: Partial<Customer> | undefined;
    readonly unreadable: readonly string[];
  };
  /** What else the event invalidates. */
  readonly invalidates: CacheChanges;
  /** Whether everything about the customer is erased. */
  readonly isErasure?: true;
  /** The only fields that change, as far as the event tells. */
  readonly changedFields?: readonly CustomerField[];
}

/** Name, e-mail and user id, if the event contains the e-mail. */
const embeddedCustomer: CustomerWebhook['patch'] = (data) => {
  const { fields, unreadable } = decodeReadable(data, 'customer', embeddedCustomerCodecs);
  return { fields: fields.email === undefined ? undefined : fields, unreadable };
};

const setsTo = (values: Partial<Customer>): CustomerWebhook => ({
  change: 'UPDATED',
  patch: () => ({ fields: values, unreadable: [] }),
  invalidates: [],
  changedFields: Object.keys(values).filter(isCustomerField),
});

export const customerWebhooks = {
  'customer.new': { change: 'CREATED', invalidates: [...customerListTags, ...userIdAliasTags] },
  'customer.email_updated': {
    change: 'UPDATED',
    patch: embeddedCustomer,
    invalidates: [...customerListTags, ...allChatTags],
  },
  'customer.tags_changed': {
    change: 'UPDATED',
    invalidates: [...customerListTags, ...chatListTags],
    changedFields: ['tags'],
  },
  'customer.unsubscribed': setsTo({ unsubscribed: true }),
  'customer.subscribed': setsTo({ unsubscribed: false }),
  'customer.blocked': setsTo({ blocked: true }),
  'customer.unblocked': setsTo({ blocked: false }),
  'customer.deleted': {
    change: 'DELETED',
    invalidates: [...customerListTags, ...userIdAliasTags, ...allChatTags],
    isErasure: true,
  },
} satisfies Readonly<Record<string, CustomerWebhook>>;

export type CustomerWebhookName = keyof typeof customerWebhooks;

/** The webhooks that report values. */
export const valueWebhooks = [
  'customer.email_updated',
  'customer.unsubscribed',
  'customer.subscribed',
  'customer.blocked',
  'customer.unblocked',
] as const satisfies readonly CustomerWebhookName[];

/** The name of a change, by which the webhook that repeats a write is recognized. */
export const customerChangeKey = (
  webhook: string,
  customer: Pick<Partial<Customer>, 'id' | 'email'>,
): string =>
  JSON.stringify([
    webhook,
    customer.id,
    ...(webhook === 'customer.email_updated' ? [customer.email ?? null] : []),
  ]);
