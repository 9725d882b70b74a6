import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';

const errors = [{ code: 'not_found', message: 'Not found' }];
const notFound = { status: 404, body: { errors } };

test.each([
  'chats { nodes { id } }',
  'chats(filter: { status: NEW }) { nodes { id } }',
  'customers { nodes { id } }',
  'customers(filter: { name: { contains: "A" } }) { nodes { id } }',
  'customerByUserId(userId: "u-1") { id }',
  'agents { id }',
  'agent(id: 12) { id }',
  'departments { id }',
  'department(id: 3) { id }',
  'applications { id }',
  'organization { id }',
  'inboxSummary { open }',
  'inbox(view: UNREAD) { nodes { id } }',
])('a missing endpoint is UPSTREAM_INVALID_RESPONSE: %s', async (field) => {
  await using helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('*', notFound);
  await using gateway = await startTestGateway({ upstream: helpCrunch });

  const answer = await gateway.query(`{ ${field} }`);

  expect(answer.errors).toMatchObject([
    {
      message: 'HelpCrunch does not have this endpoint.',
      path: [/^\w+/.exec(field)?.[0]],
      extensions: {
        code: 'UPSTREAM_INVALID_RESPONSE',
        retryable: false,
        upstream: { status: 404, errors },
      },
    },
  ]);
});

test.each([
  'chat(id: 404) { id }',
  'customer(id: 404) { id }',
  'chat(id: 1) { messages { nodes { id } } }',
])('a 404 for an object is NOT_FOUND: %s', async (field) => {
  await using helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('*', notFound);
  helpCrunch.respond('GET /chats/1', { body: wireChat({ id: 1 }) });
  await using gateway = await startTestGateway({ upstream: helpCrunch });

  const answer = await gateway.query(`{ ${field} }`);

  expect(answer.errors).toMatchObject([
    { extensions: { code: 'NOT_FOUND', upstream: { status: 404, errors } } },
  ]);
});
