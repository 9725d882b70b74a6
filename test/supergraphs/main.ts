// Runs the cases of cases.ts through the routers of routers.ts, and the compositions of composers.ts, with packages from npm. Fails if an
// outcome is not the declared one. docs/federation.md shows the declarations as a table.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { cases } from './cases.ts';
import { composers, compositions } from './composers.ts';
import type { RouterName } from './routerNames.ts';
import { routerNames } from './routerNames.ts';
import { routerKinds } from './routers.ts';
import { startSession } from './session.ts';

const { values } = parseArgs({
  options: {
    router: { type: 'string', multiple: true },
    composer: { type: 'string', multiple: true },
    case: { type: 'string' },
  },
});
const isWhole = values.router === undefined && values.composer === undefined;
const routers = routerNames.filter((name) => isWhole || values.router?.includes(name));
const chosenComposers = Object.entries(composers).filter(
  ([name]) => isWhole || values.composer?.includes(name),
);

/** Installs packages into a folder that later runs reuse. */
function install(packages: readonly string[]): string {
  const folder = fileURLToPath(new URL('../../.cache/supergraphs', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{"private":true}');
  const options = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--save-exact',
    '--loglevel=error',
  ];
  execFileSync('npm', ['install', ...options, 'graphql@16.15.0', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}

function report(name: string, isExpected: boolean, outcome: unknown): void {
  process.stdout.write(`${isExpected ? 'ok  ' : 'FAIL'} ${name}\n`);
  if (isExpected) return;
  process.exitCode = 1;
  process.stdout.write(`     ${JSON.stringify(outcome)}\n`);
}

async function runCases(router: RouterName, folder: string): Promise<void> {
  const session = await startSession(router, folder);
  for (const { name, run, expected, deviations } of cases) {
    if (values.case !== undefined && !name.includes(values.case)) continue;
    const outcome = await Promise.race([
      run(session),
      wait(60_000, 'no result in 60 s', { ref: false }),
    ]).catch(String);
    // The next case has the whole rate limit.
    session.clock.advance(120_000);
    const declared = deviations?.[router]?.outcome ?? expected;
    report(`${router}: ${name}`, isDeepStrictEqual(outcome, declared), outcome);
  }
  await session.stop();
}

const folder = install([
  ...routers.flatMap((name) => routerKinds[name].packages),
  ...chosenComposers.flatMap(([, { packages }]) => packages),
]);
for (const name of routers) await runCases(name, folder);
for (const [name, { compose }] of chosenComposers) {
  const failures = compose(
    folder,
    compositions.map(({ subgraphs }) => subgraphs),
  );
  compositions.forEach((composition, index) => {
    const failure = failures[index];
    report(`${name}: ${composition.name}`, failure?.length === 0, failure);
  });
}
