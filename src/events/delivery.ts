import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parseJson } from '../support/json.ts';
import { id, idOrNull, record, text, time } from '../upstream/decode.ts';
import { UpstreamError } from '../upstream/errors.ts';

export type Wire = Readonly<Record<string, unknown>>;

/** One event as the helpdesk delivers it. */
export interface Delivery {
  /** The same when the delivery is tried again. */
  readonly id: string;
  readonly event: string;
  readonly data: Wire;
  /** When it happened, by the helpdesk's clock, which tells whole seconds; null when it does not say. */
  readonly at: number | null;
}

/** Whether the signature is the body's, in a time that does not depend on the right one. What is no signature costs no hash. */
export function isSigned(body: Buffer, signature: unknown, secret: string): boolean {
  if (typeof signature !== 'string' || !/^[0-9a-f]{40}$/i.test(signature)) return false;
  const right = createHmac('sha1', secret).update(body).digest();
  return timingSafeEqual(Buffer.from(signature, 'hex'), right);
}

function parse(json: string): unknown {
  try {
    return parseJson(json);
  } catch (cause) {
    throw new UpstreamError('malformed', 'A delivery is not usable JSON.', { cause });
  }
}

const longestId = 100;

/** Fails with `malformed` when it cannot be told what was delivered. */
export function deliveryFromWire(body: Buffer): Delivery {
  const wire = record(parse(body.toString()), 'delivery');
  const event = text(wire['event'], 'delivery.event');
  if (event === null) throw new UpstreamError('malformed', 'A delivery has no event.');
  const given = wire['eventData'];
  const data = record(typeof given === 'string' ? parse(given) : given, 'delivery.eventData');
  const named = text(wire['id'], 'delivery.id');
  const isNamed = named !== null && named !== '' && named.length <= longestId;
  // Without a name, what is delivered again is known by what it says.
  const content = JSON.stringify([event, data, wire['createdAt'] ?? null]);
  return {
    id: isNamed ? named : createHash('sha256').update(content).digest('base64url'),
    event,
    data,
    at: time(wire['createdAt'], 'delivery.createdAt'),
  };
}

/** The helpdesk has been seen to spell it in more than one way. */
export function chatIdOf(data: Wire): string {
  const spellings = ['chat_id', 'chatId', 'id'];
  const [found] = spellings.flatMap((field) => idOrNull(data[field], 'chat.id') ?? []);
  return id(found, 'delivered chat.id');
}
