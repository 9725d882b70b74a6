// Compiles src to dist when anything it is made of is newer than the last build.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const stamp = 'dist/.built';
const modifiedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`);
const newest = Math.max(
  ...[...sources, 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map(modifiedAt),
);

/** Keeps only the declarations that users of the package see, and lets them name the files that are there. */
function tidyDeclarations() {
  const seen = ['dist/index.d.ts'];
  // The list grows while it is walked.
  for (const file of seen) {
    const text = readFileSync(file, 'utf8').replaceAll(/(from '\..*)\.ts'/g, "$1.js'");
    writeFileSync(file, text);
    for (const [, path] of text.matchAll(/from '(\..*)\.js'/g)) {
      const next = join(file, '..', `${path}.d.ts`);
      if (!seen.includes(next)) seen.push(next);
    }
  }
  for (const name of readdirSync('dist', { recursive: true })) {
    if (name.endsWith('.d.ts') && !seen.includes(`dist/${name}`)) rmSync(`dist/${name}`);
  }
}

if (modifiedAt(stamp) <= newest) {
  process.stdout.write('Building …\n');
  rmSync('dist', { recursive: true, force: true });
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'];
  const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  tidyDeclarations();
  writeFileSync(stamp, '');
}

await import('./explorer.mjs');
