import type { GraphQLFormattedError } from 'graphql';
import type { SubscriptionResult } from '../graphql/subscriptions/run.ts';

/** How the results of an operation are written to a response that stays open. */
export interface StreamFormat {
  readonly contentType: string;
  /** Sent at once, because the head of the response is sent with the first byte. */
  readonly start: string;
  /** Sent while there are no results. */
  readonly heartbeat: string;
  result(result: SubscriptionResult): string;
  /** Sent after the last result. */
  readonly completion: string;
  /** Sent when the stream ends early, so that the client reconnects. */
  interruption(error: GraphQLFormattedError): string;
}

const comment = ':\n\n';

const formatEvent = (name: string, data: string): string => `event: ${name}\ndata: ${data}\n\n`;

/** Server-sent events in the distinct connections mode of `graphql-sse`. */
export const eventStreamFormat: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  start: comment,
  heartbeat: comment,
  result: (result) => formatEvent('next', JSON.stringify(result)),
  completion: formatEvent('complete', ''),
  // Clients reconnect when a stream ends without `complete`.
  interruption: () => '',
};

const delimiter = '\r\n--graphql';

/** A part with the delimiter that ends it: a client reads a part when it has received the next delimiter. */
const formatPart = (content: unknown): string =>
  `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(content)}${delimiter}`;

/** Apollo's multipart subscription protocol. */
export const multipartFormat: StreamFormat = {
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
  start: delimiter,
  heartbeat: formatPart({}),
  result: (payload) => formatPart({ payload }),
  completion: '--\r\n',
  interruption: (error) => `${formatPart({ payload: null, errors: [error] })}--\r\n`,
};

/** Items of a list, whose quoted strings may contain commas. */
const listItems = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g;

const formatPatterns: readonly (readonly [RegExp, StreamFormat])[] = [
  [/^\s*text\/event-stream\s*(;|$)/i, eventStreamFormat],
  [/^\s*multipart\/mixed\s*(;.*)?;\s*subscriptionSpec="?1\.0"?\s*(;|$)/i, multipartFormat],
];

const jsonPattern = /^\s*(application\/(graphql-response\+json|json|\*)|\*\/\*)\s*(;|$)/i;

const weightOf = (range: string): number => {
  const [, weight] = /;\s*q=([0-9.]+)\s*(;|$)/i.exec(range) ?? [];
  return weight === undefined ? 1 : Number(weight) || 0;
};

/** What a client accepts for results of an operation. */
export interface AcceptedStream {
  /** The preferred format; undefined for none. */
  readonly format: StreamFormat | undefined;
  /** Whether the client also accepts a single response. */
  readonly acceptsJson: boolean;
}

/** Reads the header `Accept`. */
export function parseAcceptedStream(accept = ''): AcceptedStream {
  // Most clients accept no stream.
  if (!/event-stream|multipart/i.test(accept)) return { format: undefined, acceptsJson: true };
  const ranges = (accept.match(listItems) ?? []).filter((range) => weightOf(range) > 0);
  const formats = ranges.flatMap((range) => {
    const [, format] = formatPatterns.find(([pattern]) => pattern.test(range)) ?? [];
    return format === undefined ? [] : [{ format, weight: weightOf(range) }];
  });
  const [preferred] = formats.sort((a, b) => b.weight - a.weight);
  return {
    format: preferred?.format,
    acceptsJson: ranges.some((range) => jsonPattern.test(range)),
  };
}
