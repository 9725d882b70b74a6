import { LRUCache } from 'lru-cache';

/** One value of a list header with its weight (RFC 9110, section 12.4.2). */
export interface Preference {
  readonly value: string;
  readonly weight: number;
  readonly parameters: readonly string[];
}

/** Clients send few different headers, and parsing one takes as long as a hit of the response cache. */
const maxMemoized = 200;

export function memoized<Result>(
  negotiate: (header: string) => Result,
): (header: string) => Result {
  const results = new LRUCache<string, { readonly result: Result }>({ max: maxMemoized });
  return (header) => {
    const known = results.get(header);
    if (known !== undefined) return known.result;
    const result = negotiate(header);
    results.set(header, { result });
    return result;
  };
}

/** Items of a list, whose quoted strings may contain commas. */
const listItems = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g;

function weightIn(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [, weight] = /^\s*q\s*=\s*([0-9.]+)\s*$/i.exec(parameter) ?? [];
    if (weight !== undefined) return Math.min(1, Number(weight)) || 0;
  }
  return 1;
}

export const preferencesIn = (header: string): Preference[] =>
  (header.match(listItems) ?? []).flatMap((item) => {
    const [value = '', ...parameters] = item.split(';');
    const name = value.trim().toLowerCase();
    return name === '' ? [] : [{ value: name, weight: weightIn(parameters), parameters }];
  });

export const jsonType = 'application/json; charset=utf-8';
export const graphqlResponseType = 'application/graphql-response+json; charset=utf-8';

/** The media types of GraphQL responses. */
export type ResponseMediaType = typeof jsonType | typeof graphqlResponseType;

/** The media ranges that match each type, the most specific first. */
const mediaRanges: Readonly<Record<ResponseMediaType, readonly string[]>> = {
  [jsonType]: ['application/json', 'application/*', '*/*'],
  [graphqlResponseType]: ['application/graphql-response+json', 'application/*', '*/*'],
};

const responseMediaTypes: readonly ResponseMediaType[] = [jsonType, graphqlResponseType];

/**
 * The media type for a response to a client with this `Accept`: by weight, then by precision, then in the client's order. Undefined if
 * the client accepts neither.
 */
export const negotiateMediaType = memoized((accept): ResponseMediaType | undefined => {
  const preferences = preferencesIn(accept);
  if (preferences.length === 0) return jsonType;
  const candidates = responseMediaTypes.flatMap((type) => {
    const ranges = mediaRanges[type];
    const precision = ranges.findIndex((range) => preferences.some(({ value }) => value === range));
    const order = preferences.findIndex(({ value }) => value === ranges[precision]);
    const weight = preferences[order]?.weight ?? 0;
    return weight > 0 ? [{ type, weight, precision, order }] : [];
  });
  const [best] = candidates.sort(
    (a, b) => b.weight - a.weight || a.precision - b.precision || a.order - b.order,
  );
  return best?.type;
});

/** Whether the client names this media type. */
export const acceptsJsonByName = memoized((accept) =>
  preferencesIn(accept).some(({ value }) => value === 'application/json'),
);

export type ContentCoding = 'br' | 'gzip';

interface AcceptedCodings {
  /** Undefined for none. */
  readonly preferred: ContentCoding | undefined;
  /** Whether a response may have no coding. */
  readonly acceptsIdentity: boolean;
}

/** The content coding for a response to a client with this `Accept-Encoding` (RFC 9110, section 12.5.3). */
export const negotiateCoding = memoized((acceptEncoding): AcceptedCodings => {
  const weights = new Map(
    preferencesIn(acceptEncoding).map(({ value, weight }) => [value, weight]),
  );
  const others = weights.get('*');
  const identity = weights.get('identity') ?? (others === 0 ? 0 : undefined);
  const br = weights.get('br') ?? others ?? 0;
  const gzip = weights.get('gzip') ?? weights.get('x-gzip') ?? others ?? 0;
  const [coding, weight] = gzip > br ? (['gzip', gzip] as const) : (['br', br] as const);
  return {
    preferred: weight > 0 && weight >= (identity ?? 0) ? coding : undefined,
    acceptsIdentity: identity !== 0,
  };
});
