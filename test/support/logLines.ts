import { expect } from '@jest/globals';

/** The whole line of a malformed webhook of this machine. It is sampled by time and address. */
export const rejectedWebhookLine = {
  level: 40,
  time: expect.any(Number),
  msg: 'request rejected',
  address: '127.0.0.1',
  entryPoint: 'webhook',
  requestId: expect.any(String),
  reason: 'malformed',
  status: 400,
  code: 'BAD_REQUEST',
};
