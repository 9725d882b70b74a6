// Many subscribers in a process of their own: they count what they hear, and when they heard it last.
import { WebSocket } from 'ws';

const [url = '', count = '', isAlike = ''] = process.argv.slice(2);
const wanted = Number(count);
/** So many at a time shake hands. */
const crowd = 100;

let heard = 0;

const now = () => performance.timeOrigin + performance.now();

function note(): void {
  heard += 1;
  if (heard % wanted === 0) process.send?.({ heard, at: now() });
}

const queryOf = (index: number): string =>
  `subscription { chatUpdated { change chat { id ${isAlike === 'true' ? '' : `s${index}: `}status readByAgent } } }`;

const subscribe = (index: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
    socket.on('error', reject);
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data: Buffer) => {
      if (!data.includes('connection_ack')) {
        note();
        return;
      }
      const payload = { query: queryOf(index) };
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }), () => resolve());
    });
  });

for (let index = 0; index < wanted; index += crowd) {
  const size = Math.min(crowd, wanted - index);
  await Promise.all(Array.from({ length: size }, (_, place) => subscribe(index + place)));
}
process.send?.({ ready: true });
