import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import fastify from 'fastify';
import { addressesOf, listen } from '../../src/http/listen.ts';
import { silentLog } from '../../src/observability/log.ts';
import { exchange, head, openConnection } from '../support/rawHttp.ts';

test('the addresses of localhost are all that it has, and those of any other host are itself', async () => {
  const local = await lookup('localhost', { all: true });

  expect(await addressesOf('localhost')).toEqual(local.map(({ address }) => address));
  expect(await addressesOf('127.0.0.1')).toEqual(['127.0.0.1']);
  expect(await addressesOf('gateway.invalid')).toEqual(['gateway.invalid']);
});

test('the connections of all addresses belong to one server, and an address that cannot be bound is left out', async () => {
  const server = fastify();
  server.get('/', () => 'ok');
  const seen: (string | undefined)[] = [];
  server.server.on('connection', ({ localAddress }) => seen.push(localAddress));

  const url = await listen(server, {
    addresses: ['127.0.0.1', '127.0.0.2', '192.0.2.1'],
    port: 0,
    log: silentLog,
  });
  const second = url.replace('127.0.0.1', '127.0.0.2');
  const request = head('GET / HTTP/1.1', 'Host: localhost', 'Connection: close');
  const responses = [...(await exchange(url, request)), ...(await exchange(second, request))];
  const idle = await openConnection(second);
  idle.socket.destroy();
  await server.close();
  const [refused]: unknown[] = await once(
    connect({ host: '127.0.0.2', port: Number(new URL(url).port) }),
    'error',
  );

  expect(responses).toMatchObject([
    { status: 200, body: 'ok' },
    { status: 200, body: 'ok' },
  ]);
  expect(seen).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.2']);
  expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
});
