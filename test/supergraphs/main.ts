// Runs the cases of cases.ts through the routers of routers.ts, and the compositions of composers.ts, with packages from npm. Fails if an
// outcome is not the declared one. docs/federation.md shows the declarations as a table.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
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

/** Installs packages into the folder. */
function install(folder: string, packages: readonly string[]): void {
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  // Some dependencies demand Node 22 and run on Node 20.
  const options = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-engine-strict',
    '--loglevel=error',
  ];
  execFileSync('npm', ['install', ...options, 'graphql@16.15.0', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
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

const folder = mkdtempSync(join(tmpdir(), 'supergraphs-'));
try {
  install(folder, [
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
} finally {
  rmSync(folder, { recursive: true, force: true });
}
