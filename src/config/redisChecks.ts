import { redisPassword } from '../lib/redisUrl.ts';
import { isRemoteRedis } from './riskyValues.ts';
import type { SettingRule } from './settingRule.ts';

const unusedRedisSettings = [
  ...['CA', 'CERT', 'KEY'].map((file) => ({
    variable: `REDIS_TLS_${file}_FILE`,
    needs: /^rediss/,
  })),
  ...['USERNAME', 'PASSWORD'].map((credential) => ({
    variable: `REDIS_SENTINEL_${credential}`,
    needs: /^rediss?-sentinel:/,
  })),
].map(({ variable, needs }): SettingRule => ({
  name: `${variable} with another REDIS_URL`,
  variable,
  applies: (facts) => facts.has(variable) && !needs.test(facts.value('REDIS_URL')),
  message: variable.includes('TLS')
    ? 'has no effect without TLS. Set a REDIS_URL that begins with rediss:// or rediss-sentinel://, or remove it.'
    : 'has no effect without Sentinel. Set a REDIS_URL that begins with redis-sentinel://, or remove it.',
}));

/** Combinations of the settings of Redis that are never right. */
export const redisSettingErrors: readonly SettingRule[] = [
  ...unusedRedisSettings,
  {
    name: 'REDIS_KEY_PREFIX without REDIS_URL',
    variable: 'REDIS_KEY_PREFIX',
    applies: (facts) => facts.has('REDIS_KEY_PREFIX') && !facts.has('REDIS_URL'),
    message: 'needs REDIS_URL; without it nothing is stored in Redis.',
  },
  {
    name: 'REDIS_TLS_CERT_FILE without REDIS_TLS_KEY_FILE',
    variable: 'REDIS_TLS_CERT_FILE',
    applies: (facts) => facts.has('REDIS_TLS_CERT_FILE') !== facts.has('REDIS_TLS_KEY_FILE'),
    message: 'needs REDIS_TLS_KEY_FILE, and the key its certificate. Set both, or neither.',
  },
];

/** Combinations of the settings of Redis that can be intended. */
export const redisSettingWarnings: readonly SettingRule[] = [
  {
    name: 'REDIS_URL without TLS',
    variable: 'REDIS_URL',
    applies: (facts) => isRemoteRedis(facts.value('REDIS_URL'), false),
    message:
      'sends customer data unencrypted to another machine. Use rediss:// or rediss-sentinel:// unless the network is private.',
  },
  {
    name: 'REDIS_URL without a password',
    variable: 'REDIS_URL',
    applies: (facts) =>
      [true, false].some((isEncrypted) => isRemoteRedis(facts.value('REDIS_URL'), isEncrypted)) &&
      redisPassword(facts.value('REDIS_URL')) === '',
    message: 'has no password, so every client of Redis can read and change data. Set one.',
  },
];
