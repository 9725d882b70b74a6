import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OperationDefinitionNode } from 'graphql';
import { buildASTSchema, getOperationAST, parse } from 'graphql';
import { LRUCache } from 'lru-cache';
import { Line, post } from '../cpu/load.ts';
import type { Operation } from './operations.ts';
import { anyOperation, firstChat, markRead, readOne, writtenChats } from './operations.ts';
import { root } from './processes.ts';
import { judge } from './validity.ts';

/** Longer than any operation may take. */
const patienceMs = 20_000;

const maxFaults = 20;

const schema = buildASTSchema(parse(readFileSync(join(root, 'schema.graphql'), 'utf8')), {
  assumeValidSDL: true,
});

const parsed = new LRUCache<string, { readonly operation: OperationDefinitionNode | undefined }>({
  max: 100,
});

export function operationOf(query: string): OperationDefinitionNode | undefined {
  const known = parsed.get(query);
  if (known !== undefined) return known.operation;
  let operation: OperationDefinitionNode | undefined;
  try {
    operation = getOperationAST(parse(query)) ?? undefined;
  } catch {
    // Some are no GraphQL on purpose.
  }
  parsed.set(query, { operation });
  return operation;
}

/** What the clients have seen, all together. */
export interface Tally {
  answers: number;
  left: number;
  writes: number;
  /** Writes of which it is not known whether they happened. */
  unsure: number;
  events: number;
  readonly codes: Map<string, number>;
  /** What must not be; the first of it. */
  readonly faults: string[];
}

export const createTally = (): Tally => ({
  answers: 0,
  left: 0,
  writes: 0,
  unsure: 0,
  events: 0,
  codes: new Map(),
  faults: [],
});

export function fault(tally: Tally, text: string): void {
  if (tally.faults.length < maxFaults) tally.faults.push(text);
}

export interface Answer {
  readonly codes: readonly string[];
  readonly data: unknown;
}

/** Looks at an answer as a strict client would. */
export function look(tally: Tally, { query, meantCode }: Operation, body: string): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    answer = undefined;
  }
  const { codes, fault: wrong } = judge(schema, operationOf(query), answer);
  for (const code of codes) tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
  if (wrong !== undefined) fault(tally, `${wrong}: ${query.slice(0, 60)} → ${body.slice(0, 300)}`);
  if (meantCode !== undefined && codes.length === 0) {
    fault(tally, `no error where ${meantCode} was due: ${body.slice(0, 200)}`);
  }
  return { codes, data: (answer as { data?: unknown } | undefined)?.data };
}

/** One client on one connection; `undefined` when it got no answer. */
export function createClient(url: string, tally: Tally) {
  const address = new URL('/graphql', url);
  let line = new Line(address);
  const ask = async (operation: Operation): Promise<Answer | undefined> => {
    const { query, variables = {} } = operation;
    const patience = new AbortController();
    try {
      const hit = await Promise.race([
        line.ask(post(address, { query, variables })),
        sleep(patienceMs, undefined, { signal: patience.signal }),
      ]);
      if (hit === undefined) throw new Error('There was no answer in time.');
      tally.answers += 1;
      return look(tally, operation, hit.body);
    } catch (error) {
      fault(tally, `${String(error)}: ${query.slice(0, 60)}`);
      line.close();
      line = new Line(address);
      return undefined;
    } finally {
      patience.abort();
    }
  };
  return {
    ask,
    /** Asks and is gone before the answer comes. */
    async leave({ query, variables = {} }: Operation): Promise<void> {
      void line.ask(post(address, { query, variables })).catch(() => undefined);
      await sleep(Math.random() * 5);
      line.close();
      tally.left += 1;
      line = new Line(address);
    },
    close: () => line.close(),
  };
}

const leavingShare = 0.02;

/** Asks one thing after the other, and sometimes leaves. */
export async function read(url: string, tally: Tally, signal: AbortSignal): Promise<void> {
  const client = createClient(url, tally);
  while (!signal.aborted) {
    const operation = anyOperation(tally.answers);
    if (Math.random() < leavingShare) await client.leave(operation);
    else await client.ask(operation);
  }
  client.close();
}

/** What the writers know of their chats; undefined where a write may or may not have happened. */
export type Ledger = Map<string, boolean | undefined>;

interface Writing {
  readonly url: string;
  readonly tally: Tally;
  readonly ledger: Ledger;
  readonly place: number;
  readonly writers: number;
}

const readByAgentOf = (data: unknown): unknown =>
  (data as { chat?: { readByAgent?: unknown } | null } | undefined)?.chat?.readByAgent;

/** Marks chats that are its own, and looks at each afterwards through the same gateway. */
export async function write({ url, ...writing }: Writing, signal: AbortSignal): Promise<void> {
  const { tally, ledger, place, writers } = writing;
  const client = createClient(url, tally);
  for (let count = 0; !signal.aborted; count += 1) {
    const id = String(firstChat + ((place + count * writers) % writtenChats));
    const value = Math.random() < 0.5;
    ledger.set(id, undefined);
    const written = await client.ask(markRead(id, value));
    if (written?.codes.length !== 0) {
      tally.unsure += 1;
    } else {
      ledger.set(id, value);
      tally.writes += 1;
      const seen = await client.ask(readOne(id));
      if (seen?.codes.length === 0 && readByAgentOf(seen.data) !== value) {
        fault(
          tally,
          `chat ${id} was marked ${value} and read as ${String(readByAgentOf(seen.data))}`,
        );
      }
    }
    await sleep(30);
  }
  client.close();
}
