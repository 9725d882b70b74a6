import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs the built code in a process of its own: the loader of TypeScript makes every closure larger. */
export function measureOperationCache(): Promise<boolean> {
  const cwd = fileURLToPath(new URL('../', import.meta.url));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd, stdio: 'inherit' });
  const { status } = spawnSync(process.execPath, ['--expose-gc', 'bench/operationCache.mjs'], {
    cwd,
    stdio: 'inherit',
  });
  return Promise.resolve(status === 0);
}
