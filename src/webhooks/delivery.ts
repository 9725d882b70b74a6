import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parseJson } from '../lib/json.ts';
import {
  decodeId,
  decodeIdOrNull,
  decodeObject,
  decodeText,
  decodeTime,
} from '../upstream/decode.ts';
import { UpstreamError } from '../upstream/errors.ts';

export type WebhookPayload = Readonly<Record<string, unknown>>;

/** One event as the helpdesk delivers it. */
export interface WebhookDelivery {
  /** The same when the delivery is tried again. */
  readonly id: string;
  readonly event: string;
  readonly data: WebhookPayload;
  /** When it happened, by the helpdesk's clock, which tells whole seconds; null when it does not say. */
  readonly occurredAt: number | null;
}

/** Whether the signature is the body's, in a time that does not depend on the right one. What is no signature costs no hash. */
export function isSignatureValid(body: Buffer, signature: unknown, secret: string): boolean {
  if (typeof signature !== 'string' || !/^[0-9a-f]{40}$/i.test(signature)) return false;
  const expected = createHmac('sha1', secret).update(body).digest();
  return timingSafeEqual(Buffer.from(signature, 'hex'), expected);
}

function parse(json: string): unknown {
  try {
    return parseJson(json);
  } catch (cause) {
    throw new UpstreamError('malformed', 'A delivery is not usable JSON.', { cause });
  }
}

const maxIdLength = 100;

/** Fails with `malformed` when it cannot be told what was delivered. */
export function deliveryFromWire(body: Buffer): WebhookDelivery {
  const wire = decodeObject(parse(body.toString()), 'delivery');
  const event = decodeText(wire['event'], 'delivery.event');
  if (event === null) throw new UpstreamError('malformed', 'A delivery has no event.');
  const eventData = wire['eventData'];
  const data = decodeObject(
    typeof eventData === 'string' ? parse(eventData) : eventData,
    'delivery.eventData',
  );
  const givenId = decodeText(wire['id'], 'delivery.id');
  const hasUsableId = givenId !== null && givenId !== '' && givenId.length <= maxIdLength;
  // Without a name, what is delivered again is known by what it says.
  const content = JSON.stringify([event, data, wire['createdAt'] ?? null]);
  return {
    id: hasUsableId ? givenId : createHash('sha256').update(content).digest('base64url'),
    event,
    data,
    occurredAt: decodeTime(wire['createdAt'], 'delivery.createdAt'),
  };
}

/** The helpdesk has been seen to spell it in more than one way. */
export function chatIdOf(data: WebhookPayload): string {
  const spellings = ['chat_id', 'chatId', 'id'];
  const [chatId] = spellings.flatMap((field) => decodeIdOrNull(data[field], 'chat.id') ?? []);
  return decodeId(chatId, 'delivered chat.id');
}
