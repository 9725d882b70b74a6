import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { globSync } from 'tinyglobby';

const sources = globSync('test/**/*.ts', { cwd: import.meta.dirname, absolute: true });

const transformWith = (parser) => [
  '@swc/jest',
  {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', ...parser },
      transform: { react: { runtime: 'automatic' } },
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];

const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: { '\\.ts$': transformWith({}), '\\.tsx$': transformWith({ tsx: true }) },
};

/** The files of a test, without those that it imports for their types only. */
function importsOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (?!type )[^;]*? from '(\.[^']+\.ts)';/gm,
  );
  for (const [, path] of imports) {
    const imported = join(dirname(file), path);
    if (sources.includes(imported)) importsOf(imported, found);
  }
  return found;
}

/** Whether a test starts Redis, a browser or other processes. */
const startsProcesses = (test) =>
  [...importsOf(test)].some((file) => readFileSync(file, 'utf8').includes("'node:child_process'"));

const files = sources.filter((file) => file.endsWith('.test.ts'));
const endToEnd = files.filter(startsProcesses);
const unit = files.filter((file) => !endToEnd.includes(file));

export default {
  maxWorkers: 2,
  // Modules of finished tests stay in memory, and collecting several gigabytes of them stops tests for seconds.
  workerIdleMemoryLimit: '1GB',
  // No test depends on how long it takes, also on a busy machine.
  testTimeout: 300_000,
  projects: [
    { ...shared, displayName: 'unit', testMatch: unit },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: endToEnd,
      globalSetup: '<rootDir>/test/support/build.mjs',
    },
  ],
  reporters: ['default', '<rootDir>/test/support/skippedReporter.mjs'],
  collectCoverageFrom: [
    'src/**/*.ts',
    '!src/graphql/*generated.ts',
    '!src/main.ts',
    '!src/simulator/main.ts',
  ],
  coverageThreshold: { global: { lines: 90 } },
};
