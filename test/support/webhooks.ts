import { createHmac, randomUUID } from 'node:crypto';

/** What the gateways of these tests expect webhooks to be signed with. */
export const webhookSecret = 'a signing key';

export interface TestDelivery {
  readonly event: string;
  readonly eventData: unknown;
  /** When it happened, in milliseconds, now unless given; the wire has whole seconds, and null for NaN. */
  readonly atMs?: number;
  readonly id?: unknown;
  readonly attempts?: number;
}

/** The delivery in the wire format of HelpCrunch. */
export const wireDelivery = ({
  event,
  eventData,
  atMs = Date.now(),
  id,
  attempts = 0,
}: TestDelivery): string =>
  JSON.stringify({
    event,
    eventData,
    attempts,
    lastAttemptAt: null,
    createdAt: Math.floor(atMs / 1000),
    id: id ?? randomUUID(),
  });

export const signatureOf = (body: string, secret = webhookSecret): string =>
  createHmac('sha1', secret).update(body).digest('hex');

/** Posts a body to a gateway, with a valid signature unless another one is given. */
export async function post(
  gateway: { readonly url: string },
  body: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(`${gateway.url}/webhooks/helpcrunch`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-helpcrunch-signature': signatureOf(body),
      ...headers,
    },
    body,
  });
  const answer: any = await response.json();
  return { status: response.status, outcome: answer.outcome, errors: answer.errors };
}

export const deliver = (gateway: { readonly url: string }, delivery: TestDelivery) =>
  post(gateway, wireDelivery(delivery));

type Fields = Readonly<Record<string, unknown>>;

/** The data of a chat event. */
export const chatData = ({ id, ...chat }: Fields): Fields => ({
  chat_id: id,
  communicatedAgents: [12],
  customer: chat['customer'],
  assignee: chat['assignee'],
  department: chat['department'],
  status: chat['status'],
  rating: chat['rating'],
  closedBy: chat['closedBy'],
  closedAt: chat['closedAt'],
  createdAt: '1603885600.125',
  snoozedUntil: chat['snoozedUntil'],
  applicationId: chat['applicationId'],
});
