import { isOutcomeUncertain, UpstreamError } from '../errors.ts';
import type { UpstreamCall, WriteRepetition } from '../pipeline.ts';
import type { Attempt } from './idempotentRuns.ts';

/** A call of a write. */
export type WriteCall = Pick<UpstreamCall, 'method' | 'path' | 'body'>;

/** How an object is created. */
export interface Creation<Value> {
  readonly call: WriteCall;
  readonly decode: (body: unknown) => Value;
  /** Looks for objects that the call may have created, oldest first. Omitted if it cannot be looked up. */
  readonly find?: () => Promise<readonly Value[]>;
  /** Names an object that may be the result of several equal calls, but only of one. */
  readonly nameOf?: (value: Value) => string;
  /** Whether HelpCrunch rejects the call because the object exists. A call with this test is sent again if its outcome is unknown. */
  readonly isTaken?: (error: unknown) => boolean;
  readonly attempt: CreationAttempt;
}

/** With an earlier attempt of unknown outcome the object is looked up first; if HelpCrunch has confirmed that one, nothing is sent. */
export type CreationAttempt = Pick<Attempt, 'isUncertain' | 'isApplied' | 'owner'>;

/** What the creation uses of its session. */
interface CreationCalls {
  readonly send: (call: WriteCall, repeat: WriteRepetition) => Promise<unknown>;
  /** How many writes were sent that HelpCrunch may have applied. */
  readonly sentCount: () => number;
  /** False if the object belongs to another write. */
  readonly claim: (name: string, owner: string | undefined) => Promise<boolean>;
}

const createdError = (cause: unknown): UpstreamError =>
  new UpstreamError('outcomeUnknown', 'The write was applied, and the new object was not found.', {
    cause,
    isApplied: true,
    publicMessage:
      'HelpCrunch has confirmed this, but the new object could not be read. Do not send it again.',
  });

const notSearchableError = (): UpstreamError =>
  new UpstreamError('outcomeUnknown', 'The object cannot be looked up.', {
    publicMessage:
      'HelpCrunch did not respond to the first attempt, and its result cannot be looked up. Use another idempotencyKey to try again.',
  });

/**
 * Creates an object. It is sent once, unless HelpCrunch rejects a second one; if its outcome is unknown, `find` looks for what was created,
 * and the first object that belongs to no other write is the result.
 */
export async function createOnce<Value>(
  { call, decode, find, nameOf, isTaken, attempt }: Creation<Value>,
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
    const value = decode(await send(call, isTaken === undefined ? 'never' : 'safe'));
    await claimValue(value);
    return value;
  } catch (error) {
    const sent = sentCount() - sentBefore;
    const isUndecodable = error instanceof UpstreamError && error.kind === 'malformed';
    // By an earlier attempt, perhaps.
    const isCreated = (isUncertain || sent > 1) && isTaken?.(error) === true;
    if (sent === 0 || !(isUndecodable || isCreated || isOutcomeUncertain(error))) throw error;
    const found = await findOwn().catch(() => undefined);
    if (found !== undefined) return found;
    if (isUndecodable && (error.details.status ?? 200) < 300) throw createdError(error);
    throw new UpstreamError('outcomeUnknown', 'The new object was not found.', { cause: error });
  }
}
