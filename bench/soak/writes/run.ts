import type { FaultRule } from '../../../src/simulator/simulator.ts';
import type { Random } from '../../../src/simulator/random.ts';
import type { Account } from './account.ts';
import { WriteLedger, type Result } from './ledger.ts';
import { RandomWrites, type PlannedWrite } from './plan.ts';

/** The instances that receive the writes. */
export interface Fleet {
  /** The address of a running instance, another one each time. */
  nextUrl(): string;
  /** Ends one instance at once, as a crash does, and starts another one in its place. */
  replaceOne(): Promise<void>;
  pause(ms: number): Promise<void>;
}

export interface WriteRun {
  readonly account: Account;
  readonly fleet: Fleet;
  readonly random: Random;
  readonly count: number;
  readonly workers: number;
  /** How many instances are killed meanwhile. */
  readonly kills: number;
  /** Starts the texts and keys of this run. */
  readonly prefix: string;
}

export interface WriteFindings {
  readonly ledger: WriteLedger;
  readonly acknowledged: number;
  /** First attempts that failed with OUTCOME_UNKNOWN, and writes that ended so, where a lookup or a repetition is possible. */
  readonly resolvable: number;
  readonly unknownAtFirst: number;
  readonly unknown: number;
  /** Writes that cannot be looked up, and how many of them ended with OUTCOME_UNKNOWN. */
  readonly unresolvable: number;
  readonly unresolvableUnknown: number;
  readonly attempts: number;
  readonly lostConnections: number;
  readonly codes: ReadonlyMap<string, number>;
  /** Errors that no fault explains. */
  readonly failures: readonly string[];
}

const writeRoutes = [
  'PUT',
  'PATCH',
  'DELETE',
  'POST /messages',
  'POST /chats',
  'POST /customers',
  'POST /events',
];

const badGateway = { kind: 'status', status: 502 } as const;

const faults = [
  'lose',
  'reset',
  'truncate',
  'hang',
  badGateway,
  { ...badGateway, isApplied: true },
  { kind: 'status', status: 504, isApplied: true },
  { kind: 'status', status: 200, body: 'Ok', isApplied: true },
] as const;

/** Faults for a share of all requests that write. Half of them apply the request. */
export function writeFaults(share: number): readonly FaultRule[] {
  const each = share / faults.length;
  return writeRoutes.flatMap((match) =>
    // A rule sees only what the rules before it have spared.
    faults.map((fault, index) => ({ match, fault, rate: each / (1 - index * each) })),
  );
}

interface AttemptError {
  readonly code: string;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number | undefined;
}

type Attempt =
  | { readonly id: string }
  | { readonly error: AttemptError }
  /** The client has no response. */
  | 'lost';

interface Answer {
  readonly data?: { readonly result?: { readonly id?: unknown } | null } | null;
  readonly errors?: readonly {
    readonly extensions: {
      readonly code: string;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
    };
  }[];
}

async function send(url: string, { field }: PlannedWrite): Promise<Attempt> {
  let answer: Answer;
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ query: `mutation { result: ${field} }` }),
    });
    answer = (await response.json()) as Answer;
  } catch {
    return 'lost';
  }
  const id = answer.data?.result?.id;
  if (typeof id === 'string') return { id };
  const { extensions } = answer.errors?.[0] ?? {};
  return {
    error: {
      code: extensions?.code ?? 'none',
      isRetryable: extensions?.retryable ?? false,
      retryAfterMs: extensions?.retryAfterMs,
    },
  };
}

/** Those with a response. */
const maxAttempts = 20;
/** HelpCrunch may still be processing a request without a response. */
const lookupDelayMs = 10_000;
const retryDelayMs = 500;

class WriteRunner {
  readonly #run: WriteRun;
  readonly ledger = new WriteLedger();
  readonly codes = new Map<string, number>();
  readonly failures: string[] = [];
  readonly counts = {
    acknowledged: 0,
    resolvable: 0,
    unknownAtFirst: 0,
    unknown: 0,
    unresolvable: 0,
    unresolvableUnknown: 0,
    attempts: 0,
    lostConnections: 0,
  };
  #started = 0;
  #killed = 0;
  #replacement: Promise<void> | undefined;

  constructor(run: WriteRun) {
    this.#run = run;
  }

  async work(writes: RandomWrites, worker: number): Promise<void> {
    const { count } = this.#run;
    while (this.#started < count) {
      this.#started += 1;
      const write = writes.next(worker);
      this.#count(write.isResolvable ? 'resolvable' : 'unresolvable');
      const result = await this.#resolve(write);
      if (result.state === 'acknowledged') this.#count('acknowledged');
      this.ledger.record(write, result);
    }
  }

  async finish(): Promise<void> {
    await this.#replacement;
  }

  /** Repeats the write as a client does, until its outcome is known. */
  async #resolve(write: PlannedWrite): Promise<Result> {
    let isUncertain = false;
    for (let responses = 0; responses < maxAttempts;) {
      const attempt = await this.#send(write);
      if (attempt !== 'lost' && 'id' in attempt) return { state: 'acknowledged', id: attempt.id };
      if (attempt === 'lost') {
        if (!write.isRepeatable) return { state: 'unknown' };
        isUncertain = true;
        await this.#run.fleet.pause(retryDelayMs);
        continue;
      }
      responses += 1;
      const { code, isRetryable, retryAfterMs } = attempt.error;
      const isUnknown = code === 'OUTCOME_UNKNOWN';
      if (isUnknown && !isUncertain && write.isResolvable) this.#count('unknownAtFirst');
      isUncertain ||= isUnknown || isRetryable;
      if (isUnknown && !write.isRepeatable) return this.#unknown(write);
      if (!isUnknown && !isRetryable) return this.#failure(write, code, isUncertain);
      await this.#run.fleet.pause(retryAfterMs ?? (isUnknown ? lookupDelayMs : retryDelayMs));
    }
    return this.#unknown(write);
  }

  async #send(write: PlannedWrite): Promise<Attempt> {
    const { fleet, count, kills } = this.#run;
    this.#count('attempts');
    const sending = send(fleet.nextUrl(), write);
    // The kills are spread evenly over the writes.
    const isDue = this.#started >= ((this.#killed + 1) * count) / (kills + 1);
    if (this.#killed < kills && isDue && this.#replacement === undefined) {
      this.#killed += 1;
      this.#replacement = fleet.replaceOne().finally(() => {
        this.#replacement = undefined;
      });
    }
    const attempt = await sending;
    if (attempt === 'lost') this.#count('lostConnections');
    else if ('error' in attempt) {
      const { code } = attempt.error;
      this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    }
    return attempt;
  }

  #unknown({ isResolvable }: PlannedWrite): Result {
    this.#count(isResolvable ? 'unknown' : 'unresolvableUnknown');
    return { state: 'unknown' };
  }

  #failure(write: PlannedWrite, code: string, isUncertain: boolean): Result {
    if (isUncertain && code === 'NOT_FOUND' && write.effect.kind === 'deletion')
      return { state: 'acknowledged', id: write.effect.customerId };
    if (!isUncertain || !write.allowedCodes.includes(code))
      this.failures.push(`${code}: ${write.field}`);
    return { state: isUncertain ? 'unknown' : 'failed' };
  }

  #count(name: keyof WriteRunner['counts']): void {
    this.counts[name] += 1;
  }
}

/** Makes random writes at all instances concurrently. Each worker waits for the outcome of one write before the next. */
export async function runWrites(run: WriteRun): Promise<WriteFindings> {
  const writes = new RandomWrites(run.account, run.random, run.prefix);
  const runner = new WriteRunner(run);
  await Promise.all(
    Array.from({ length: run.workers }, (_, worker) => runner.work(writes, worker)),
  );
  await runner.finish();
  const { ledger, codes, failures } = runner;
  return { ledger, codes, failures, ...runner.counts };
}
