import type { Random } from '../../src/simulator/random.ts';
import { inPieces, method, requestTarget, someHeaders, writeRequest } from './httpGrammar.ts';
import { describeBytes, ending, faultsOfExchange } from './rawHttp.ts';
import type { EntryPoint, RawCase } from './session.ts';
import { eachCase } from './session.ts';
import { bytes } from './values.ts';

type Header = readonly [string, string];

const upgrade = (random: Random): readonly Header[] => [
  [
    'Connection',
    random.weighted([
      ['Upgrade', 8],
      ['upgrade, keep-alive', 1],
      ['close', 1],
    ]),
  ],
  [
    'Upgrade',
    random.weighted([
      ['websocket', 6],
      ['x', 2],
      ['h2c', 2],
      ['TLS/1.3', 1],
      ['', 1],
    ]),
  ],
];

const socketHeaders: readonly ((random: Random) => Header)[] = [
  (random) => [
    'Sec-WebSocket-Version',
    random.weighted([
      ['13', 6],
      ['8', 1],
      ['x', 1],
      ['', 1],
    ]),
  ],
  (random) => [
    'Sec-WebSocket-Key',
    random.weighted([
      ['dGhlIHNhbXBsZSBub25jZQ==', 6],
      ['x', 1],
      ['', 1],
    ]),
  ],
  (random) => [
    'Sec-WebSocket-Protocol',
    random.pick([
      'graphql-transport-ws',
      'graphql-ws',
      'x, y',
      ',',
      'graphql-transport-ws, graphql-transport-ws',
    ]),
  ],
  (random) => [
    'Sec-WebSocket-Extensions',
    random.pick(['permessage-deflate', 'permessage-deflate; client_max_window_bits=99', ';', 'x']),
  ],
  (random) => ['HTTP2-Settings', random.pick(['AAMAAABkAAQAoAAAAAIAAAAA', '%'])],
];

/** Requests to change the protocol: targets, handshakes and what follows them. */
export const upgrades: EntryPoint<RawCase> = {
  name: 'upgrades',
  targets: ['production', 'demo', 'forward'],
  batchSize: 16,
  generate(random) {
    const head = writeRequest(random, {
      method: random.isLucky(0.2) ? method(random) : 'GET',
      target: random.isLucky(0.3) ? '/graphql' : requestTarget(random),
      headers: [
        ...someHeaders(random),
        ...upgrade(random),
        ...socketHeaders.flatMap((header) => (random.isLucky(0.7) ? [header(random)] : [])),
      ],
      body: '',
    });
    const rest = random.isLucky(0.3) ? bytes(random, random.integer(1, 60)) : Buffer.alloc(0);
    return { pieces: inPieces(random, Buffer.concat([head, rest])), ending: ending(random) };
  },
  describe: describeBytes,
  run: eachCase(faultsOfExchange),
};
