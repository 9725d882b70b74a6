import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import type { ListedOperations } from '../graphql/listedOperations.ts';
import type { Answer, Request, Results, Run } from '../graphql/live.ts';
import type { AuthFailures } from './authFailures.ts';
import type { Occupancy } from './occupancy.ts';
import { askedTooOften } from './refusals.ts';
import { networkOf } from './requestRate.ts';
import type { RequestRate } from './requestRate.ts';
import type { Access } from './viewer.ts';

/** Calls `onEnd` when there are no more results, or nobody wants them. */
const watched = (results: Results, onEnd: () => void): Results => ({
  async next() {
    const result = await results.next();
    if (result.done === true) onEnd();
    return result;
  },
  return() {
    onEnd();
    return results.return?.() ?? Promise.resolve({ value: undefined, done: true });
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});

export const errorAnswer = (message: string, code: string): Answer => ({
  kind: 'once',
  status: 400,
  result: { errors: [{ message, extensions: { code, retryable: false } }] },
});

const busyAnswer = (retryAfterMs: number): Answer => ({
  kind: 'once',
  status: 429,
  result: {
    errors: [
      {
        message: askedTooOften,
        extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs },
      },
    ],
  },
});

/** A client that may ask more than once. */
export interface Party {
  readonly access: Access;
  /** Where it asks from; its name where nothing else tells clients apart. */
  readonly address: string;
}

export const nameOf = ({ access, address }: Party): string => access.name ?? networkOf(address);

/** How long a client must wait before its next operation, which is counted; undefined where it need not. */
export type ClientLimit = (party: Party) => Promise<number | undefined>;

interface ClientLimitParts {
  readonly requestRate: RequestRate;
  readonly authFailures: AuthFailures;
}

/** Limits clients, those with a key that may be none also by how many such keys their address has tried. */
export const createClientLimit =
  ({ requestRate, authFailures }: ClientLimitParts): ClientLimit =>
  async (party) => {
    const waitMs =
      party.access.isUnverified === true ? await authFailures.nextWaitMs(party.address) : undefined;
    return waitMs ?? requestRate.waitMs(nameOf(party));
  };

export interface Asked {
  readonly request: Request;
  readonly signal: AbortSignal;
  readonly requestId?: string;
  readonly isReadOnly?: boolean;
}

export type Ask = (party: Party, asked: Asked) => Promise<Answer>;

interface Parts {
  readonly run: Run;
  readonly occupancy: Occupancy;
  readonly listed: ListedOperations;
  readonly limitClient: ClientLimit;
}

/** Runs operations for clients, each of whom may ask so often and have so many subscriptions and no more. */
export const createAsk =
  ({ run, occupancy, listed, limitClient }: Parts): Ask =>
  async (party, { request: asked, signal, requestId = randomUUID(), isReadOnly = false }) => {
    const { viewer, viewerId, key, tenant } = party.access;
    const client = nameOf(party);
    const waitMs = await limitClient(party);
    if (waitMs !== undefined) return busyAnswer(waitMs);
    const text = listed.textFor({ ...asked });
    if (text instanceof GraphQLError) return errorAnswer(text.message, 'PERSISTED_QUERY_NOT_FOUND');
    const request = text === undefined ? asked : { ...asked, query: text, extensions: {} };
    const { address } = party;
    const subscriber = { requestId, viewer, viewerId, address, client, key, tenant };
    const answer = await run(request, subscriber, { signal, isReadOnly });
    if (answer.kind === 'once') return answer;
    const leave = occupancy.subscribe(client);
    if (leave !== undefined) return { kind: 'stream', results: watched(answer.results, leave) };
    await answer.results.return?.();
    return errorAnswer('You have too many subscriptions.', 'OPERATION_TOO_EXPENSIVE');
  };
