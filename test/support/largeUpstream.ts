import { startRecordingUpstream, wireChat } from './recordingUpstream.ts';

const agent = { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' };

const wireMessage = (id: number, chatId: number) => ({
  id,
  chat: { id: chatId },
  from: 'agent',
  agent,
  type: 'message',
  text: `Message ${id}`,
  read: true,
  edited: false,
  createdAt: String(1_603_885_600 + id),
  updatedAt: null,
  broadcastType: null,
});

const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** An upstream with a hundred chats of one customer, a hundred messages in each, and many agents. */
export async function startLargeUpstream({ agents = 1 } = {}) {
  const helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('*', ({ path, query }) => {
    const [, id, messages] = /^\/chats\/(\d+)(\/messages)?$/.exec(path) ?? [];
    const chatId = Number(id);
    if (messages !== undefined) {
      const limit = Number(query.get('limit'));
      return {
        body: { data: times(limit, (index) => wireMessage(index + 1, chatId)), total: 100 },
      };
    }
    if (id !== undefined) return { body: wireChat({ id: chatId }) };
    if (path.startsWith('/chats')) {
      const data = times(100, (index) => wireChat({ id: index + 1 }));
      return { body: { data, meta: { total: 100 } } };
    }
    if (path.startsWith('/agents')) {
      const data = times(agents, (index) => ({ ...agent, id: index + 1 }));
      return { body: { data, meta: { total: agents } } };
    }
    return { status: 404, body: { errors: [{ code: 'not_found' }] } };
  });
  return helpCrunch;
}
