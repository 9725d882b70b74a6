// Checks that the working tree can be released, and writes what is published to a folder: the package, its bill of materials and checksums.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { out: { type: 'string', default: 'release' } } });
const folder = resolve(values.out);

const say = (text) => process.stdout.write(`${text}\n`);
const run = (command, ...args) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Why this must not be released. */
function findProblems() {
  const problems = [];
  const [, heading] = /^## +\[?([^\]\s]+)/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? [];
  if (heading !== version) {
    const found = heading === undefined ? 'no heading' : `the heading "${heading}"`;
    problems.push(`CHANGELOG.md begins with ${found}, and package.json has version ${version}.`);
  }
  const locked = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const versions = [locked.version, locked.packages?.['']?.version];
  if (versions.some((each) => each !== version)) {
    problems.push(`package-lock.json has version ${locked.version}. Run npm install.`);
  }
  const changes = run('git', 'status', '--porcelain').trimEnd();
  if (changes !== '') problems.push(`There are uncommitted changes:\n${changes}`);
  if (run('git', 'tag', '--list', `v${version}`).trim() !== '') {
    problems.push(`The tag v${version} exists. Increase the version.`);
  }
  if (existsSync(folder)) problems.push(`${values.out} exists. Remove it.`);
  return problems;
}

const problems = findProblems();
if (problems.length > 0) {
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.exit(1);
}

run('npm', 'run', '--silent', 'check:package');
mkdirSync(folder, { recursive: true });
run('npm', 'pack', '--silent', '--pack-destination', folder);
writeFileSync(join(folder, `${name}-${version}.cdx.json`), run('npm', 'run', '--silent', 'sbom'));
const files = readdirSync(folder).toSorted();
const checksums = files.map((file) => {
  const hash = createHash('sha256').update(readFileSync(join(folder, file)));
  return `${hash.digest('hex')}  ${file}\n`;
});
writeFileSync(join(folder, 'SHA256SUMS'), checksums.join(''));
say([...files, 'SHA256SUMS'].map((file) => join(values.out, file)).join('\n'));
say(`Tag the commit with v${version} to release it.`);
