// Compiles src to dist when anything it is made of is newer than the last build.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';

const stamp = 'dist/.built';
const modifiedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`);
const newest = Math.max(
  ...[
    ...sources,
    'scripts/build.mjs',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ].map(modifiedAt),
);

if (modifiedAt(stamp) <= newest) {
  process.stdout.write('Building …\n');
  rmSync('dist', { recursive: true, force: true });
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
  const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  for (const folder of ['redis/scripts', 'mcp/operations']) {
    cpSync(`src/${folder}`, `dist/${folder}`, { recursive: true });
  }
  // `npx helpcrunch-graphql` executes the file.
  chmodSync('dist/cli/main.js', 0o755);
  writeFileSync(stamp, '');
}

await import('./explorer.mjs');
