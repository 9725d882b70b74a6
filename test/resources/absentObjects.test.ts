import { expect, test } from '@jest/globals';
import { startDemo } from '../support/gateway.ts';

const document = `{
  chats(first: 100) { nodes { id status customer { id } assignee { id } department { id } } }
  customers(first: 20) { nodes { id device { id } location { city } customData } }
  chat(id: 5001) { messages { nodes { id agent { id } } } }
}`;

test('objects that HelpCrunch writes as empty lists are null, as those that it writes as null', async () => {
  await using demo = await startDemo({ customers: 20, chats: 100 });
  const asNull = await demo.query(document);

  demo.simulator.behave({ absentObjects: 'array', emptyCustomData: 'array' });
  const asList = await demo.query(document);

  expect(asNull.errors).toEqual([]);
  expect(asList.errors).toEqual([]);
  expect(asList.data).toEqual(asNull.data);
  const { nodes } = asList.data.chats;
  for (const field of ['assignee', 'department']) {
    expect(nodes.filter((chat: Record<string, unknown>) => chat[field] === null)).not.toEqual([]);
  }
});
