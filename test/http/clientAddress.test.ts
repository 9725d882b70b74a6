import fastify from 'fastify';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  clientAddressOf,
  clientNetwork,
  createIsTrustedProxy,
} from '../../src/http/clientAddress.ts';
import { propertyParameters } from '../support/propertyRuns.ts';

/** The address by Fastify, with its own reading of networks, and by the function for requests that never reach Fastify. */
async function addressesOf(
  trusted: number | readonly string[],
  { remoteAddress, forwarded }: { readonly remoteAddress: string; readonly forwarded?: string },
) {
  const isTrusted = createIsTrustedProxy(trusted);
  const server = fastify({ trustProxy: typeof trusted === 'number' ? isTrusted : [...trusted] });
  let ours: string | undefined;
  server.get('/', (request) => {
    ours = clientAddressOf(request.raw, isTrusted);
    return request.ip;
  });
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const { body } = await server.inject({ url: '/', remoteAddress, headers });
  await server.close();
  return { ours, fastifys: body };
}

describe('the address of a client', () => {
  test.each([
    [0, '192.0.2.9', '192.0.2.1', '192.0.2.9'],
    [1, '192.0.2.9', '192.0.2.1', '192.0.2.1'],
    [1, '192.0.2.9', '203.0.113.5, 192.0.2.1', '192.0.2.1'],
    [2, '192.0.2.9', '203.0.113.5,192.0.2.1', '203.0.113.5'],
    [9, '192.0.2.9', undefined, '192.0.2.9'],
    [1, '192.0.2.9', ' , ,', '192.0.2.9'],
    [['192.0.2.0/24'], '192.0.2.9', '203.0.113.5, 192.0.2.1', '203.0.113.5'],
    [['192.0.2.9'], '192.0.2.9', '203.0.113.5, 192.0.2.1', '192.0.2.1'],
    [['192.0.2.0/24'], '203.0.113.9', '192.0.2.1', '203.0.113.9'],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', '192.0.2.1', '192.0.2.1'],
    [['2001:db8::/32', '127.0.0.1'], '2001:db8::1', '192.0.2.1, 127.0.0.1', '192.0.2.1'],
    [['fe80::/10'], 'fe80::1%eth0', '192.0.2.1', '192.0.2.1'],
    [['128.0.0.0/1'], '192.0.2.9', 'unknown, 203.0.113.5', 'unknown'],
    [['192.0.2.0/24'], '192.0.2.9', '198.51.100.1, not an address', 'not an address'],
  ])(
    'with trusted proxies %j, a connection from %s with X-Forwarded-For %j has the client address %s',
    async (trusted, remoteAddress, forwarded, address) => {
      const request = { remoteAddress, ...(forwarded === undefined ? {} : { forwarded }) };

      expect(await addressesOf(trusted, request)).toEqual({ ours: address, fastifys: address });
    },
  );

  test('the client address of a WebSocket equals that of an HTTP request for any X-Forwarded-For', async () => {
    const address = fc.oneof(
      fc.constantFrom('192.0.2.1', '10.1.2.3', '2001:db8::7', '::1', '', 'x', 'fe80::1%e'),
      fc.ipV4(),
    );
    const trusted = fc.oneof(
      fc.nat(4),
      fc.subarray(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1'], { minLength: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(trusted, fc.array(address), fc.ipV4(), async (proxies, hops, remote) => {
        const forwarded = hops.join(', ');

        const { ours, fastifys } = await addressesOf(proxies, {
          remoteAddress: remote,
          forwarded,
        });

        expect(ours).toBe(fastifys);
      }),
      propertyParameters(100),
    );
  });
});

test.each([
  ['192.0.2.7:50000', '192.0.2.7'],
  ['[2001:db8:9::1]:443', '2001:db8:9::2'],
  ['2001:0DB8:9:0:0::1', '2001:db8:9::1'],
  ['::ffff:c000:0207', '192.0.2.7'],
  ['unknown1', 'unknown2'],
])('%s and %s are one client', (one, other) => {
  expect(clientNetwork(one)).toBe(clientNetwork(other));
});

test('addresses of two networks are two clients', () => {
  expect(clientNetwork('2001:db8:9::1')).not.toBe(clientNetwork('2001:db8:a::1'));
  expect(clientNetwork('192.0.2.7')).not.toBe(clientNetwork('192.0.2.8'));
});
