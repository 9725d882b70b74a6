import type {
  CustomerChangeKind,
  MutationAddCustomerTagsArgs,
  MutationCreateCustomerArgs,
  MutationDeleteCustomerArgs,
  MutationRecordCustomerEventArgs,
  MutationRemoveCustomerTagsArgs,
  MutationUpdateCustomerArgs,
  MutationUpsertCustomerArgs,
} from '../../graphql/generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
import { toNodeId } from '../../lib/ids.ts';
import { requireText } from '../../lib/texts.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import { allChatTags, chatListTags } from '../chats/descriptor.ts';
import type { MutationDeclaration } from '../mutation.ts';
import { mutationFieldDeclarations, updateEntity } from '../mutation.ts';
import type { CustomerWebhookName } from './descriptor.ts';
import { customerListTags, customerType, userIdAliasTags, valueWebhooks } from './descriptor.ts';
import type { CustomerUpdateItem, CustomerValues } from './input.ts';
import {
  callsOfUpdate,
  callsOfUpdates,
  customerArgument,
  hasCustomData,
  tagArgumentMapper,
  validateCustomer,
  validateScalars,
  validateTagNames,
  validateTags,
  wireTag,
} from './input.ts';
import type { Customer, RecordedCustomerEvent, DeletedCustomer } from './model.ts';
import { customerEventFromWire } from './model.ts';
import type { UpsertedCustomer } from './writes.ts';
import {
  customerPath,
  explainTakenUserId,
  invalidatedByInput,
  patchCustomer,
  postCustomer,
  updateOrCreate,
  customerWriteEndpoint,
} from './writes.ts';

type CustomerMutation<Args, Result = Customer> = MutationDeclaration<
  Args,
  Result,
  CustomerChangeKind,
  CustomerWebhookName
>;

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
  invalidates: [...customerListTags, ...userIdAliasTags],
  publishes: [{ change: 'CREATED', repeatedBy: ['customer.new'] }],
  async execute({ session, args: { input }, attempt }) {
    const customer = await postCustomer(session, input, attempt).catch((error: unknown) => {
      throw explainTakenUserId(error, 'input.userId');
    });
    await session.invalidate([{ type: customerType, id: customer.id }]);
    return customer;
  },
  keyed: {
    idsOf: ({ id }) => ({ customerId: id }),
    restore: async ({ customerId = '' }, { context }) => context.loaders.customers.load(customerId),
  },
};

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
    ...invalidatedByInput,
    // Not found before.
    ...userIdAliasTags,
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
      throw explainTakenUserId(error, 'userId');
    }),
};

/** An update of the customer `id`; `argumentOf` names the argument that contains the values. */
const customerUpdate = <Args extends { readonly id: string; readonly input: CustomerValues }>(
  argumentOf: (args: Args) => string,
): Omit<CustomerMutation<Args>, 'calls' | 'ids' | 'validate'> => ({
  policy: 'staff',
  retry: 'safe',
  fields: {},
  fieldOf: (property, args) => customerArgument(property, args.input, argumentOf(args)),
  invalidates: invalidatedByInput,
  publishes: [{ change: 'UPDATED', repeatedBy: valueWebhooks }],
  execute: ({ session, args }) => {
    const argument = argumentOf(args);
    return patchCustomer(session, args.id, { input: args.input, argument }).catch(
      (error: unknown) => {
        throw explainTakenUserId(error, `${argument}.userId`);
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
  invalidates: [...customerListTags, ...chatListTags],
  publishes: [{ change: 'UPDATED', repeatedBy: ['customer.tags_changed'] }],
  execute: updateEntity(customerWriteEndpoint, ({ customerId }) => customerId, {
    ...update,
    retry: 'safe',
    sets: () => ({}),
  }),
});

const addCustomerTags = tagUpdate<MutationAddCustomerTagsArgs>(
  {
    validate({ tags }) {
      validateTags('tags', tags);
    },
    fieldOf: tagArgumentMapper('tags'),
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
    fieldOf: (property) => tagArgumentMapper('names')(property)?.replace(/\.name$/, ''),
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

const deleteCustomer: CustomerMutation<MutationDeleteCustomerArgs, DeletedCustomer> = {
  policy: 'staff',
  isOptIn: true,
  ids: ['id'],
  calls: 1,
  retry: 'safe',
  fields: {},
  invalidates: [...customerListTags, ...userIdAliasTags, ...allChatTags],
  publishes: [{ change: 'DELETED', repeatedBy: ['customer.deleted'] }],
  async execute({ session, args: { id } }) {
    const call = { method: 'DELETE', path: customerPath(id) } as const;
    await session.remove({ type: customerType, id, call });
    return { id, nodeId: toNodeId('Customer', id) };
  },
};

const recordCustomerEvent: CustomerMutation<
  MutationRecordCustomerEventArgs,
  RecordedCustomerEvent
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
      attempt,
    }),
  keyed: {
    idsOf: ({ id, createdAt, customer }) => ({
      eventId: id,
      customerId: customer.id,
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
  ...mutationFieldDeclarations({ kind: 'customer' }, customerMutations),
  ...mutationFieldDeclarations({ kind: 'customer', items: 'updates' }, customerBatchMutations),
  ...mutationFieldDeclarations({ kind: 'customer' }, customerDeletions),
  ...mutationFieldDeclarations({ kind: 'customer' }, customerEventMutations),
};
