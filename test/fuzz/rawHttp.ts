import { gzipSync } from 'node:zlib';
import type { Random } from '../../src/simulator/random.ts';
import {
  escaped,
  inPieces,
  method,
  requestTarget,
  someHeaders,
  writeRequest,
} from './httpGrammar.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResponse } from './oracle.ts';
import type { EntryPoint, RawCase, Session } from './session.ts';
import { eachCase, exchange, parseResponses } from './session.ts';
import { bytes, oddValue } from './values.ts';

/** Sends bytes on one connection and judges every response to them. */
export async function faultsOfExchange(input: RawCase, session: Session): Promise<Fault[]> {
  const received = await exchange(session.target.port, input);
  const leaks = session.secrets.faultsOf(received.toString('latin1'), 'a response');
  const responses = parseResponses(received);
  if (responses === undefined) return [...leaks, 'a response that is not HTTP'];
  return [...leaks, ...responses.flatMap(faultsOfResponse)];
}

export const describeBytes = ({ pieces, ending }: RawCase): string =>
  `bytes ${pieces.map((piece) => escaped(piece)).join(' then ')}, then ${ending}`;

export const ending = (random: Random): RawCase['ending'] =>
  random.weighted([
    ['wait', 20],
    ['half', 2],
    ['reset', 1],
  ]);

function body(random: Random): string {
  const json = JSON.stringify({ query: '{ __typename }', variables: oddValue(random) });
  return random.weighted([
    [() => '', 4],
    [() => json, 4],
    [() => `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`, 2],
    [() => 'zz\r\nx\r\n', 1],
    [() => gzipSync(json).toString('latin1'), 1],
    [() => bytes(random, random.integer(0, 200)).toString('latin1'), 1],
  ])();
}

function request(random: Random): Buffer {
  const content = body(random);
  const chosen = [...someHeaders(random)];
  if (content !== '' && random.isLucky(0.7)) {
    chosen.push(
      random.weighted([
        [['Content-Length', String(content.length)], 6],
        [['Content-Length', String(content.length + random.integer(-3, 30))], 1],
        [['Transfer-Encoding', 'chunked'], 2],
      ]),
      ['Content-Type', 'application/json'],
    );
  }
  if (random.isLucky(0.8)) chosen.push(['Connection', 'close']);
  return writeRequest(random, {
    method: method(random),
    target: requestTarget(random),
    headers: chosen,
    body: content,
  });
}

/** Request lines, headers and bodies as no client library would send them. */
export const rawHttp: EntryPoint<RawCase> = {
  name: 'rawHttp',
  targets: ['production', 'demo', 'forward'],
  batchSize: 16,
  generate(random) {
    const requests = Array.from(
      {
        length: random.weighted([
          [1, 8],
          [2, 1],
          [5, 1],
        ]),
      },
      () => request(random),
    );
    const all = random.isLucky(0.03)
      ? bytes(random, random.integer(1, 500))
      : Buffer.concat(requests);
    return { pieces: inPieces(random, all), ending: ending(random) };
  },
  describe: describeBytes,
  run: eachCase(faultsOfExchange),
};
