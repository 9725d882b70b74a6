import { isDeepStrictEqual } from 'node:util';
import type { Contender, Contestant } from './contenders/contender.ts';
import type { Request } from './request.ts';
import { requestKey } from './request.ts';

/** How many calls each contender made, in their order. */
export type Calls = readonly number[];

/** What a sequence costs, its reads and its writes apart. */
export interface Cost {
  readonly reads: Calls;
  readonly writes: Calls;
}

/** All contenders side by side, each asked the same and each in the same state. */
export interface Contest {
  /** What it costs each of them, asked so many times at the same moment. */
  ask(request: Request, times?: number): Promise<Calls>;
  /** One after the other, with a pause after each. */
  askInTurn(requests: readonly Request[], pauseMs?: number): Promise<Cost>;
  /** As many clients as requests, all at the same moment. Answers are not compared: reads and writes cross. */
  askTogether(requests: readonly Request[]): Promise<Calls>;
  /** Lets time pass for all. */
  wait(ms: number): void;
  stop(): Promise<void>;
}

const isCursor = /^(cursor|startCursor|endCursor)$/;

/** Data without the texts of its cursors, which are each server's own. */
const comparable = (data: unknown): unknown =>
  JSON.parse(JSON.stringify(data), (name, value: unknown) =>
    isCursor.test(name) && typeof value === 'string' ? 'a cursor' : value,
  );

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** The path at which two values differ first. */
function differenceOf(one: unknown, other: unknown): string {
  if (!isObject(one) || !isObject(other)) return '';
  const values = new Map<string, unknown>(Object.entries(other));
  const [name, value] =
    Object.entries(one).find(([key, inner]) => !isDeepStrictEqual(inner, values.get(key))) ?? [];
  if (name === undefined) return '';
  // List positions are omitted from the report.
  return (/^\d+$/.test(name) ? '' : `.${name}`) + differenceOf(value, values.get(name));
}

const endCursorOf = (data: unknown): string | undefined =>
  /"endCursor":"([^"]+)"/.exec(JSON.stringify(data))?.[1];

export const sum = (all: readonly Calls[]): Calls =>
  all.reduce((totals, calls) => calls.map((count, index) => count + (totals[index] ?? 0)), []);

/** What different servers answered differently, in words, with how often. */
export type Differences = Map<string, number>;

interface Options {
  readonly contestants: readonly Contestant[];
  readonly differences: Differences;
}

/** Gives the requests that lead from one page of a list to the next the cursors of each contestant. */
async function prepare(contestants: readonly Contestant[], requests: readonly Request[]) {
  const continuations = requests.filter(({ follows }) => follows !== undefined);
  const prepared = await Promise.all(
    contestants.map(async ({ start }) => {
      const guide = await start();
      const own = new Map<string, Request>();
      for (const request of continuations) {
        const { follows, variables } = request;
        if (follows === undefined || own.has(requestKey(request))) continue;
        const after = endCursorOf(await guide.ask(follows));
        own.set(requestKey(request), { ...request, variables: { ...variables, after } });
      }
      await guide.stop();
      return own;
    }),
  );
  return (request: Request, contestant: number): Request =>
    prepared[contestant]?.get(requestKey(request)) ?? request;
}

/** Answers that differ from the first contestant's are noted in `differences`. The function it gives starts all of them anew. */
export async function createContests(
  { contestants, differences }: Options,
  requests: readonly Request[],
): Promise<(latencyMs?: number) => Promise<Contest>> {
  const ownRequest = await prepare(contestants, requests);

  function compare(request: Request, answers: readonly unknown[]): void {
    const [expected] = answers;
    for (const [index, answer] of answers.entries()) {
      if (isDeepStrictEqual(answer, expected)) continue;
      const names = `${contestants[0]?.name ?? ''} and ${contestants[index]?.name ?? ''}`;
      const text = `${request.name}: ${names} differ in ${differenceOf(expected, answer).slice(1)}`;
      differences.set(text, (differences.get(text) ?? 0) + 1);
    }
  }

  async function askOne(contender: Contender, request: Request, times: number) {
    const before = contender.calls();
    const answers = await Promise.all(
      Array.from({ length: times }, async () => comparable(await contender.ask(request))),
    );
    const odd = answers.find((answer) => !isDeepStrictEqual(answer, answers[0]));
    return { calls: contender.calls() - before, answer: odd ?? answers[0] };
  }

  return async (latencyMs) => {
    const contenders = await Promise.all(contestants.map(({ start }) => start(latencyMs)));

    async function ask(request: Request, times = 1): Promise<Calls> {
      const asked = await Promise.all(
        contenders.map((contender, index) => askOne(contender, ownRequest(request, index), times)),
      );
      compare(
        request,
        asked.map(({ answer }) => answer),
      );
      return asked.map(({ calls }) => calls);
    }

    function wait(ms: number): void {
      for (const contender of contenders) contender.wait(ms);
    }

    return {
      ask,
      async askInTurn(inTurn, pauseMs = 0) {
        const nothing = contenders.map(() => 0);
        const reads: Calls[] = [nothing];
        const writes: Calls[] = [nothing];
        for (const request of inTurn) {
          (request.isWrite ? writes : reads).push(await ask(request));
          wait(pauseMs);
        }
        return { reads: sum(reads), writes: sum(writes) };
      },
      async askTogether(together) {
        return Promise.all(
          contenders.map(async (contender, index) => {
            const before = contender.calls();
            await Promise.all(together.map((request) => contender.ask(ownRequest(request, index))));
            return contender.calls() - before;
          }),
        );
      },
      wait,
      async stop() {
        await Promise.all(contenders.map((contender) => contender.stop()));
      },
    };
  };
}
