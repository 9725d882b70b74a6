import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';

const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};

/** Tests that start Redis, a browser or other processes. */
const startsProcesses = /support\/(?:redis|browser|process)\.ts'|'node:child_process'/;

const files = globSync('test/**/*.test.ts', { cwd: import.meta.dirname, absolute: true });
const endToEnd = files.filter((file) => startsProcesses.test(readFileSync(file, 'utf8')));
const unit = files.filter((file) => !endToEnd.includes(file));

export default {
  maxWorkers: 2,
  // No test depends on how long it takes, also on a busy machine.
  testTimeout: 30_000,
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
