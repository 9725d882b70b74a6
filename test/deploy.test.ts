import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { allSettings } from '../src/config/declarations.ts';
import { readConfig } from '../src/config/settings.ts';
import { unfailedCodes } from '../src/graphql/operationReport.ts';
import type { RecordingUpstream } from './support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from './support/recordingUpstream.ts';
import { startTestGateway } from './support/gateway.ts';
import { bearer, jwtAuth, startIssuer } from './support/issuer.ts';

const textOf = (path: string): string =>
  readFileSync(new URL(`../deploy/${path}`, import.meta.url), 'utf8');

interface Expression {
  readonly where: string;
  readonly expr: string;
}

const dashboard: any = JSON.parse(textOf('grafana-dashboard.json'));
const alerts: any = parse(textOf('alerts.yml'));

const expressions: readonly Expression[] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }: any) =>
    targets.map(({ expr }: any) => ({ where: `panel ${title}`, expr })),
  ),
  ...dashboard.templating.list.flatMap(({ name, query }: any) =>
    typeof query === 'string' ? [] : [{ where: `variable ${name}`, expr: query.query }],
  ),
  ...alerts.groups[0].rules.map(({ alert, expr }: any) => ({ where: `alert ${alert}`, expr })),
];

/** The metrics that an expression reads, and the labels by which it selects or groups them. */
function readIn({ expr }: Expression) {
  const names = expr.match(/\b(helpcrunch|process|nodejs)_\w+/g) ?? [];
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */));
  const matched = [...expr.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label!);
  return { names, labels: [...grouped, ...matched] };
}

/** What Prometheus adds itself, and what a histogram has. */
const otherLabels = ['job', 'instance', 'le'];

const hasIPv6 = Object.values(networkInterfaces())
  .flat()
  .some((network) => network?.address === '::1');
/** Values of `HOST`, of which some are not the address to call. */
const hosts = ['127.0.0.2', 'localhost', '0.0.0.0', ...(hasIPv6 ? ['::1', '::'] : [])];

let helpCrunch: RecordingUpstream;
let names: ReadonlySet<string>;
let labels: ReadonlySet<string>;
/** The metrics with a series that is 0. */
let zeroNames: ReadonlySet<string>;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat({ unknownField: 1 }) });
  await using issuer = await startIssuer();
  const token = await bearer({ role: 'agent' }, await issuer.addKey('one'));
  await using gateway = await startTestGateway({
    upstream: helpCrunch,
    config: {
      auth: jwtAuth({ signedBy: { jwksUrl: issuer.url } }),
      rateLimit: 1,
      refreshAhead: true,
      redisUrl: 'redis://127.0.0.1:1',
      webhookSecret: 'a-secret-of-the-test',
      logLevel: 'silent',
    },
  });
  // One is answered and one refused.
  await gateway.query('{ chat(id: 5208) { id } }', {}, token);
  await gateway.query('{ chat(id: 5208) { id } }', {}, token);
  await fetch(`${gateway.url}/nowhere`);
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  names = new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name!],
    ),
  );
  zeroNames = new Set([...text.matchAll(/^(\w+)(?:\{.*\})? 0$/gm)].map(([, name]) => name!));
  labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label!));
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

describe('dashboards and alerts', () => {
  test.each(expressions)('$where reads a metric that a running gateway exports', (expression) => {
    const read = readIn(expression);

    expect(read.names.filter((name) => !names.has(name))).toEqual([]);
    expect(
      read.labels.filter((label) => !labels.has(label) && !otherLabels.includes(label)),
    ).toEqual([]);
  });

  test('the share of failed operations leaves out those that have not failed', () => {
    const excluded = expressions.flatMap(({ expr }) =>
      [...expr.matchAll(/code!~"([^"]*)"/g)].map(([, codes]) => codes),
    );

    expect(excluded).toEqual([unfailedCodes.join('|')]);
  });

  test('the dashboard shows every metric of the gateway', () => {
    const shown = new Set(expressions.flatMap((expression) => readIn(expression).names));
    const parts = /_(bucket|sum|count)$/;
    const families = new Set([...shown].map((name) => name.replace(parts, '')));

    const own = [...names].filter((name) => name.startsWith('helpcrunch_'));
    expect(own.filter((name) => !families.has(name.replace(parts, '')))).toEqual([]);
  });

  test('a metric that is not exported is detected', () => {
    const { names: read, labels: by } = readIn({
      where: '',
      expr: 'sum by (colour) (rate(helpcrunch_nothing_total{shape="round"}[5m]))',
    });

    expect(read).toEqual(['helpcrunch_nothing_total']);
    expect(by).toEqual(['colour', 'shape']);
    expect(names.has('helpcrunch_nothing_total')).toBe(false);
  });

  test('an alert for an increase counts the first value of a series, or the series exists before', () => {
    const unsafe = alerts.groups[0].rules.flatMap(({ alert, expr }: any) => {
      const counters = [...expr.matchAll(/increase\((\w+)(\{[^}]*\})?\[(\w+)\]\)/g)];
      return counters.flatMap(([increase, name, selector = '', window]) => {
        const first = `${name}${selector} unless ${name}${selector} offset ${window} or ${increase}`;
        const isSafe = zeroNames.has(name) || expr.replace(/\s+/g, ' ').includes(first);
        return isSafe ? [] : [alert];
      });
    });

    expect(unsafe).toEqual([]);
  });

  test('every alert has a severity and a description', () => {
    for (const { alert, labels: own, annotations } of alerts.groups[0].rules) {
      expect({ alert, severity: own.severity }).toEqual({
        alert,
        severity: expect.stringMatching(/^(critical|warning)$/),
      });
      expect(annotations.summary).toMatch(/\.|\?$/);
    }
  });
});

describe('the container', () => {
  const rootFile = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

  test('the container image is built from existing files that .dockerignore includes', () => {
    const allowed = rootFile('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...rootFile('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, sources]) => sources!.split(' '),
    );

    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !allowed.includes(path))).toEqual([]);
    expect(copied.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual(
      [],
    );
  });

  test.each(['', '/support', '/support/'])(
    'the health check of the image calls the gateway below BASE_PATH=%s',
    async (BASE_PATH) => {
      const [, command = ''] = /^HEALTHCHECK .* CMD (.*)$/m.exec(rootFile('Dockerfile')) ?? [];
      const [, ...options]: readonly string[] = JSON.parse(command);
      const { basePath } = readConfig({ BASE_PATH });
      await using gateway = await startTestGateway({ upstream: helpCrunch, config: { basePath } });
      const exitOf = async (env: Readonly<Record<string, string>>) =>
        (await once(spawn(process.execPath, options, { env }), 'exit'))[0];
      const { port: PORT } = new URL(gateway.url);

      expect(await exitOf({ PORT, BASE_PATH })).toBe(0);
      expect(await exitOf({ PORT, BASE_PATH: '/elsewhere' })).toBe(1);
    },
  );

  test.each(hosts)('the health check of the image calls the gateway at HOST=%s', async (HOST) => {
    const [, command = ''] = /^HEALTHCHECK .* CMD (.*)$/m.exec(rootFile('Dockerfile')) ?? [];
    const [, ...options]: readonly string[] = JSON.parse(command);
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: { host: HOST } });
    const { port: PORT } = new URL(gateway.url);

    const [code] = await once(spawn(process.execPath, options, { env: { HOST, PORT } }), 'exit');

    expect(code).toBe(0);
  });

  describe('the compose file', () => {
    const { environment, ports } = parse(rootFile('compose.yaml')).services.gateway;

    test('the compose file publishes the API on this machine only, and no metrics', () => {
      expect(ports).toEqual(['127.0.0.1:4000:4000']);
    });

    /** What the container is given when the shell exports these. */
    const settingsWith = (exported: Readonly<Record<string, string>> = {}) => ({
      HOST: '0.0.0.0',
      NODE_ENV: 'production',
      ...Object.fromEntries(
        Object.entries<unknown>(environment).map(([name, value]) => [
          name,
          String(value).replace(
            /^\$\{(\w+):-(.*)\}$/,
            (_text, variable: string, usual: string) => exported[variable] ?? usual,
          ),
        ]),
      ),
    });
    const HELPCRUNCH_API_KEY = 'key';
    const JWT_SECRET = '6f1c09d2a75b4e83b0a2c7d95e4f1836';

    test('the compose file does not start without an API key', () => {
      expect(() => readConfig(settingsWith())).toThrow('HELPCRUNCH_API_KEY: is not set');
    });

    test('the compose file passes the previous value of each secret that it passes', () => {
      const previous = allSettings.flatMap(({ name }) =>
        name.endsWith('_PREVIOUS') && name.replace('_PREVIOUS', '') in environment ? [name] : [],
      );
      const exported = Object.fromEntries(previous.map((name) => [name, `of ${name}`]));

      expect(previous).toEqual(['HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS', 'JWT_SECRET_PREVIOUS']);
      expect(settingsWith(exported)).toMatchObject(exported);
    });

    test('the compose file starts during a rotation of secrets', () => {
      const exported = {
        ...{ HELPCRUNCH_API_KEY, AUTH: 'jwt', JWT_SECRET },
        JWT_SECRET_PREVIOUS: `previous ${JWT_SECRET}`,
        HELPCRUNCH_WEBHOOK_SECRET: 'a-secret-of-the-test',
        HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS: 'a-previous-secret-of-the-test',
      };

      expect(readConfig(settingsWith(exported))).toMatchObject({
        previousWebhookSecret: exported.HELPCRUNCH_WEBHOOK_SECRET_PREVIOUS,
        auth: { signedBy: { previousSecret: exported.JWT_SECRET_PREVIOUS } },
      });
    });

    test.each([
      { DEMO: 'true' },
      { AUTH: 'forward' },
      { HELPCRUNCH_API_KEY, ALLOW_UNAUTHENTICATED: 'true' },
      { HELPCRUNCH_API_KEY, AUTH: 'jwt', JWT_SECRET },
      { HELPCRUNCH_API_KEY, AUTH: 'jwt', JWKS_URL: 'https://a.example/keys', JWT_ISSUER: 'a' },
    ])('the compose file starts with %j exported', (exported) => {
      expect(readConfig(settingsWith(exported))).toMatchObject({
        redisUrl: 'redis://redis:6379',
        metricsServer: { host: '0.0.0.0', port: 9_464 },
        shutdown: { delayMs: 5_000 },
      });
    });
  });
});

describe('the systemd unit', () => {
  const unit = textOf('helpcrunch-graphql.service');

  const [, script = ''] = /^ExecStartPost=\/usr\/bin\/env node -e "(.*)"$/m.exec(unit) ?? [];

  test('its start waits until the gateway is ready, and fails if the process has ended', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { basePath: '/support' },
    });
    const run = (port: string, processId: number) =>
      spawnSync(process.execPath, ['-e', script], {
        env: { PORT: port, MAINPID: String(processId) },
      }).status;
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    // In this process nothing is served while it waits.
    const ready = spawn(process.execPath, ['-e', script], {
      env: {
        PORT: new URL(gateway.url).port,
        BASE_PATH: '/support/',
        MAINPID: String(process.pid),
      },
    });

    expect(await once(ready, 'exit')).toEqual([0, null]);
    expect(run('1', ended)).toBe(1);
  });

  test.each(hosts)('its start ends when the gateway is ready at HOST=%s', async (HOST) => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: { host: HOST } });
    const { port: PORT } = new URL(gateway.url);
    // It does not repeat a failed request, because this process has ended.
    const MAINPID = String(spawnSync(process.execPath, ['-e', '']).pid);

    const started = spawn(process.execPath, ['-e', script], { env: { HOST, PORT, MAINPID } });

    expect(await once(started, 'exit')).toEqual([0, null]);
  });

  test('it is valid, if systemd is installed', () => {
    const file = new URL('../deploy/helpcrunch-graphql.service', import.meta.url).pathname;
    const { error, stderr, status } = spawnSync('systemd-analyze', ['verify', file]);

    expect(error === undefined ? [status, String(stderr)] : [0, '']).toEqual([0, '']);
    expect(unit).toMatch(/^ExecReload=.*HUP/m);
    expect(unit).toMatch(/^LoadCredential=api-key:/m);
  });
});
