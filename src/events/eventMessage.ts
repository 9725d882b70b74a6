import { JsonError, parseJson } from '../lib/json.ts';
import type { Shape } from '../lib/shape.ts';
import { isDictionary, isNumber, isText, objectOf, oneOf } from '../lib/shape.ts';
import type { DomainEvent } from './bus.ts';
import { decodeOlderEvent, isDomainEvent } from './bus.ts';
import { derivedEventId, isEventId } from './eventIds.ts';

/** More than the longest message of a chat takes; a webhook has at most a megabyte. */
const maxMessageLength = 8_388_608;

interface LogPosition {
  readonly position: number;
  /** The id of the entry before, or that of the log. */
  readonly previousId: string;
}

/** A message of the channel of an account. The script that appends it to the log adds the last two fields. */
interface Envelope {
  readonly from: string;
  readonly sequence: number;
  readonly event?: DomainEvent;
  /** Builds without event ids omit it. */
  readonly eventId?: string;
  /** Events could not be published. */
  readonly isGap?: true;
  /** Builds without a log in Redis omit it. */
  readonly log?: LogPosition;
  /** Redis was full. */
  readonly isUnlogged?: true;
}

/** Undefined for a gap. */
type MessageContent = DomainEvent | undefined;

/** An event in the order of the log. */
export interface LoggedMessage extends LogPosition {
  readonly eventId: string;
  readonly content: MessageContent;
}

/** `older`: published by a build without a log in Redis. */
type EventMessage =
  | ({ readonly kind: 'logged' } & LoggedMessage)
  | {
      readonly kind: 'older' | 'unlogged';
      readonly eventId: string;
      readonly content: MessageContent;
    };

const isPosition: Shape<number> = (value): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0;

const isEnvelope = objectOf<Envelope>(
  {
    from: isText,
    sequence: isNumber,
    event: isDomainEvent,
    eventId: isEventId,
    isGap: oneOf(true),
    log: objectOf<LogPosition>({ position: isPosition, previousId: isEventId }),
    isUnlogged: oneOf(true),
  },
  ['from', 'sequence'],
);

const withDefaultEvent = (value: unknown): unknown =>
  isDictionary(value) && Object.hasOwn(value, 'event')
    ? { ...value, event: decodeOlderEvent(value['event']) }
    : value;

/** Undefined for a text of another form. */
export function parseOrUndefined(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** Undefined for a message of another form. */
export function parseEventMessage(text: string): EventMessage | undefined {
  if (text.length > maxMessageLength) return undefined;
  const value = withDefaultEvent(parseOrUndefined(text));
  if (!isEnvelope(value) || (value.event === undefined) !== (value.isGap === true))
    return undefined;
  const { from, sequence, event: content, log } = value;
  const eventId = value.eventId ?? derivedEventId(content?.atMs ?? 0, `${from} ${sequence}`);
  if (log !== undefined)
    return value.eventId === undefined ? undefined : { kind: 'logged', eventId, content, ...log };
  return { kind: value.isUnlogged === true ? 'unlogged' : 'older', eventId, content };
}

/** Older builds need the fields `from` and `sequence`. */
export const formatEventMessage = (from: string, eventId: string, event: MessageContent): string =>
  JSON.stringify({
    from,
    sequence: 0,
    eventId,
    ...(event === undefined ? { isGap: true } : { event }),
  } satisfies Envelope);
