import type { MutationUpsertCustomerArgs } from '../../graphql/generated.ts';
import { readPage } from '../../upstream/lists.ts';
import {
  isAppliedWrite,
  isNotFound,
  UpstreamError,
  rejectedFields,
} from '../../upstream/errors.ts';
import { isIncomplete } from '../../upstream/partialEntities.ts';
import type { CreationAttempt } from '../../upstream/writes/creation.ts';
import type { WriteSession } from '../../upstream/writes/writeSession.ts';
import { inboxChatTags } from '../inbox/descriptor.ts';
import type { MutationRun, EntityWriteEndpoint } from '../mutation.ts';
import { allChatTags } from '../chats/descriptor.ts';
import {
  customerEndpoint,
  customerListTags,
  customerType,
  partialCustomers,
  userIdAliasTags,
} from './descriptor.ts';
import { userIdEquals } from './filter.ts';
import type { CustomerValues } from './input.ts';
import { missingCustomData, wireCustomer, wireNewCustomer } from './input.ts';
import type { Customer } from './model.ts';
import { customerCodec } from './model.ts';

export const customerWriteEndpoint: EntityWriteEndpoint<Customer> = {
  type: customerType,
  decode: customerCodec.fromWire,
  path: (id) => `/customers/${id}`,
  partials: partialCustomers,
  identity: (id) => ({ __typename: 'Customer', id }),
};

/** Chats embed these, and can be filtered by them. */
const embeddedInChats = customerCodec.embeddedFields;

interface InputArgument {
  readonly input: CustomerValues;
}

const isEmbeddedGiven = ({ input }: InputArgument): boolean =>
  embeddedInChats.some((name) => name in input);

const hasUserId = ({ input }: InputArgument): boolean => 'userId' in input;

/** What the values of a customer may change elsewhere. */
export const invalidatedByInput = [
  ...customerListTags,
  ...userIdAliasTags.map((tag) => ({ ...tag, when: hasUserId })),
  ...[...allChatTags, ...inboxChatTags].map((tag) => ({ ...tag, when: isEmbeddedGiven })),
];

const writtenFields = ['userId', 'name', 'email', 'company', 'phone', 'notes'] as const;

/** The texts that the customer has after the write. */
const writtenTexts = (input: CustomerValues): Partial<Customer> =>
  Object.fromEntries(
    writtenFields.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])),
  );

export const customerPath = customerWriteEndpoint.path;

/** Where the values of a customer come from, for errors. */
interface GivenInput {
  readonly input: CustomerValues;
  readonly argument: string;
}

const isUserIdTaken = (error: unknown): boolean =>
  error instanceof UpstreamError &&
  error.kind === 'rejected' &&
  (error.details.entries ?? []).some(({ code }) => code === 'invalid_userId_value');

/** Names the argument if HelpCrunch has another customer with the userId. */
export function explainTakenUserId(error: unknown, argument: string): unknown {
  if (!(error instanceof UpstreamError) || !isUserIdTaken(error)) return error;
  const message = 'Another customer has this userId.';
  return error.with({
    kind: 'conflict',
    message,
    ...rejectedFields([{ path: argument, message }]),
  });
}

/** The customer with exactly this userId, past the cache. HelpCrunch may compare without case. */
async function findByUserId(session: WriteSession, userId: string): Promise<Customer | undefined> {
  const { rows } = await readPage(session.sendRead, customerEndpoint, {
    filter: userIdEquals('userId', userId),
    sort: undefined,
    range: { offset: 0, limit: 100 },
  });
  return rows.find((row) => row.userId === userId);
}

const comparedFields = ['name', 'email', 'company', 'phone'] as const;

const comparable = (text: string | null | undefined): string => (text ?? '').trim().toLowerCase();

/** Whether the customer that was found is the one that was sent. */
const isSameCustomer = (found: Customer, sent: CustomerValues): boolean =>
  comparedFields.every(
    (field) =>
      typeof sent[field] !== 'string' || comparable(found[field]) === comparable(sent[field]),
  );

/**
 * Creates a customer. One with a userId may be sent twice, because HelpCrunch rejects the second one; one without cannot be looked up.
 * Fails with `rejected` if the userId is taken.
 */
export async function postCustomer(
  session: WriteSession,
  input: CustomerValues,
  attempt: CreationAttempt,
): Promise<Customer> {
  const { userId } = input;
  const call = { method: 'POST', path: '/customers', body: wireNewCustomer(input) } as const;
  const creation = { call, decode: customerCodec.fromWire, attempt };
  if (typeof userId !== 'string') return session.create(creation);
  const lookup = { isOtherFound: false };
  try {
    return await session.create({
      ...creation,
      isAlreadyExistsError: isUserIdTaken,
      async find() {
        const found = await findByUserId(session, userId);
        lookup.isOtherFound = found !== undefined && !isSameCustomer(found, input);
        return found === undefined || lookup.isOtherFound ? [] : [found];
      },
    });
  } catch (error) {
    if (!lookup.isOtherFound) throw error;
    throw new UpstreamError('rejected', 'The userId is taken.', {
      entries: [{ code: 'invalid_userId_value', message: 'The userId is already in use.' }],
      cause: error,
    });
  }
}

function assertStored({ input, argument }: GivenInput, customer: Customer): void {
  const missing = missingCustomData(input.customData ?? {}, customer);
  if (missing.length === 0) return;
  const message =
    'HelpCrunch did not store this value. Custom attributes must exist in its settings. The other values were changed.';
  const fields = missing.map((name) => ({ path: `${argument}.customData.${name}`, message }));
  throw new UpstreamError(
    'rejected',
    'HelpCrunch has ignored custom data.',
    rejectedFields(fields),
  );
}

/** Sets the given values. Custom data is read and merged first, while no other instance does the same. */
export async function patchCustomer(
  session: WriteSession,
  id: string,
  given: GivenInput,
): Promise<Customer> {
  const { input } = given;
  const path = customerPath(id);
  const decode = customerCodec.fromWire;
  const read = async () => decode(await session.read(path));
  const { partials, identity } = customerWriteEndpoint;
  const patch = (current?: Customer) =>
    session
      .update<Customer>({
        type: customerType,
        id,
        call: { method: 'PATCH', path, body: wireCustomer(input, current?.customData) },
        repeat: 'safe',
        decode,
        read,
      })
      .catch((error: unknown) => {
        if (!isAppliedWrite(error)) throw error;
        return partials.incomplete({ ...identity(id, undefined), ...writtenTexts(input) }, error);
      });
  if (!input.customData) return patch();
  return session.withLock(`Customer ${id}`, async () => {
    const changed = await patch(await read());
    if (!isIncomplete(changed)) assertStored(given, changed);
    return changed;
  });
}

export type UpsertedCustomer = Customer & { readonly isNew?: boolean };

export async function updateOrCreate({
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
