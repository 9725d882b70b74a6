import type { Random } from '../../src/simulator/random.ts';
import type { RouterReply } from './callbackServer.ts';
import { randomOperation, subscriptionDocument } from './documentGrammar.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResponse } from './oracle.ts';
import { Draws } from './draws.ts';
import type { EntryPoint, Facts, Session } from './session.ts';
import { send } from './session.ts';
import { boundary, mutateJson, oddKey, oddValue } from './values.ts';

interface CallbackCase {
  readonly query: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What the router answers to each callback. */
  readonly replies: readonly RouterReply[];
  readonly role: 'agent' | 'customer';
  /** Tokens are accepted for some seconds after their expiry. */
  readonly expiresInSeconds: number | undefined;
  /** Where the callback address points if not at the router. */
  readonly url: string | undefined;
  /** The draws of a mutation of the whole body, or none. */
  readonly isMutated: boolean;
  readonly mutation: readonly number[];
  readonly isDrained: boolean;
}

/** 0 turns heartbeats off; the others are around the limits of the protocol and of timers. */
const intervals = [5_000, 0, 1_000, 86_400_000, 2 ** 31];

const replies = (random: Random): readonly RouterReply[] => {
  const reply = (): RouterReply =>
    random.weighted<RouterReply>([
      [204, 6],
      [200, 2],
      [404, 1],
      [500, 1],
      [302, 1],
      ['reset', 1],
      ['silence', 0.2],
    ]);
  return random.isLucky(0.7)
    ? [204, ...(random.isLucky(0.3) ? [reply()] : [])]
    : Array.from({ length: random.integer(1, 4) }, reply);
};

function generate(random: Random, facts: Facts): CallbackCase {
  const interval = random.weighted<() => unknown>([
    [() => random.pick(intervals), 8],
    [() => boundary(random, intervals), 2],
    [() => oddValue(random), 1],
    [() => undefined, 1],
  ])();
  return {
    query: random.isLucky(0.85)
      ? subscriptionDocument(random, facts)
      : randomOperation(random, facts).query,
    parameters: {
      subscriptionId: random.isLucky(0.1) ? oddValue(random) : 'subscription-1',
      verifier: random.isLucky(0.1) ? oddValue(random) : 'verifier-1',
      ...(interval === undefined ? {} : { heartbeatIntervalMs: interval }),
      ...(random.isLucky(0.1) ? { [oddKey(random)]: oddValue(random) } : {}),
    },
    replies: replies(random),
    role: random.weighted([
      ['agent', 5],
      ['customer', 1],
    ]),
    expiresInSeconds: random.weighted<number | undefined>([
      [undefined, 2],
      [-4, 4],
      [-3, 2],
      [-5, 1],
      [random.integer(-2, 1), 1],
    ]),
    url: random.weighted<string | undefined>([
      [undefined, 12],
      ['http://127.0.0.1:1/x', 1],
      ['//x', 1],
      ['file:///etc/passwd', 1],
      ['http://user:password@127.0.0.1/', 1],
      ['', 1],
    ]),
    isMutated: random.isLucky(0.1),
    mutation: Array.from({ length: 30 }, () => random.next()),
    isDrained: random.isLucky(0.01),
  };
}

/** Callbacks that the token does not end are left to the next drain. */
const longestMs = 2_500;

async function run(input: CallbackCase, session: Session, stop: Promise<unknown>) {
  const { target, callbacks } = session;
  const router = callbacks.expect(input.replies);
  const text = JSON.stringify({
    query: input.query,
    extensions: {
      subscription: {
        callbackUrl: input.url ?? callbacks.origin + router.path,
        ...input.parameters,
      },
    },
  });
  const response = await send(target.url, {
    method: 'POST',
    path: '/graphql',
    headers: {
      ...(await session.authorization({
        role: input.role,
        expiresInSeconds: input.expiresInSeconds,
      })),
      accept: 'application/json;callbackSpec=1.0',
      'content-type': 'application/json',
    },
    body: input.isMutated ? mutateJson(new Draws(input.mutation), text) : text,
  });
  const faults: Fault[] = response === undefined ? [] : [...faultsOfResponse(response)];
  const isSubscribed = response?.headers['subscription-protocol'] !== undefined;
  if (isSubscribed && input.isDrained) {
    const code = await target.drain();
    if (code !== 0) faults.push(`exit code ${String(code)} of a drain`);
  } else if (isSubscribed && input.expiresInSeconds !== undefined) {
    await Promise.race([router.isOver, target.ended, stop]);
  }
  router.forget();
  return faults;
}

/** Subscriptions whose events are posted to a router, which may refuse, fail or leave, while tokens expire. */
export const callbacks: EntryPoint<CallbackCase> = {
  name: 'callbacks',
  targets: ['production'],
  batchSize: 24,
  generate,
  describe: ({ query, parameters, replies: given, role, expiresInSeconds, url, isDrained }) =>
    `POST /graphql with Accept: application/json;callbackSpec=1.0 as ${role}, token with exp ${expiresInSeconds === undefined ? 'in an hour' : `${expiresInSeconds} s from now`}, ` +
    `extensions.subscription ${JSON.stringify({ callbackUrl: url ?? 'the router', ...parameters }).slice(0, 600)}, router replies ${JSON.stringify(given)}` +
    `${isDrained ? ', then SIGTERM' : ''}: ${query.slice(0, 500)}`,
  async run(cases, session) {
    let timer: NodeJS.Timeout | undefined;
    const stop = new Promise((resolve) => {
      timer = setTimeout(resolve, longestMs);
    });
    const faults = await Promise.all(cases.map((input) => run(input, session, stop)));
    clearTimeout(timer);
    return faults.flat();
  },
};
