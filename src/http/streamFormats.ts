import type { GraphQLFormattedError } from 'graphql';
import { memoized, negotiateMediaType, preferencesIn } from './contentNegotiation.ts';
import type { Preference } from './contentNegotiation.ts';
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

const formatEvent = (name: string, data: string, id?: string): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`;

/** Sent back as `Last-Event-ID` by clients that reconnect. */
const eventIdOf = ({ extensions }: SubscriptionResult): string | undefined => {
  const id = extensions?.['eventId'];
  return typeof id === 'string' ? id : undefined;
};

/** Server-sent events in the distinct connections mode of `graphql-sse`. */
export const eventStreamFormat: StreamFormat = {
  contentType: 'text/event-stream; charset=utf-8',
  start: comment,
  heartbeat: comment,
  result: (result) => formatEvent('next', JSON.stringify(result), eventIdOf(result)),
  completion: formatEvent('complete', ''),
  // Clients reconnect when a stream ends without `complete`.
  interruption: () => '',
};

const delimiter = '\r\n--graphql';

/** A part with the delimiter that ends it: a client reads a part when it has received the next delimiter. */
const formatPart = (content: unknown): string =>
  `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(content)}${delimiter}`;

/** Apollo's multipart subscription protocol. */
const multipartFormat: StreamFormat = {
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
  start: delimiter,
  heartbeat: formatPart({}),
  result: (payload) => formatPart({ payload }),
  completion: '--\r\n',
  interruption: (error) => `${formatPart({ payload: null, errors: [error] })}--\r\n`,
};

const subscriptionSpec = /^\s*subscriptionSpec\s*=\s*"?1\.0"?\s*$/i;

function formatOf({ value, parameters }: Preference): StreamFormat | undefined {
  if (value === 'text/event-stream') return eventStreamFormat;
  const isMultipart =
    value === 'multipart/mixed' && parameters.some((parameter) => subscriptionSpec.test(parameter));
  return isMultipart ? multipartFormat : undefined;
}

/** What a client accepts for the results of an operation. */
export interface AcceptedStream {
  /** The preferred format; undefined for none. */
  readonly format: StreamFormat | undefined;
  /** Whether the client also accepts a single response. */
  readonly acceptsJson: boolean;
}

/** Reads the header `Accept`. */
export const parseAcceptedStream = memoized((accept): AcceptedStream => {
  const formats = preferencesIn(accept).flatMap((preference) => {
    const format = preference.weight > 0 ? formatOf(preference) : undefined;
    return format === undefined ? [] : [{ format, weight: preference.weight }];
  });
  const [preferred] = formats.sort((a, b) => b.weight - a.weight);
  return {
    format: preferred?.format,
    acceptsJson: negotiateMediaType(accept) !== undefined,
  };
});
