import type { Clock } from '../../lib/clock.ts';
import { toWallTime } from '../../lib/clock.ts';
import { conflictError } from '../../lib/clientError.ts';
import { isAppliedWrite, UpstreamError } from '../errors.ts';
import type { CreatedIds, IdempotencyRecord, IdempotencyStore } from './idempotency.ts';
import { canonicalHash } from './idempotency.ts';
import type { WriteSession } from './writeSession.ts';

/** When a step was first attempted. */
export interface StepStart {
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  /** By the clock of HelpCrunch, in milliseconds since the epoch. */
  readonly serverStartedAtMs: number;
}

/** One attempt of a mutation that creates objects, with the results of earlier attempts with the same key. */
export interface Attempt extends StepStart {
  /** The ids of the objects that earlier attempts have created. */
  readonly created: CreatedIds;
  /** Whether an earlier attempt may have completed the next step: its object is looked up before the call is sent. */
  readonly isUncertain: boolean;
  /** Whether HelpCrunch has confirmed the next step: its call is not sent again, even if the object is not found. */
  readonly isApplied: boolean;
  /** Created objects are assigned to this name. It is the same for all attempts with one key; undefined without a key. */
  readonly owner: string | undefined;
  /** Records the result of a step before the next one. */
  record(created: CreatedIds): Promise<void>;
}

/** The attempt of a mutation without a key. */
export const unkeyedAttempt = (start: StepStart): Attempt => ({
  created: {},
  isUncertain: false,
  isApplied: false,
  ...start,
  owner: undefined,
  record: () => Promise.resolve(),
});

/** A mutation with an idempotency key. */
interface IdempotentRun<Result> {
  /** Contains the viewer, the mutation and the key. */
  readonly name: string;
  /** The hash of the arguments. */
  readonly hash: string;
  readonly session: WriteSession;
  readonly attempt: (attempt: Attempt) => Promise<Result>;
  readonly idsOf: (result: Result) => CreatedIds;
  /** Reads the result of an earlier attempt again. */
  readonly restore: (created: CreatedIds) => Promise<Result>;
}

/** HelpCrunch may still be processing a request without a response. */
const minLookupDelayMs = 10_000;
const pollMs = 200;
/** Added to the deadline of an attempt before another instance takes it over. */
const graceMs = 1_000;
/** The time that a lookup and a call need. */
const minAttemptMs = 1_000;

const uncertain = Symbol('uncertain');

interface Claimed {
  /** The record that the claim has replaced. */
  readonly record: IdempotencyRecord | undefined;
  readonly claim: IdempotencyRecord;
  readonly isUncertain: boolean;
}

/** Older builds do not record the time of HelpCrunch. */
const startOf = (
  clock: Clock,
  { startedAtMs, serverStartedAtMs = toWallTime(clock, startedAtMs) }: IdempotencyRecord,
): StepStart => ({ startedAtMs, serverStartedAtMs });

/** The time until a lookup may be made; 0 or negative if it may be made now. */
const lookupDelayMs = ({ startedAtMs, repeatedAtMs }: IdempotencyRecord, nowMs: number): number =>
  (repeatedAtMs ?? startedAtMs) + minLookupDelayMs - nowMs;

function assertSameArguments(known: string, given: string): void {
  if (known === given) return;
  throw conflictError(
    'idempotencyKey: was used with other arguments in the last 24 hours. Use a new key.',
  );
}

/** Runs a mutation with an idempotency key once, even if several instances receive it. */
export class IdempotentRuns {
  readonly #store: IdempotencyStore;
  readonly #running = new Map<
    string,
    { readonly hash: string; readonly result: Promise<unknown> }
  >();

  constructor(store: IdempotencyStore) {
    this.#store = store;
  }

  /** The result of the first run. Concurrent runs share it, its failure included. */
  run<Result>(run: IdempotentRun<Result>): Promise<Result>;
  async run(run: IdempotentRun<unknown>): Promise<unknown> {
    const key = `${run.session.account} ${run.name}`;
    const running = this.#running.get(key);
    if (running !== undefined) {
      assertSameArguments(running.hash, run.hash);
      return run.session.rejectAtDeadline(running.result);
    }
    const result = this.#start(run).finally(() => this.#running.delete(key));
    this.#running.set(key, { hash: run.hash, result });
    return result;
  }

  async #start(run: IdempotentRun<unknown>): Promise<unknown> {
    const { session, name, hash } = run;
    const { clock, account } = session;
    for (;;) {
      const record = await this.#store.find(account, name);
      if (record !== undefined) assertSameArguments(record.hash, hash);
      if (record?.state === 'done') return run.restore(record.created);
      const now = clock.monotonic();
      const runsElsewhere = record?.state === 'pending' && now < record.untilMs;
      const isUncertain = record !== undefined && record.state !== 'partial';
      const delayMs = isUncertain ? lookupDelayMs(record, now) : 0;
      if (!runsElsewhere && delayMs <= 0) {
        const claim: IdempotencyRecord = {
          state: 'pending',
          hash,
          ...(isUncertain ? startOf(clock, record) : session.stepStart()),
          ...(isUncertain ? { repeatedAtMs: now } : {}),
          untilMs: now + session.remainingMs + graceMs,
          created: record?.created ?? {},
          ...(record?.isApplied === true ? { isApplied: true } : {}),
        };
        if (await this.#store.replace(account, name, [record, claim])) {
          const result = await this.#runClaimed(run, { record, claim, isUncertain });
          if (result !== uncertain) return result.value;
          continue;
        }
      }
      if (!runsElsewhere && delayMs >= session.remainingMs) throw tooEarlyError(delayMs);
      await session.pause(runsElsewhere ? pollMs : Math.max(pollMs, delayMs));
    }
  }

  /** Resolves to `uncertain` if the outcome is unknown and the deadline allows another attempt. */
  async #runClaimed(
    run: IdempotentRun<unknown>,
    { record, claim, isUncertain }: Claimed,
  ): Promise<{ readonly value: unknown } | typeof uncertain> {
    const { session, name } = run;
    const sentBefore = session.sentCount;
    let current: IdempotencyRecord = claim;
    const replaceBy = async (next: IdempotencyRecord | undefined) => {
      await this.#store.replace(session.account, name, [current, next]);
      current = next ?? current;
    };
    try {
      const result = await run.attempt({
        created: claim.created,
        isUncertain,
        isApplied: claim.isApplied === true,
        ...startOf(session.clock, claim),
        owner: canonicalHash(name),
        record: (created) =>
          replaceBy({
            state: 'pending',
            hash: claim.hash,
            ...session.stepStart(),
            untilMs: claim.untilMs,
            created,
          }),
      });
      await replaceBy({ ...current, state: 'done', created: run.idsOf(result) });
      return { value: result };
    } catch (error) {
      const wasSent = session.sentCount > sentBefore;
      const isUnknown = error instanceof UpstreamError && error.kind === 'outcomeUnknown';
      const isStillUncertain = isUnknown || (isUncertain && !wasSent);
      const hasCreated = Object.keys(current.created).length > 0;
      const isApplied = isAppliedWrite(error);
      if (isStillUncertain) {
        const { repeatedAtMs, ...rest } = current;
        const sentAtMs = wasSent ? repeatedAtMs : record?.repeatedAtMs;
        await replaceBy({
          ...rest,
          ...(sentAtMs === undefined ? {} : { repeatedAtMs: sentAtMs }),
          state: 'uncertain',
          ...(isApplied ? { isApplied } : {}),
        });
      } else await replaceBy(hasCreated ? { ...current, state: 'partial' } : undefined);
      const delayMs = lookupDelayMs(current, session.clock.monotonic());
      const canWait = delayMs + minAttemptMs <= session.remainingMs;
      if (isUnknown && wasSent && !isApplied && canWait) return uncertain;
      throw error;
    }
  }
}

const tooEarlyError = (retryAfterMs: number): UpstreamError =>
  new UpstreamError('outcomeUnknown', 'The outcome of the first attempt is not known yet.', {
    retryAfterMs: Math.ceil(retryAfterMs),
    publicMessage:
      'HelpCrunch did not respond to the first attempt. Repeat the mutation with the same idempotencyKey after retryAfterMs.',
  });
