import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parseJson } from '../lib/json.ts';
import { decodeIfReadable, idOrNull, text, time } from '../upstream/codec.ts';
import { decodeId, decodeObject, decodeText } from '../upstream/decode.ts';
import { UpstreamError } from '../upstream/errors.ts';

export type WebhookPayload = Readonly<Record<string, unknown>>;

/** One event as HelpCrunch delivers it. */
export interface WebhookDelivery {
  /** The same for every attempt of a delivery. */
  readonly id: string;
  readonly event: string;
  /** Not decoded: nothing is known about the data of unknown events. */
  readonly eventData: unknown;
  /** The time of the event in whole seconds of HelpCrunch's clock; null if absent. */
  readonly occurredAt: number | null;
}

/** Compares in constant time. Malformed signatures are rejected without hashing the body. */
export function isSignatureValid(body: Buffer, signature: unknown, secret: string): boolean {
  if (typeof signature !== 'string' || !/^[0-9a-f]{40}$/i.test(signature)) return false;
  const expected = createHmac('sha1', secret).update(body).digest();
  return timingSafeEqual(Buffer.from(signature, 'hex'), expected);
}

function parse(json: string): unknown {
  try {
    return parseJson(json);
  } catch (cause) {
    throw new UpstreamError('malformed', 'The delivery is not valid JSON.', { cause });
  }
}

const maxIdLength = 100;

/** Decodes the envelope of a delivery. Fails with `malformed` if it has no event. */
export function deliveryFromWire(body: Buffer): WebhookDelivery {
  if (!isUtf8(body)) throw new UpstreamError('malformed', 'The delivery is not valid UTF-8.');
  const wire = decodeObject(parse(body.toString()), 'delivery');
  const event = decodeText(wire['event'], 'delivery.event');
  if (event === null) throw new UpstreamError('malformed', 'The delivery has no event.');
  const { eventData = null, createdAt = null } = wire;
  const givenId = decodeIfReadable(text, wire['id'], 'delivery.id') ?? '';
  const hasUsableId = givenId !== '' && givenId.length <= maxIdLength;
  // Without an id, attempts of one delivery are recognized by their content.
  const content = JSON.stringify([event, eventData, createdAt]);
  return {
    id: hasUsableId ? givenId : createHash('sha256').update(content).digest('base64url'),
    event,
    eventData,
    occurredAt: decodeIfReadable(time, createdAt, 'delivery.createdAt') ?? null,
  };
}

/** The data of a known event. Fails with `malformed` if it is not an object. */
export const payloadOf = ({ eventData }: WebhookDelivery): WebhookPayload =>
  decodeObject(typeof eventData === 'string' ? parse(eventData) : eventData, 'delivery.eventData');

/** HelpCrunch uses several field names for ids. The first one that is readable is used. */
function entityIdOf(data: WebhookPayload, fields: readonly string[], where: string): string {
  const [id] = fields.flatMap((field) => decodeIfReadable(idOrNull, data[field], where) ?? []);
  return decodeId(id, `delivered ${where}`);
}

export const chatIdOf = (data: WebhookPayload): string =>
  entityIdOf(data, ['chat_id', 'chatId', 'id'], 'chat.id');

export const customerIdOf = (data: WebhookPayload): string =>
  entityIdOf(data, ['id', 'customer_id', 'customerId'], 'customer.id');
