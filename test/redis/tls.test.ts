import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { createCertificates } from '../support/certificates.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { freePort, hasRedis, startRedis } from '../support/redis.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const oneHour = 3_600_000;
const query = '{ chat(id: 1) { id status } }';

describeWithRedis('Redis with TLS (needs Redis)', () => {
  async function startTlsRedis({ path }: Awaited<ReturnType<typeof createCertificates>>) {
    const tlsPort = await freePort();
    const redis = await startRedis([
      ...['--tls-port', String(tlsPort), '--tls-auth-clients', 'yes'],
      ...['--tls-ca-cert-file', path('authority.pem')],
      ...['--tls-cert-file', path('server.pem'), '--tls-key-file', path('server.key')],
    ]);
    return { ...redis, tlsUrl: `rediss://127.0.0.1:${tlsPort}` };
  }

  test('instances share through a Redis that requires certificates of clients', async () => {
    await using certificates = await createCertificates();
    await using server = await startTlsRedis(certificates);
    await using upstream = await startControlledUpstream();
    upstream.seed({ chats: [{ id: 1 }] });
    const { redis, redisUrl } = readConfig({
      ACCOUNT: 'acme',
      REDIS_URL: server.tlsUrl,
      REDIS_TLS_CA_FILE: certificates.path('authority.pem'),
      REDIS_TLS_CERT_FILE: certificates.path('client.pem'),
      REDIS_TLS_KEY_FILE: certificates.path('client.key'),
    });
    const cacheTtlsMs = { chats: oneHour, customers: oneHour, account: oneHour, absent: oneHour };
    const config = { redis, redisUrl, cacheTtlsMs, rateLimit: 0 };
    await using first = await startTestGateway({ upstream, config });
    await using second = await startTestGateway({ upstream, config });
    for (const { url } of [first, second]) {
      while (!(await (await fetch(`${url}/readyz`)).text()).includes('"up"'));
    }

    await first.query(query);
    while ((await server.command('KEYS', '*:entry:*')).length === 0);
    const { data, extensions } = await second.query(query);

    expect(data.chat.id).toBe('1');
    expect(extensions.upstream.calls).toBe(0);
  });

  test.each([
    ['no certificate of the gateway', { ca: 'authority.pem' }],
    ['a certificate of Redis by an authority that is not trusted', { ca: 'stranger.pem' }],
  ])('%s makes Redis unavailable', async (_name, { ca }) => {
    await using certificates = await createCertificates();
    await using server = await startTlsRedis(certificates);
    await using upstream = await startControlledUpstream();
    const pem = (name: string) => readFileSync(certificates.path(name), 'utf8');
    const hasCertificate = ca === 'stranger.pem';
    const { redis } = readConfig({});
    await using gateway = await startTestGateway({
      upstream,
      config: {
        redisUrl: server.tlsUrl,
        redis: {
          ...redis,
          tls: {
            ca: pem(ca),
            cert: hasCertificate ? pem('client.pem') : undefined,
            key: hasCertificate ? pem('client.key') : undefined,
          },
        },
      },
    });

    while (!gateway.logged.join('').includes('redis unavailable'))
      await gateway.query('{ __typename }');

    expect(await (await fetch(`${gateway.url}/healthz`)).json()).toMatchObject({ redis: 'down' });
    expect(await server.command('KEYS', '*')).toEqual([]);
  });
});
