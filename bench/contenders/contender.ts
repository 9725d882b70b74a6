import { startSimulator } from '../../src/simulator/simulator.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createManualClock } from '../../test/support/manualClock.ts';
import type { Request } from '../request.ts';

/** A GraphQL server in front of its own simulator. */
export interface Contender {
  /** The data of the answer; fails when it has errors. */
  ask(request: Request): Promise<unknown>;
  /** The calls that HelpCrunch has received so far. */
  calls(): number;
  /** Advances its clock and that of its simulator. */
  wait(ms: number): void;
  stop(): Promise<void>;
}

/** Starts a server in front of a simulator with this limit of calls per minute; 0 is no limit. */
export type Serve = (helpCrunch: Simulator, clock: Clock, rateLimit: number) => Promise<Served>;

export interface Contestant {
  readonly name: string;
  readonly serve: Serve;
  /** Starts with an empty cache. The clock is real when HelpCrunch responds with a delay; otherwise it does not move. */
  start(latencyMs?: number): Promise<Contender>;
}

/** The server under test, once it listens. */
export interface Served {
  /** Where operations are posted to. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly unknown[];
  readonly extensions?: unknown;
}

export async function answerTo(url: string, { document, variables }: Request): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, variables }),
  });
  return (await response.json()) as Answer;
}

async function post(url: string, request: Request): Promise<unknown> {
  const { name, variables } = request;
  const { data, errors } = await answerTo(url, request);
  if (errors === undefined) return data;
  throw new Error(`${name} ${JSON.stringify(variables)} failed: ${JSON.stringify(errors)}`);
}

/** Puts a server in front of a fresh simulator: always the same account, at the same moment, without a limit. */
export const contestant = (name: string, serve: Serve): Contestant => ({
  name,
  serve,
  async start(latencyMs = 0) {
    let calls = 0;
    const manual = createManualClock();
    const clock = latencyMs > 0 ? systemClock : manual;
    const onCall = () => {
      calls += 1;
    };
    const helpCrunch = await startSimulator({
      rateLimit: 0,
      clock,
      onCall,
      behaviour: { latencyMs },
    });
    const server = await serve(helpCrunch, clock, 0);
    return {
      ask: (request) => post(server.url, request),
      calls: () => calls,
      wait: (ms) => manual.advance(ms),
      async stop() {
        await server.stop();
        await helpCrunch.close();
      },
    };
  },
});
