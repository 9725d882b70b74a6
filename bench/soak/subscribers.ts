import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { look } from './clients.ts';
import type { Tally } from './clients.ts';
import { subscriptions } from './operations.ts';

const longestStayMs = 4_000;

/** One stay: says hello, hears what happens and leaves, often without a word. */
async function stay(url: string, query: string, tally: Tally): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  socket.on('open', () => socket.send('{"type":"connection_init"}'));
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { readonly type: string; payload?: unknown };
    if (message.type === 'connection_ack') {
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
    }
    if (message.type !== 'next') return;
    tally.events += 1;
    look(tally, { query }, JSON.stringify(message.payload));
  });
  await sleep(Math.random() * longestStayMs);
  const manner = Math.random();
  if (manner < 0.3 && socket.readyState === WebSocket.OPEN)
    socket.send('{"id":"1","type":"complete"}');
  if (manner < 0.6) socket.close(1000);
  else socket.terminate();
}

/** The same over an event stream. */
async function stream(url: string, query: string, tally: Tally): Promise<void> {
  const leaving = new AbortController();
  const leave = setTimeout(() => leaving.abort(), Math.random() * longestStayMs);
  try {
    const response = await fetch(`${url}/graphql/stream`, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: leaving.signal,
    });
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body ?? []) {
      const events = (text + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = /^event: next\ndata: (.*)$/m.exec(event)?.[1];
        if (data === undefined) continue;
        tally.events += 1;
        look(tally, { query }, data);
      }
    }
  } catch {
    // It has left.
  } finally {
    clearTimeout(leave);
  }
}

/** A subscriber that comes and goes. */
export async function subscribe(
  { url, tally, place }: { readonly url: string; readonly tally: Tally; readonly place: number },
  signal: AbortSignal,
): Promise<void> {
  const query = subscriptions[place % subscriptions.length] ?? '';
  while (!signal.aborted) {
    await (place % 5 === 0 ? stream : stay)(url, query, tally);
  }
}
