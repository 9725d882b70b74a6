import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const chatCount = 100;

/** The same sequence in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

const syllables = 'ka te mi so ru ven dor al be cha lin po quar sta thi um wen zo gri fel'.split(
  ' ',
);

/** Texts of random words, because repeated texts would compress better than those of customers. */
function createText(random: () => number): (words: number) => string {
  const syllable = () => syllables[Math.floor(random() * syllables.length)] ?? '';
  const word = () => Array.from({ length: 1 + Math.floor(random() * 3) }, syllable).join('');
  return (words) => Array.from({ length: words }, word).join(' ');
}

function createChats(): readonly object[] {
  const random = createRandom(1);
  const text = createText(random);
  const number = (max: number) => Math.floor(random() * max);
  return Array.from({ length: chatCount }, () => ({
    id: 1_000_000 + number(9_000_000),
    status: ['new', 'opened', 'pending', 'closed'][number(4)],
    createdAt: String(1_600_000_000 + number(90_000_000)),
    lastMessageText: text(12),
    customer: {
      id: 1_000_000 + number(9_000_000),
      name: text(2),
      email: `${text(1)}${number(1e6)}@example.com`,
    },
  }));
}

/** HelpCrunch with one list of chats. */
export async function startUpstream() {
  const body = JSON.stringify({ data: createChats(), meta: { total: chatCount } });
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, close: () => server.close() };
}
