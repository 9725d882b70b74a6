import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { configWarnings } from '../../src/config/loadConfig.ts';
import { allSettings } from '../../src/config/declarations.ts';
import { readConfig } from '../../src/config/settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'helpcrunch-secrets-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;

function fileWith(text: string): string {
  files += 1;
  const path = join(directory, String(files));
  writeFileSync(path, text);
  return path;
}

const first = '6f1c09d2a75b4e83b0a2c7d95e4f1836';
const second = 'b18b5e0d7c9a4f6e8d3c2b1a09f8e7d6';

describe('secrets in files', () => {
  test('every secret can be read from a file', () => {
    const names = allSettings.map(({ name }) => name);
    const secrets = allSettings.filter(
      ({ isSecret, name }) => isSecret && !name.endsWith('_PREVIOUS'),
    );

    expect(secrets.length).toBeGreaterThan(4);
    expect(secrets.filter(({ name }) => !names.includes(`${name}_FILE`))).toEqual([]);
  });

  test('the first line of a file is the secret, and the second the previous one', () => {
    const config = readConfig({
      AUTH: 'jwt',
      SUBGRAPH: 'true',
      HELPCRUNCH_API_KEY_FILE: fileWith('the-key\n'),
      HELPCRUNCH_WEBHOOK_SECRET_FILE: fileWith(`${first} \r\n${second}\n`),
      JWT_SECRET_FILE: fileWith(`${second}x\n${first}x`),
      ROUTER_SECRET_FILE: fileWith(`${first}-of-the-router\n`),
      REDIS_URL_FILE: fileWith('redis://:password@127.0.0.1:6379\n'),
    });

    expect(config).toMatchObject({
      apiKey: 'the-key',
      webhookSecret: first,
      previousWebhookSecret: second,
      auth: { signedBy: { secret: `${second}x`, previousSecret: `${first}x` } },
      routerSecret: `${first}-of-the-router`,
      redisUrl: 'redis://:password@127.0.0.1:6379',
    });
  });

  test('a secret of a file satisfies the checks of combinations, and is checked itself', () => {
    const production = { NODE_ENV: 'production', ALLOW_UNAUTHENTICATED: 'true' };
    const keyFile = fileWith('key');

    expect(readConfig({ ...production, HELPCRUNCH_API_KEY_FILE: keyFile }).apiKey).toBe('key');
    expect(() => readConfig({ AUTH: 'jwt', JWT_SECRET_FILE: fileWith('short') })).toThrow(
      'JWT_SECRET: must have at least 32 bytes',
    );
    expect(() =>
      readConfig({ AUTH: 'jwt', JWT_SECRET_FILE: fileWith(first), HELPCRUNCH_API_KEY: first }),
    ).toThrow('must differ from');
    expect(configWarnings({ HELPCRUNCH_API_KEY_FILE: keyFile, HELPCRUNCH_API_KEY: '' })).toEqual(
      [],
    );
  });

  test.each([
    ['a missing file', () => ({ ROUTER_SECRET_FILE: '/nowhere' }), 'cannot be read'],
    ['an empty file', () => ({ ROUTER_SECRET_FILE: fileWith('\nx') }), 'is empty'],
    [
      'a secret that is given twice',
      () => ({ ROUTER_SECRET_FILE: fileWith('x'), ROUTER_SECRET: 'y' }),
      'ROUTER_SECRET_FILE: cannot be combined with ROUTER_SECRET',
    ],
    [
      'a previous secret that is given twice',
      () => ({ JWT_SECRET_FILE: fileWith(`${first}\n${second}`), JWT_SECRET_PREVIOUS: second }),
      'JWT_SECRET_PREVIOUS: is also the second line',
    ],
    [
      'a previous secret without a current one',
      () => ({ HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS: first }),
      'HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS: needs HELPCRUNCH_WEBHOOK_SECRET',
    ],
  ])('%s is rejected at start', (_name, settings, message) => {
    expect(() => readConfig(settings())).toThrow(message);
  });
});
