import { text } from '../parsers.ts';
import { setting } from '../setting.ts';

const fileOf = (secret: string): string =>
  `File whose first line is \`${secret}\`. It is read again on SIGHUP ([operations.md](operations.md#rotation)).`;

const withPrevious = ' A second line is the previous value during a rotation.';

const path = text.describe('file');

/** Each is an alternative to the secret without `_FILE`. */
export const secretFiles = {
  secretFiles: {
    apiKey: setting('HELPCRUNCH_API_KEY_FILE', path, { description: fileOf('HELPCRUNCH_API_KEY') }),
    webhookSecret: setting('HELPCRUNCH_WEBHOOK_SECRET_FILE', path, {
      description: fileOf('HELPCRUNCH_WEBHOOK_SECRET') + withPrevious,
    }),
    jwtSecret: setting('JWT_SECRET_FILE', path, {
      description: fileOf('JWT_SECRET') + withPrevious,
    }),
    routerSecret: setting('ROUTER_SECRET_FILE', path, { description: fileOf('ROUTER_SECRET') }),
    redisSentinelPassword: setting('REDIS_SENTINEL_PASSWORD_FILE', path, {
      description: 'File whose first line is `REDIS_SENTINEL_PASSWORD`. It is read at start only.',
    }),
    redisUrl: setting('REDIS_URL_FILE', path, {
      description: 'File whose first line is `REDIS_URL`. It is read at start only.',
    }),
  },
};
