import type {
  CustomerChangeKind,
  CustomerUpdate,
  MutationAddCustomerTagsArgs,
  MutationCreateCustomerArgs,
  MutationDeleteCustomerArgs,
  MutationRecordCustomerEventArgs,
  MutationRemoveCustomerTagsArgs,
  MutationUpdateCustomerArgs,
  MutationUpdateCustomersArgs,
  MutationUpsertCustomerArgs,
} from '../../graphql/generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { requireText } from '../../lib/texts.ts';
import { isNotFound, UpstreamError } from '../../upstream/errors.ts';
import { allChats, chatLists } from '../chats/descriptor.ts';
import type { MutationDeclaration, MutationRun } from '../mutation.ts';
import { mutationFields, updateEntity } from '../mutation.ts';
import type { CustomerWebhookName } from './descriptor.ts';
import { customerLists, customerType, userIdAliases } from './descriptor.ts';
import type { CustomerValues } from './input.ts';
import {
  customerArgument,
  validateCustomer,
  validateScalars,
  validateTagNames,
  validateTags,
  wireTag,
} from './input.ts';
import type { Customer, RecordedEvent, DeletedCustomer } from './model.ts';
import { customerCodec, customerEventFromWire } from './model.ts';
import {
  customerPath,
  explainTaken,
  findByUserId,
  isUserIdTaken,
  patchCustomer,
  postCustomer,
  writtenCustomer,
} from './writes.ts';

type CustomerMutation<Args, Result extends Customer = Customer> = MutationDeclaration<
  Args,
  Result,
  CustomerChangeKind,
  CustomerWebhookName
>;

/** Chats embed these, and can be filtered by them. */
const embeddedInChats = ['userId', ...customerCodec.embeddedFields];

const invalidatedByInput = <Args extends { readonly input: CustomerValues }>() => {
  const isGiven = ({ input }: Args) => embeddedInChats.some((name) => name in input);
  const hasUserId = ({ input }: Args) => 'userId' in input;
  return [
    ...customerLists,
    ...userIdAliases.map((tag) => ({ ...tag, when: hasUserId })),
    ...allChats.map((tag) => ({ ...tag, when: isGiven })),
  ];
};

/** The webhooks that report values. */
const valueWebhooks = [
  'customer.email_updated',
  'customer.unsubscribed',
  'customer.subscribed',
  'customer.blocked',
  'customer.unblocked',
] as const;

const createCustomer: CustomerMutation<MutationCreateCustomerArgs> = {
  policy: 'staff',
  ids: [],
  validate({ input }) {
    validateCustomer(input, 'input');
  },
  calls: 1,
  retry: 'lookUp',
  fields: {},
  fieldOf: (property, { input }) => customerArgument(property, input, 'input'),
  invalidates: [...customerLists, ...userIdAliases],
  publishes: [{ change: 'CREATED', repeatedBy: ['customer.new'] }],
  async execute({ session, args: { input }, attempt }) {
    const customer = await postCustomer(session, input, attempt).catch((error: unknown) => {
      throw explainTaken(error, 'input.userId');
    });
    await session.invalidate([{ type: customerType, id: customer.id }]);
    return customer;
  },
  keyed: {
    idsOf: ({ id }) => ({ customerId: id }),
    restore: async ({ customerId = '' }, { context }) => context.loaders.customers.load(customerId),
  },
};

export type UpsertedCustomer = Customer & { readonly isNew?: boolean };

async function updateOrCreate({
  session,
  args: { userId, input },
  context,
  attempt,
}: MutationRun<MutationUpsertCustomerArgs>): Promise<UpsertedCustomer> {
  const update = (id: string) =>
    session.inQueue({ type: customerType, id }, () =>
      patchCustomer(session, id, { input, argument: 'input' }),
    );
  const cachedId = context.sources.customers.cachedIdByUserId(userId);
  const knownId = cachedId ?? (await findByUserId(session, userId))?.id;
  try {
    if (knownId !== undefined) return await update(knownId);
  } catch (error) {
    // Deleted since it was read.
    if (!isNotFound(error)) throw error;
  }
  try {
    const customer = await postCustomer(session, { ...input, userId }, attempt);
    await session.invalidate([{ type: customerType, id: customer.id }]);
    return { ...customer, isNew: true };
  } catch (error) {
    if (!isUserIdTaken(error)) throw error;
    // Another client has created it meanwhile.
    const found = await findByUserId(session, userId);
    if (found === undefined) throw error;
    return update(found.id);
  }
}

const upsertCustomer: CustomerMutation<MutationUpsertCustomerArgs, UpsertedCustomer> = {
  policy: 'staff',
  ids: [],
  validate({ userId, input }) {
    requireText('userId', userId);
    if (input.userId !== undefined && input.userId !== userId)
      throw badUserInputError('input.userId', 'must be omitted or equal to userId.');
    validateCustomer(input, 'input');
  },
  calls: {
    text: '2, at most 4; 1 more with `customData`',
    of: ({ input }) => (hasCustomData(input) ? 5 : 4),
  },
  retry: 'safe',
  fields: {},
  fieldOf: (property, { input }) =>
    property === 'userId' ? 'userId' : customerArgument(property, input, 'input'),
  invalidates: [
    ...invalidatedByInput<MutationUpsertCustomerArgs>(),
    // Not found before.
    ...userIdAliases,
  ],
  publishes: [
    {
      change: 'CREATED',
      when: (_args, { isNew }) => isNew === true,
      repeatedBy: ['customer.new'],
    },
    {
      change: 'UPDATED',
      when: (_args, { isNew }) => isNew !== true,
      repeatedBy: valueWebhooks,
    },
  ],
  execute: (run) =>
    updateOrCreate(run).catch((error: unknown) => {
      throw explainTaken(error, 'userId');
    }),
};

const hasCustomData = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && 'customData' in input;

const callsOfUpdate = (input: unknown): number => (hasCustomData(input) ? 2 : 1);

/** An update of the customer `id`; `argumentOf` names the argument that contains the values. */
const customerUpdate = <Args extends { readonly id: string; readonly input: CustomerValues }>(
  argumentOf: (args: Args) => string,
): Omit<CustomerMutation<Args>, 'calls' | 'ids' | 'validate'> => ({
  policy: 'staff',
  retry: 'safe',
  fields: {},
  fieldOf: (property, args) => customerArgument(property, args.input, argumentOf(args)),
  invalidates: invalidatedByInput<Args>(),
  publishes: [{ change: 'UPDATED', repeatedBy: valueWebhooks }],
  execute: ({ session, args }) => {
    const argument = argumentOf(args);
    return patchCustomer(session, args.id, { input: args.input, argument }).catch(
      (error: unknown) => {
        throw explainTaken(error, `${argument}.userId`);
      },
    );
  },
});

const updateCustomer: CustomerMutation<MutationUpdateCustomerArgs> = {
  ...customerUpdate(() => 'input'),
  ids: ['id'],
  validate({ input }) {
    validateCustomer(input, 'input');
  },
  calls: { text: '1; 2 with `customData`', of: ({ input }) => callsOfUpdate(input) },
};

/** One of several updates. */
export type CustomerUpdateItem = CustomerUpdate & { readonly argument: string };

const maxUpdates = 10;

export function updatesOf({ updates }: MutationUpdateCustomersArgs): readonly CustomerUpdateItem[] {
  if (updates.length < 1 || updates.length > maxUpdates)
    throw badUserInputError('updates', `must contain 1 to ${maxUpdates} updates.`);
  const items = updates.map((update, index) => ({ ...update, argument: `updates[${index}]` }));
  const seen = new Set<string>();
  for (const { id, argument } of items) {
    parseUpstreamId(`${argument}.id`, id);
    if (seen.has(id)) throw badUserInputError(`${argument}.id`, 'must differ from those before.');
    seen.add(id);
  }
  return items;
}

const callsOfUpdates = (updates: unknown): number =>
  Array.isArray(updates)
    ? updates.reduce<number>(
        (calls, update: unknown) =>
          calls +
          callsOfUpdate(
            typeof update === 'object' && update !== null && 'input' in update
              ? update.input
              : undefined,
          ),
        0,
      )
    : 1;

const updateCustomers: CustomerMutation<CustomerUpdateItem> = {
  ...customerUpdate<CustomerUpdateItem>(({ argument }) => `${argument}.input`),
  ids: [],
  validate({ input, argument }) {
    validateCustomer(input, `${argument}.input`);
  },
  calls: {
    text: '1 for each; 2 with `customData`',
    of: ({ updates }) => callsOfUpdates(updates),
  },
};

/** A mutation that changes the tags of a customer. */
const tagUpdate = <Args extends { readonly customerId: string }>(
  declaration: Pick<CustomerMutation<Args>, 'validate' | 'fieldOf'>,
  update: Omit<Parameters<typeof updateEntity<Args, Customer>>[2], 'retry' | 'sets'>,
): CustomerMutation<Args> => ({
  ...declaration,
  policy: 'staff',
  ids: ['customerId'],
  calls: 1,
  retry: 'safe',
  fields: {},
  // Chats and customers can be filtered by tags.
  invalidates: [...customerLists, ...chatLists],
  publishes: [{ change: 'UPDATED', repeatedBy: ['customer.tags_changed'] }],
  execute: updateEntity(writtenCustomer, ({ customerId }) => customerId, {
    ...update,
    retry: 'safe',
    sets: () => ({}),
  }),
});

const tagArgument =
  (argument: string) =>
  (property: string): string | undefined =>
    /^tags\b/.test(property) ? property.replace('tags', argument) : undefined;

const addCustomerTags = tagUpdate<MutationAddCustomerTagsArgs>(
  {
    validate({ tags }) {
      validateTags('tags', tags);
    },
    fieldOf: tagArgument('tags'),
  },
  {
    call: ({ customerId, tags }) => ({
      method: 'PUT',
      path: `${customerPath(customerId)}/tags`,
      body: { tags: tags.map(wireTag) },
    }),
  },
);

const removeCustomerTags = tagUpdate<MutationRemoveCustomerTagsArgs>(
  {
    validate({ names }) {
      validateTagNames('names', names);
    },
    fieldOf: (property) => tagArgument('names')(property)?.replace(/\.name$/, ''),
  },
  {
    call: ({ customerId, names }) => ({
      method: 'DELETE',
      path: `${customerPath(customerId)}/tags`,
      body: { tags: names.map((name) => ({ name })) },
    }),
    // A proxy may have dropped the body of a DELETE.
    confirm(customer, { names }) {
      const tags = customer.tags.map(({ name }) => name);
      const remaining = names.filter((name) => tags.includes(name));
      if (remaining.length === 0) return;
      throw new UpstreamError('malformed', 'HelpCrunch did not remove the tags.', {
        publicMessage: `names: HelpCrunch accepted the call but did not remove ${remaining.join(', ')}.`,
      });
    },
  },
);

const deleteCustomer: MutationDeclaration<
  MutationDeleteCustomerArgs,
  DeletedCustomer,
  CustomerChangeKind,
  CustomerWebhookName
> = {
  policy: 'staff',
  isOptIn: true,
  ids: ['id'],
  calls: 1,
  retry: 'safe',
  fields: {},
  invalidates: [...customerLists, ...userIdAliases, ...allChats],
  publishes: [{ change: 'DELETED', repeatedBy: ['customer.deleted'] }],
  async execute({ session, args: { id } }) {
    const call = { method: 'DELETE', path: customerPath(id) } as const;
    await session.remove({ type: customerType, id, call });
    return { id, nodeId: toNodeId('Customer', id) };
  },
};

const recordCustomerEvent: MutationDeclaration<
  MutationRecordCustomerEventArgs,
  RecordedEvent,
  CustomerChangeKind,
  CustomerWebhookName
> = {
  policy: 'staff',
  ids: ['customerId'],
  validate({ name, data }) {
    requireText('name', name);
    if (data) validateScalars('data', data);
  },
  calls: 1,
  retry: 'never',
  fields: { customer: 'customerId', name: 'name', data: 'data' },
  fieldOf: (property) => (property.startsWith('data.') ? property : undefined),
  invalidates: [],
  publishes: [],
  execute: ({ session, args: { customerId, name, data }, attempt }) =>
    session.create({
      call: {
        method: 'POST',
        path: '/events',
        body: { customer: Number(customerId), name, data: data ?? {} },
      },
      decode: (body) => customerEventFromWire(body, customerId),
      isUncertain: attempt.isUncertain,
      isApplied: attempt.isApplied,
    }),
  keyed: {
    idsOf: ({ id, createdAt }) => ({
      eventId: id,
      ...(createdAt === null ? {} : { createdAt: String(createdAt) }),
    }),
    restore: ({ eventId = '', createdAt }, { args: { customerId, name, data } }) =>
      Promise.resolve({
        id: eventId,
        name,
        data: data ?? {},
        createdAt: createdAt === undefined ? null : Number(createdAt),
        customer: { __typename: 'Customer', id: customerId },
      }),
  },
};

/** The mutations that return one customer. */
export const customerMutations = {
  createCustomer,
  upsertCustomer,
  updateCustomer,
  addCustomerTags,
  removeCustomerTags,
};

/** The mutations that return several customers; the declarations are those of one item. */
export const customerBatchMutations = { updateCustomers };

export const customerDeletions = { deleteCustomer };

export const customerEventMutations = { recordCustomerEvent };

export const customerMutationFields = {
  ...mutationFields({ kind: 'customer' }, customerMutations),
  ...mutationFields({ kind: 'customer', items: 'updates' }, customerBatchMutations),
  ...mutationFields({ kind: 'customer' }, customerDeletions),
  ...mutationFields({ kind: 'customer' }, customerEventMutations),
};
