import { isOutcomeUncertain, UpstreamError } from '../errors.ts';
import type { UpstreamCall, WriteRepetition } from '../pipeline.ts';
import type { Attempt } from './idempotentRuns.ts';

/** The request of a write. */
export type WriteCall = Pick<UpstreamCall, 'method' | 'path' | 'body'>;

/** How an object is created. */
export interface Creation<Value> {
  readonly call: WriteCall;
  readonly decode: (body: unknown) => Value;
  /** Returns the objects that the call may have created, oldest first. Omitted if they cannot be looked up. */
  readonly find?: () => Promise<readonly Value[]>;
  /** The name under which an object is assigned to one of several equal calls. */
  readonly nameOf?: (value: Value) => string;
  /** Whether an error means that the object exists already. If given, the call is sent again when its outcome is unknown. */
  readonly isAlreadyExistsError?: (error: unknown) => boolean;
  readonly attempt: CreationAttempt;
}

/** If the outcome of an earlier attempt is unknown, the object is looked up first. If HelpCrunch has confirmed that attempt, nothing is sent. */
export type CreationAttempt = Pick<Attempt, 'isUncertain' | 'isApplied' | 'owner'>;

/** The functions of the session that a creation uses. */
interface CreationCalls {
  readonly send: (call: WriteCall, repeat: WriteRepetition) => Promise<unknown>;
  /** How many writes were sent that HelpCrunch may have applied. */
  readonly sentCount: () => number;
  /** Assigns an object to this write. False if it is assigned to another one. */
  readonly claim: (name: string, owner: string | undefined) => Promise<boolean>;
}

const createdError = (cause: unknown): UpstreamError =>
  new UpstreamError('outcomeUnknown', 'The write was applied, and the new object was not found.', {
    cause,
    isApplied: true,
    publicMessage:
      'HelpCrunch has confirmed the creation, but the new object could not be read. Do not send it again.',
  });

const notSearchableError = (): UpstreamError =>
  new UpstreamError('outcomeUnknown', 'The object cannot be looked up.', {
    publicMessage:
      'HelpCrunch did not respond to the first attempt, and its result cannot be looked up. Use another idempotencyKey to try again.',
  });

/**
 * Creates an object. The call is sent only once, unless HelpCrunch rejects a second object (`isAlreadyExistsError`). If the outcome is
 * unknown, the result is the first object of `find` that is not assigned to another write.
 */
export async function createOnce<Value>(
  { call, decode, find, nameOf, isAlreadyExistsError, attempt }: Creation<Value>,
  { send, sentCount, claim }: CreationCalls,
): Promise<Value> {
  const claimValue = async (value: Value) =>
    nameOf === undefined || (await claim(nameOf(value), attempt.owner));
  const findOwn = async () => {
    for (const value of (await find?.()) ?? []) {
      if (await claimValue(value)) return value;
    }
    return undefined;
  };
  const { isUncertain, isApplied } = attempt;
  if (isUncertain) {
    if (find === undefined) throw isApplied ? createdError(undefined) : notSearchableError();
    const found = await findOwn();
    if (found !== undefined) return found;
    if (isApplied) throw createdError(undefined);
  }
  const sentBefore = sentCount();
  try {
    const value = decode(await send(call, isAlreadyExistsError === undefined ? 'never' : 'safe'));
    await claimValue(value);
    return value;
  } catch (error) {
    const sent = sentCount() - sentBefore;
    const isUndecodable = error instanceof UpstreamError && error.kind === 'malformed';
    // An earlier attempt may have created the object.
    const isCreated = (isUncertain || sent > 1) && isAlreadyExistsError?.(error) === true;
    if (sent === 0 || !(isUndecodable || isCreated || isOutcomeUncertain(error))) throw error;
    const found = await findOwn().catch(() => undefined);
    if (found !== undefined) return found;
    if (isUndecodable && (error.details.status ?? 200) < 300) throw createdError(error);
    throw new UpstreamError('outcomeUnknown', 'The new object was not found.', { cause: error });
  }
}
