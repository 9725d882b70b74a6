import type { Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import type { BehaviourState } from './behaviour.ts';
import type { SimulatorCall } from './callJournal.ts';
import type { Answer, Delivery } from './delivery.ts';
import { createFaults, type Fault, type MatchedCall } from './faults.ts';
import { createRateWindow } from './rateWindow.ts';
import { badRequest, notFound, Refusal, tooManyRequests, unauthorized } from './refusal.ts';
import { createRouter, type FoundRoute } from './routes.ts';
import type { Fields } from './validate.ts';

interface SimulatedApiOptions {
  readonly account: Account;
  readonly key: string;
  readonly rateLimit: number;
  readonly clock: Clock;
  readonly behaviour: BehaviourState;
}

/** A request as it came in. */
export interface Incoming {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly bodyText: string;
}

export interface Reply {
  readonly call: SimulatorCall;
  readonly answer: Answer;
  readonly delivery: Delivery;
  readonly delayMs: number;
}

interface SimulatedApi {
  respond(incoming: Incoming): Reply;
}

type Outcome = Pick<Reply, 'answer' | 'delivery'>;

const basePath = '/v1';
const queryNames = ['offset', 'limit', 'sort', 'order'] as const;
const withoutStatus: ReadonlySet<Delivery> = new Set(['reset', 'lose', 'hang']);
const bareOk: Answer = {
  status: 200,
  body: 'Ok',
  headers: { 'content-type': 'text/html; charset=UTF-8' },
};
const emptyAnswer: Answer = { status: 200, body: '' };

/** Determines each response: key, rate limit, fault, then endpoint. */
export function createSimulatedApi(options: SimulatedApiOptions): SimulatedApi {
  const { account, key, rateLimit, clock, behaviour } = options;
  const router = createRouter(account, () => behaviour.current);
  const rateWindow = createRateWindow(rateLimit, clock, () => behaviour.current.rateWindow);
  let rules = behaviour.current.faults;
  let faults = createFaults(rules, router.templates, clock);

  const strike = (call: MatchedCall): Fault | null => {
    // New rules count from the start; the old ones keep their count through other changes.
    if (rules !== behaviour.current.faults) {
      rules = behaviour.current.faults;
      faults = createFaults(rules, router.templates, clock);
    }
    return faults.strike(call);
  };

  const admit = (authorization: string | undefined): void => {
    if (!isAuthorized(authorization, key)) throw unauthorized();
    const waitMs = rateWindow.take();
    if (waitMs === 0) return;
    const seconds = String(Math.ceil(waitMs / 1000));
    throw tooManyRequests(behaviour.current.retryAfter ? { 'retry-after': seconds } : {});
  };

  const carryOut = (found: FoundRoute | null, query: Fields, body: ParsedBody): Answer => {
    if (found === null) throw notFound();
    if (!body.isJson) {
      throw badRequest([{ code: 'body', message: 'This value should be valid JSON.' }]);
    }
    const { route, id } = found;
    account.chats.wakeDue();
    const result = account.changes.duringApiWrite(() =>
      route.handle({ id, query, body: body.value }),
    );
    const { createdStatus, okBody } = behaviour.current;
    if (result === 'Ok' && okBody === 'text') return bareOk;
    return { status: route.creates === true ? createdStatus : 200, body: JSON.stringify(result) };
  };

  const decide = ({ authorization, method, url }: Incoming, body: ParsedBody): Outcome => {
    admit(authorization);
    const { pathname, query } = takeApart(pathOf(url));
    const found = isInside(url) ? router.find(method, pathname) : null;
    const template = found?.route.template ?? null;
    const fault = strike({ method, path: pathname, template });
    if (fault !== null && !isApplied(fault)) return outcomeOf(fault);
    const answer = attempt(() => carryOut(found, query, body));
    if (fault === null) return { answer, delivery: 'whole' };
    return typeof fault === 'string' ? { answer, delivery: fault } : outcomeOf(fault);
  };

  return {
    respond(incoming) {
      const body = parseBody(incoming.bodyText);
      const { method, url } = incoming;
      let outcome: Outcome;
      try {
        outcome = decide(incoming, body);
      } catch (error) {
        outcome = { answer: refusalAnswer(error), delivery: 'whole' };
      }
      const status = withoutStatus.has(outcome.delivery) ? 0 : outcome.answer.status;
      return {
        ...outcome,
        call: { method, path: pathOf(url), body: body.value, status },
        delayMs: behaviour.current.latencyMs,
      };
    },
  };
}

/** The scheme is case-insensitive; the key is opaque, so it is compared as a whole. */
export const isAuthorized = (authorization: string | undefined, key: string): boolean =>
  authorization?.replace(/^bearer /i, '') === key && authorization !== key;

const isInside = (url: string): boolean => url.startsWith(`${basePath}/`);

const pathOf = (url: string): string => (isInside(url) ? url.slice(basePath.length) : url);

interface ParsedBody {
  readonly value: unknown;
  readonly isJson: boolean;
}

/** The type of the content is not looked at: text that is JSON is taken as JSON. */
function parseBody(text: string): ParsedBody {
  if (text.trim() === '') return { value: undefined, isJson: true };
  try {
    return { value: JSON.parse(text), isJson: true };
  } catch {
    return { value: text, isJson: false };
  }
}

function takeApart(path: string): { readonly pathname: string; readonly query: Fields } {
  const mark = path.indexOf('?');
  const pathname = (mark === -1 ? path : path.slice(0, mark)).replace(/\/$/, '');
  if (mark === -1) return { pathname, query: {} };
  const parameters = new URLSearchParams(path.slice(mark + 1));
  const known = queryNames.filter((name) => parameters.has(name));
  return { pathname, query: Object.fromEntries(known.map((name) => [name, parameters.get(name)])) };
}

function attempt(carry: () => Answer): Answer {
  try {
    return carry();
  } catch (error) {
    return refusalAnswer(error);
  }
}

function refusalAnswer(error: unknown): Answer {
  if (!(error instanceof Refusal)) {
    const entry = { code: 'internal_error', message: String(error) };
    return { status: 500, body: JSON.stringify({ errors: [entry] }) };
  }
  return {
    status: error.status,
    body: JSON.stringify({ errors: error.entries }),
    headers: error.headers,
  };
}

const isApplied = (fault: Fault): boolean =>
  typeof fault === 'string'
    ? fault === 'truncate' || fault === 'drip' || fault === 'lose'
    : fault.isApplied === true;

function outcomeOf(fault: Fault): Outcome {
  if (typeof fault === 'string') return { answer: emptyAnswer, delivery: fault };
  const { status, headers = {}, body = '' } = fault;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { answer: { status, body: text, headers }, delivery: 'whole' };
}
