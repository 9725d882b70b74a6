import { isDeepStrictEqual } from 'node:util';
import type { Viewer } from '../lib/viewer.ts';
import type { Upstream } from '../upstream/client.ts';
import type { AgentSource } from './agents/source.ts';
import type { ApplicationSource } from './applications/source.ts';
import type { createChatLoaders } from './chats/loaders.ts';
import type { createCustomerLoaders } from './customers/loaders.ts';
import type { CustomerSource } from './customers/source.ts';
import type { MessageSource } from './messages/source.ts';
import type { PartialEntity } from '../lib/selection.ts';
import type { CachedEntity, CacheType } from '../upstream/cache/cacheTypes.ts';
import { isAppliedWrite } from '../upstream/errors.ts';
import type { PartialEntities } from '../upstream/partialEntities.ts';
import type { WriteRepetition } from '../upstream/pipeline.ts';
import type { CreatedIds } from '../upstream/writes/idempotency.ts';
import type { Attempt } from '../upstream/writes/idempotentRuns.ts';
import type { WriteCall } from '../upstream/writes/creation.ts';
import type { WriteSession } from '../upstream/writes/writeSession.ts';
import type { FetchKind, FieldDeclaration, CacheChanges, MutationCalls } from './declarations.ts';

/**
 * What the gateway does if HelpCrunch does not respond to a write (connection failure, timeout, 502 to 504). After 429 a write is always repeated.
 *
 * - `safe`: it is sent again;
 * - `ifNotSet`: the entity is read, and the write is sent again unless the value is set, because a repetition could have a visible effect;
 * - `lookUp`: the write creates an object: the object is looked up, and the write is not sent again;
 * - `never`: it is neither sent again nor looked up.
 */
type RetryClass = 'safe' | 'ifNotSet' | 'lookUp' | 'never';

/** A change that is published to subscribers after the write. `when` restricts it to some arguments and results. */
interface PublishedChange<Args, Result, Change, Webhook> {
  readonly change: Change;
  readonly when?: (args: Args, result: Result) => boolean;
  /** The webhook events in which HelpCrunch reports the same change. */
  readonly repeatedBy: readonly Webhook[];
}

/** A cache tag that the write invalidates. `when` restricts it to some arguments. */
type WrittenTag<Args> = CacheChanges[number] & { readonly when?: (args: Args) => boolean };

/** The part of the operation's context that mutations use. */
export interface MutationContext {
  readonly viewer: Viewer;
  readonly loaders: {
    readonly chats: ReturnType<typeof createChatLoaders>;
    readonly customers: ReturnType<typeof createCustomerLoaders>;
  };
  readonly sources: {
    readonly agents: AgentSource;
    readonly applications: ApplicationSource;
    readonly customers: CustomerSource;
    readonly messages: MessageSource;
  };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** One execution of a mutation. */
export interface MutationRun<Args> {
  readonly session: WriteSession;
  readonly args: Args;
  readonly context: MutationContext;
  readonly attempt: Attempt;
}

/** One mutation: access, `@tag`, cost, invalidation, events and the table in `docs/mutations.md` derive from it. */
export interface MutationDeclaration<
  Args,
  Result,
  Change extends string = string,
  Webhook extends string = string,
> {
  /** `owner`: a customer may write its own entity, which is verified before the call. `staff`: customers get `FORBIDDEN`. */
  readonly policy: 'owner' | 'staff';
  /** Forbidden unless `MUTATIONS` names it. */
  readonly isOptIn?: true;
  /** The arguments that are ids of HelpCrunch, such as `input.customerId`, validated before any call. */
  readonly ids: readonly (
    (keyof Args & string) | (Args extends { readonly input: object } ? `input.${string}` : never)
  )[];
  /** Rejects arguments and viewers before any call. */
  readonly validate?: (args: Args, context: MutationContext) => void;
  readonly calls: MutationCalls;
  readonly retry: RetryClass;
  /** Maps the properties of HelpCrunch's requests to arguments, for `extensions.fields`. */
  readonly fields: Readonly<Record<string, string>>;
  /** The same for properties that depend on the arguments. */
  readonly fieldOf?: (property: string, args: Args) => string | undefined;
  /** The cache tags that the write invalidates besides the entity. `[]` states that there are none. */
  readonly invalidates: readonly WrittenTag<Args>[];
  readonly publishes: readonly PublishedChange<Args, Result, Change, Webhook>[];
  /** Makes the calls, in the queue of the entity. */
  readonly execute: (run: MutationRun<Args>) => Promise<Result>;
  /** For a mutation with the argument `idempotencyKey`: the ids that are stored of its result, and how the result is read again with them. */
  readonly keyed?: {
    idsOf(result: Result): CreatedIds;
    readonly restore: (
      created: CreatedIds,
      run: Omit<MutationRun<Args>, 'attempt'>,
    ) => Promise<Result>;
  };
}

/** An entity that mutations update by one call. */
export interface EntityWriteEndpoint<Entity extends CachedEntity> {
  readonly type: CacheType<Entity>;
  readonly decode: (body: unknown) => Entity;
  /** The path of the entity in HelpCrunch's API. */
  readonly path: (id: string) => string;
  readonly partials: PartialEntities<Entity>;
  /** The known fields of an entity that was written and cannot be read: its id, and the fields of an earlier state that no write changes. */
  readonly identity: (id: string, earlier: Entity | undefined) => PartialEntity<Entity>;
}

/** A write of one value of an entity. */
interface EntityUpdate<Args, Entity> {
  readonly call: (args: Args, context: MutationContext) => WriteCall;
  readonly retry: Exclude<RetryClass, 'lookUp'>;
  /** The fields of the entity after the write, as far as the arguments determine them. */
  readonly sets: (args: Args) => Partial<Entity>;
  /**
   * Returns a function that throws if the state of the entity does not permit the write; undefined if these arguments need no check. The
   * check costs one call. With Redis no other instance makes a checked write at the same time.
   */
  readonly checkOf?: (args: Args) => ((entity: Entity) => void) | undefined;
  /** Throws if HelpCrunch accepted the call but did not make the change. */
  readonly confirm?: (entity: Entity, args: Args) => void;
  /** Replaces the error of the call. */
  readonly explain?: (error: unknown, args: Args, context: MutationContext) => unknown;
}

const hasFields = <Entity extends object>(entity: Entity, fields: Partial<Entity>): boolean =>
  isDeepStrictEqual({ ...entity, ...fields }, { ...entity });

/** The `execute` of a mutation that updates one entity, whose id `idOf` returns. */
export const updateEntity =
  <Args, Entity extends CachedEntity>(
    { type, decode, path, partials, identity }: EntityWriteEndpoint<Entity>,
    idOf: (args: Args) => string,
    update: EntityUpdate<Args, Entity>,
  ) =>
  async ({ session, args, context }: MutationRun<Args>): Promise<Entity> => {
    const { call, retry, sets, confirm, explain } = update;
    const id = idOf(args);
    const earlier = session.lastKnown(type, id);
    const readBody = () => session.read(path(id));
    const repeat: WriteRepetition =
      retry === 'ifNotSet'
        ? async () => {
            const body = await readBody();
            return hasFields(decode(body), sets(args)) ? body : undefined;
          }
        : retry;
    const read = async () => decode(await readBody());
    const write = async () => {
      const entity = await session.update({
        type,
        id,
        call: call(args, context),
        repeat,
        decode,
        read,
      });
      confirm?.(entity, args);
      return entity;
    };
    const check = update.checkOf?.(args);
    try {
      if (check === undefined) return await write();
      return await session.withLock(`${type.name} ${id}`, async () => {
        check(await read());
        return write();
      });
    } catch (error) {
      if (isAppliedWrite(error))
        return partials.incomplete({ ...identity(id, earlier), ...sets(args) }, error);
      throw explain?.(error, args, context) ?? error;
    }
  };

type AnyDeclaration = Pick<MutationDeclaration<never, unknown>, 'policy' | 'calls' | 'isOptIn'>;

interface MutationCostGroup {
  readonly kind: FetchKind;
  /** The argument with the id of the entity that a customer must own. */
  readonly argument?: string;
  /** The argument with the items of a mutation that returns one result for each. */
  readonly items?: string;
  /** The known fields of the result, if it is not the whole entity. */
  readonly embeds?: readonly string[];
}

/** Policy and cost of the mutations of one group. */
export function mutationFieldDeclarations<Name extends string>(
  group: MutationCostGroup,
  mutations: Readonly<Record<Name, AnyDeclaration>>,
): Readonly<Record<Name, FieldDeclaration>>;
export function mutationFieldDeclarations(
  { kind, argument, items, embeds }: MutationCostGroup,
  mutations: Readonly<Record<string, AnyDeclaration>>,
): Readonly<Record<string, FieldDeclaration>> {
  return Object.fromEntries(
    Object.entries(mutations).map(([name, { policy, calls, isOptIn }]) => [
      name,
      {
        policy,
        cost: {
          strategy: 'write',
          kind,
          calls,
          ...(argument === undefined ? {} : { argument }),
          ...(items === undefined ? {} : { items }),
          ...(embeds === undefined ? {} : { embeds }),
        },
        ...(isOptIn === undefined ? {} : { isOptIn }),
      },
    ]),
  );
}

/** The writes of one operation. */
export const createWrites = ({ cache, idempotentRuns }: Upstream) => ({
  open: () => cache.openWrite(),
  idempotentRuns,
});
