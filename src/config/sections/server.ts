import { basePath, boolean, integer, oneOf, text } from '../parsers.ts';
import { setting } from '../setting.ts';

export const server = {
  host: setting('HOST', text, {
    default: '127.0.0.1',
    description: 'Host name or address to listen on.',
  }),
  port: setting('PORT', integer(0, 65_535), {
    default: 4_000,
    description: 'Port to listen on. `0` picks a free port and prints it.',
  }),
  basePath: setting('BASE_PATH', basePath, {
    default: '',
    defaultText: '`/`',
    description:
      'Prefix of every path, for a proxy that does not remove it ([deployment.md](deployment.md#reverse-proxies)).',
  }),
  metricsServer: {
    host: setting('METRICS_HOST', text, {
      default: '127.0.0.1',
      description: 'Host name or address to listen on for `METRICS_PORT`.',
    }),
    port: setting('METRICS_PORT', integer(0, 65_535), {
      description:
        'Port of a separate server for `/metrics`, `/healthz` and `/readyz` ([operations.md](operations.md#metrics)). With `NODE_ENV=production` only it serves `/metrics`.',
    }),
  },
  environment: {
    name: setting('NODE_ENV', oneOf('production', 'development', 'test'), {
      defaultText: '`development`',
      description:
        '`production` disables introspection, the explorers, suggestions in error messages and the default CORS origins.',
    }),
    isDemoAllowed: setting('DEMO', boolean, {
      default: false,
      description:
        'Allows simulated data with `NODE_ENV=production` or on a `HOST` that other machines reach.',
    }),
  },
  shutdown: {
    delayMs: setting('SHUTDOWN_DELAY_MS', integer(0, 600_000), {
      default: 0,
      description:
        'Time in milliseconds after SIGTERM in which requests are still accepted while `/readyz` returns 503, so that load balancers stop sending requests.',
    }),
    graceMs: setting('SHUTDOWN_GRACE_MS', integer(0, 600_000), {
      default: 10_000,
      description:
        'Time in milliseconds after `SHUTDOWN_DELAY_MS` in which requests in progress may finish. `0` aborts them at once.',
    }),
  },
  logLevel: setting('LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error', 'silent'), {
    default: 'info',
    description: 'Lowest level that is logged. `info` and `debug` include one line per operation.',
  }),
  logFormat: setting('LOG_FORMAT', oneOf('json', 'pretty'), {
    defaultText: '`pretty` on a terminal outside production, otherwise `json`',
    description: 'Format of log lines on standard error.',
  }),
};
