import { startSimulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { createManualClock } from '../support/manualClock.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // What comes back is what the tests are about: they look into it freely.
  readonly body: any;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A small account on a clock that stands still, without a rate limit, and a way to call it. */
export async function startAccount(options: SimulatorOptions = {}) {
  const clock = createManualClock();
  const simulator = await startSimulator({
    clock,
    rateLimit: 0,
    customers: 120,
    chats: 400,
    ...options,
  });

  const call = async (method: string, path: string, request: CallOptions = {}): Promise<Reply> => {
    const response = await fetch(simulator.url + path, {
      method,
      headers: { authorization: `Bearer ${simulator.key}`, ...request.headers },
      ...(request.body !== undefined && {
        body: typeof request.body === 'string' ? request.body : JSON.stringify(request.body),
      }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) };
  };

  return { simulator, clock, call };
}

export type TestAccount = Awaited<ReturnType<typeof startAccount>>;

export interface Row {
  readonly id: number;
  readonly [field: string]: unknown;
}

/** The members of a list. */
export const rowsOf = (body: { readonly data: unknown }): readonly Row[] =>
  body.data as readonly Row[];

/** The codes of an error body, the general one left out. */
export const codesOf = (body: { readonly errors: unknown }): readonly string[] =>
  (body.errors as readonly { readonly code: string }[])
    .map(({ code }) => code)
    .filter((code) => code !== 'invalid_request');

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const nowSeconds = (account: TestAccount): number => Math.floor(account.clock.now() / 1000);
