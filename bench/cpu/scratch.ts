import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const peers = fileURLToPath(new URL('../peers/', import.meta.url));

/** Installs the peers in a folder of their own, once for each set of versions; gives the folder. */
export function prepareScratch(): string {
  const wanted = readFileSync(join(peers, 'package.json'));
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `helpcrunch-graphql-bench-${name}`);
  mkdirSync(folder, { recursive: true });
  cpSync(peers, folder, { recursive: true });
  if (!existsSync(join(folder, 'node_modules'))) {
    process.stdout.write('Installing the peers …\n');
    execFileSync(
      'npm',
      ['install', '--no-audit', '--engine-strict=false', '--no-fund', '--loglevel=error'],
      {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
  }
  return folder;
}

/** The names of what is installed there. */
export function peersOf(): readonly string[] {
  const text = readFileSync(join(peers, 'package.json'), 'utf8');
  return Object.keys((JSON.parse(text) as { readonly dependencies: object }).dependencies);
}

export const versionOf = (folder: string, name: string): string =>
  (
    JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as {
      version: string;
    }
  ).version;
