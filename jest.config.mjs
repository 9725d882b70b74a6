export default {
  testEnvironment: 'node',
  maxWorkers: 2,
  // Nothing here is judged by how long it takes; a busy machine is no failure.
  testTimeout: 30_000,
  testMatch: ['<rootDir>/test/**/*.test.ts'],
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
  reporters: ['default', '<rootDir>/test/support/skippedReporter.mjs'],
  collectCoverageFrom: [
    'src/**/*.ts',
    '!src/graphql/*generated.ts',
    '!src/main.ts',
    '!src/simulator/main.ts',
  ],
  coverageThreshold: { global: { lines: 90 } },
};
