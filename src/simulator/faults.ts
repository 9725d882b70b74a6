import type { Clock } from '../lib/clock.ts';

export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** A string is sent as it is, anything else as JSON. */
      readonly body?: unknown;
      /** Whether the request is carried out; false by default. */
      readonly isApplied?: boolean;
    }
  /** Breaks the connection once the request was read; it is not carried out. */
  | 'reset'
  /** Never responds and does not execute the request. */
  | 'hang'
  /** Executes the request and breaks the connection without a response. */
  | 'lose'
  /** Executes the request, sends half of the response and breaks the connection. */
  | 'truncate'
  /** Carries the request out and sends one byte each 100 ms. */
  | 'drip'
  /** 200 with a page; the request is not carried out. */
  | 'html'
  /** 200 with nothing; the request is not carried out. */
  | 'empty';

export interface FaultRule {
  /** `PUT`, `GET /chats/{chatId}` (that endpoint) or `GET /customers/7` (it and below); absent is every call. */
  readonly match?: string;
  /** How likely it strikes, 0 to 1; absent is always. */
  readonly rate?: number;
  /** How often it strikes at most; absent is without end. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface MatchedCall {
  readonly method: string;
  readonly path: string;
  /** The endpoint's path in the description; null when there is no such endpoint. */
  readonly template: string | null;
}

interface Faults {
  strike(call: MatchedCall): Fault | null;
}

/** `templates` are the endpoints' paths, so that `GET /chats` can mean the list alone. */
export function createFaults(
  rules: readonly FaultRule[],
  templates: ReadonlySet<string>,
  clock: Clock,
): Faults {
  const known = new Set([...templates].map(nameless));
  const struck = new Map<FaultRule, number>();
  return {
    strike(call) {
      for (const rule of rules) {
        const count = struck.get(rule) ?? 0;
        if (count >= (rule.times ?? Infinity)) continue;
        if (!isMatch(rule.match, call, known)) continue;
        if (rule.rate !== undefined && clock.random() >= rule.rate) continue;
        struck.set(rule, count + 1);
        return rule.fault;
      }
      return null;
    },
  };
}

// Parameters may be named at will: only their places count.
const nameless = (template: string): string => template.replace(/\{[^}]*\}/g, '{}');

function isMatch(
  match: string | undefined,
  call: MatchedCall,
  known: ReadonlySet<string>,
): boolean {
  if (match === undefined) return true;
  const [method, path] = match.split(' ');
  if (method !== call.method) return false;
  if (path === undefined) return true;
  const pattern = nameless(path);
  if (known.has(pattern)) return call.template !== null && nameless(call.template) === pattern;
  const folder = path.endsWith('/') ? path : `${path}/`;
  return call.path === path || call.path.startsWith(folder);
}
