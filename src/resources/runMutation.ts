import type { Context, DomainEvent } from '../graphql/context.ts';
import { badUserInputError, forbiddenError } from '../lib/clientError.ts';
import { toWallTime } from '../lib/clock.ts';
import { parseUpstreamId } from '../lib/ids.ts';
import type { RejectedField } from '../upstream/errors.ts';
import { UpstreamError, rejectedFields } from '../upstream/errors.ts';
import { isIncomplete } from '../upstream/partialEntities.ts';
import { canonicalHash } from '../upstream/writes/idempotency.ts';
import type { Attempt } from '../upstream/writes/idempotentRuns.ts';
import { unkeyedAttempt } from '../upstream/writes/idempotentRuns.ts';
import type { CacheTypeDescriptor } from '../upstream/cache/cacheTypes.ts';
import type { CacheChanges } from './declarations.ts';
import type { MutationDeclaration } from './mutation.ts';

/** Names an entity whose writes are made one after the other. */
interface WriteQueue {
  readonly type: CacheTypeDescriptor;
  readonly id: string;
}

interface MadeChange<Args, Change> {
  readonly change: Change;
  readonly atMs: number;
  readonly args: Args;
}

/** What the mutations with one type of result have in common. */
export interface MutationGroup<Args, Result, Change extends string = string> {
  /** Whose queue the writes are made in; writes of one entity are made one after the other. Undefined for a new entity. */
  readonly queueOf: (
    args: Args,
    context: Context,
  ) => WriteQueue | undefined | Promise<WriteQueue | undefined>;
  /** Rejects a customer that does not own what it writes. */
  readonly verifyOwner: (args: Args, context: Context) => Promise<void>;
  /** The entities that every write changes, if `execute` does not replace them in the cache. */
  readonly changes?: (args: Args, context: Context) => CacheChanges | Promise<CacheChanges>;
  /** Makes later fields of the same operation see the result. */
  readonly updateLoaders?: (result: Result, context: Context) => void;
  readonly eventsOf: (result: Result, change: MadeChange<Args, Change>) => readonly DomainEvent[];
  /** The name of the change in a webhook; undefined if the webhook does not report the change that these arguments make. */
  readonly webhookChangeKey: (webhook: string, result: Result, args: Args) => string | undefined;
}

/** The `verifyOwner` of mutations that are not for customers. */
export const rejectCustomer = (): Promise<never> =>
  Promise.reject(forbiddenError('This mutation is not available to customers.'));

type MutationResolver<Args, Result> = (
  root: unknown,
  args: Args,
  context: Context,
) => Promise<Result>;

const maxKeyLength = 255;

/** Undefined if there is none. */
function idempotencyKeyOf(args: object): string | undefined {
  const key: unknown = 'idempotencyKey' in args ? args.idempotencyKey : undefined;
  if (typeof key !== 'string') return undefined;
  const { length } = Array.from(key);
  if (length >= 1 && length <= maxKeyLength) return key;
  throw badUserInputError('idempotencyKey', `must have 1 to ${maxKeyLength} characters.`);
}

const propertyIn = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(name)
    : undefined;

function validateIds(args: object, names: readonly string[]): void {
  for (const name of names) {
    const value = name.split('.').reduce<unknown>(propertyIn, args);
    if (value !== undefined && value !== null) parseUpstreamId(name, value);
  }
}

/** The scope of idempotency keys. With forwarded API keys the account is the key itself. */
async function viewerName({ viewer, quotaKey, loaders }: Context): Promise<string> {
  if (viewer.role === 'CUSTOMER') return `customer ${(await loaders.customers.ownId()) ?? ''}`;
  if (viewer.role === 'AGENT') return quotaKey;
  return 'all';
}

/** The property that an entry of a 400 is about. Older errors name it in their message. */
const propertyOf = ({
  code,
  message,
}: {
  readonly code: string;
  readonly message: string;
}): string =>
  /^(\w+) value is invalid/.exec(message)?.[1] ?? (message === 'Invalid chat ID' ? 'id' : code);

/** Adds the arguments that HelpCrunch rejects to its error. */
function withFields<Args>(
  error: unknown,
  args: Args,
  { fields, fieldOf }: Pick<MutationDeclaration<Args, unknown>, 'fields' | 'fieldOf'>,
): unknown {
  if (!(error instanceof UpstreamError) || error.kind !== 'rejected') return error;
  const names = new Map(Object.entries(fields));
  const rejected = (error.details.entries ?? []).flatMap((entry): RejectedField[] => {
    const property = propertyOf(entry);
    const path = fieldOf?.(property, args) ?? names.get(property);
    return path === undefined ? [] : [{ path, message: entry.message }];
  });
  if (rejected.length === 0) return error;
  return error.with(rejectedFields(rejected));
}

/** Runs a mutation: access, idempotency key, queue, calls, invalidation, events. */
const mutationResolver =
  <Args extends object, Result, Change extends string>(
    name: string,
    group: MutationGroup<Args, Result, Change>,
    mutation: MutationDeclaration<Args, Result, Change>,
  ): MutationResolver<Args, Result> =>
  async (_root, args, context) => {
    const key = idempotencyKeyOf(args);
    validateIds(args, mutation.ids);
    mutation.validate?.(args, context);
    const { viewer, sources } = context;
    if (viewer.role === 'CUSTOMER') await group.verifyOwner(args, context);
    const { open, idempotentRuns } = sources.writes;
    const session = open();

    async function execute(attempt: Attempt): Promise<Result> {
      const queue = await group.queueOf(args, context);
      const result = await session.inQueue(queue, async () => {
        try {
          return await mutation.execute({ session, args, context, attempt });
        } catch (error) {
          throw withFields(error, args, mutation);
        } finally {
          if (session.wasSent || attempt.isUncertain)
            await session.invalidate([
              ...((await group.changes?.(args, context)) ?? []),
              ...mutation.invalidates.filter(({ when }) => when?.(args) !== false),
            ]);
        }
      });
      if (!isIncomplete(result)) group.updateLoaders?.(result, context);
      for (const { change, when, repeatedBy } of mutation.publishes) {
        if (when?.(args, result) === false) continue;
        await context.events.publishWrite({
          events: group.eventsOf(result, { change, atMs: context.now(), args }),
          names: [
            ...new Set(
              repeatedBy.flatMap((webhook) => group.webhookChangeKey(webhook, result, args) ?? []),
            ),
          ],
          startedAtMs: toWallTime(session.clock, attempt.startedAtMs),
        });
      }
      return result;
    }

    const { keyed } = mutation;
    if (key === undefined || keyed === undefined)
      return execute(unkeyedAttempt(session.stepStart()));
    return idempotentRuns.run({
      name: JSON.stringify([await viewerName(context), name, key]),
      hash: canonicalHash(args),
      session,
      attempt: execute,
      idsOf: keyed.idsOf,
      restore: (created) => keyed.restore(created, { session, args, context }),
    });
  };

interface MutationBatch<Args, Item extends object, Result, Change extends string> {
  readonly name: string;
  readonly group: MutationGroup<Item, Result, Change>;
  readonly mutation: MutationDeclaration<Item, Result, Change>;
  /** Rejects arguments before any call. */
  readonly itemsOf: (args: Args) => readonly Item[];
}

/** Runs a mutation for several items, one after the other, with independent results. After `RATE_LIMITED` no call is made. */
export const batchResolver =
  <Args extends object, Item extends object, Result, Change extends string>({
    name,
    group,
    mutation,
    itemsOf,
  }: MutationBatch<Args, Item, Result, Change>) =>
  async (root: unknown, args: Args, context: Context): Promise<Promise<Result>[]> => {
    const items = itemsOf(args);
    for (const item of items) mutation.validate?.(item, context);
    const resolve = mutationResolver(name, group, mutation);
    const results: Promise<Result>[] = [];
    let refusal: UpstreamError | undefined;
    for (const item of items) {
      const result =
        refusal === undefined ? resolve(root, item, context) : Promise.reject<Result>(refusal);
      results.push(result);
      await result.catch((error: unknown) => {
        if (error instanceof UpstreamError && error.kind === 'rateLimited') refusal = error;
      });
    }
    return results;
  };

type MutationResolvers<Mutations> = {
  readonly [Name in keyof Mutations]: Mutations[Name] extends MutationDeclaration<
    infer Args,
    infer Result
  >
    ? MutationResolver<Args, Result>
    : never;
};

/** The resolvers of the mutations of one group. */
export function mutationResolvers<Mutations extends object, Result, Change extends string>(
  group: MutationGroup<never, Result, Change>,
  mutations: Mutations,
): MutationResolvers<Mutations>;
export function mutationResolvers(
  group: MutationGroup<never, unknown>,
  mutations: Readonly<Record<string, MutationDeclaration<never, unknown>>>,
): object {
  return Object.fromEntries(
    Object.entries(mutations).map(([name, mutation]) => [
      name,
      mutationResolver(name, group, mutation),
    ]),
  );
}
