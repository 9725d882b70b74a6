import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const script = fileURLToPath(new URL('../scripts/releaseCheck.mjs', import.meta.url));
let folder: string;

const run = (command: string, ...args: readonly string[]) =>
  spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
const git = (...args: readonly string[]) =>
  run('git', '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args);
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

const packageOf = (version: string, check = 'true') =>
  JSON.stringify({
    name: 'example',
    version,
    license: 'MIT',
    scripts: { 'check:package': check, sbom: 'npm sbom --sbom-format cyclonedx' },
  });

const lockOf = (version: string) =>
  JSON.stringify({ name: 'example', version, lockfileVersion: 3, packages: { '': { version } } });

/** A small package that can be released. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'helpcrunch-release-'));
  write('package.json', packageOf('1.2.0'));
  write('package-lock.json', lockOf('1.2.0'));
  write('CHANGELOG.md', '# Changelog\n\n## 1.2.0 (2026-01-15)\n\n- A feature.\n\n## 1.1.0\n');
  write('.gitignore', 'node_modules\nrelease\n');
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Start');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('npm run release:check', () => {
  test('writes the package, its bill of materials and checksums', () => {
    const { status, stderr } = run('node', script);
    const files = readdirSync(join(folder, 'release')).toSorted();
    const verified = spawnSync('sha256sum', ['--check', 'SHA256SUMS'], {
      cwd: join(folder, 'release'),
    });
    const bom = JSON.parse(readFileSync(join(folder, 'release/example-1.2.0.cdx.json'), 'utf8'));

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(files).toEqual(['SHA256SUMS', 'example-1.2.0.cdx.json', 'example-1.2.0.tgz']);
    expect(verified.status).toBe(0);
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      metadata: { component: { type: 'library', version: '1.2.0' } },
    });
  });

  const refusals: readonly [string, () => void, string][] = [
    [
      'an unreleased heading',
      () => write('CHANGELOG.md', '# Changelog\n\n## Unreleased\n\n## 1.2.0\n'),
      'CHANGELOG.md begins with the heading "Unreleased", and package.json has version 1.2.0.',
    ],
    [
      'no heading',
      () => write('CHANGELOG.md', '# Changelog\n'),
      'CHANGELOG.md begins with no heading',
    ],
    [
      'another version in the lock file',
      () => write('package-lock.json', lockOf('1.1.0')),
      'package-lock.json has version 1.1.0.',
    ],
    ['a tag of the version', () => git('tag', 'v1.2.0'), 'The tag v1.2.0 exists.'],
    ['a folder that exists', () => run('mkdir', 'release'), 'release exists.'],
    [
      'a package that does not work',
      () => write('package.json', packageOf('1.2.0', 'false')),
      'check:package',
    ],
  ];

  test.each(refusals)('refuses %s', (_name, change, message) => {
    change();
    git('commit', '--quiet', '--all', '--message', 'Change');

    const { status, stderr } = run('node', script);

    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tgz'))).toEqual([]);
  });

  test('refuses uncommitted changes, and reports all problems at once', () => {
    write('CHANGELOG.md', '# Changelog\n\n## 1.3.0\n');
    write('new.txt', 'text');

    const { status, stderr } = run('node', script);

    expect(status).toBe(1);
    expect(stderr).toContain('begins with the heading "1.3.0"');
    expect(stderr).toMatch(/uncommitted changes:\n M CHANGELOG\.md\n\?\? new\.txt/);
  });
});
