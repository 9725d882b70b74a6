// Writes the declarations that users of the package see, those of src/index.ts and of what it speaks of, beside the built files.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';

const { config } = ts.readConfigFile('tsconfig.build.json', ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
const program = ts.createProgram(['src/index.ts'], {
  ...options,
  noEmit: false,
  incremental: false,
  declaration: true,
  emitDeclarationOnly: true,
});

function declarationOf(file) {
  const source = program.getSourceFile(resolve(file));
  const problems = program.getDeclarationDiagnostics(source);
  if (problems.length > 0) {
    const host = { getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
    process.stderr.write(
      ts.formatDiagnostics(problems, { ...host, getCurrentDirectory: process.cwd }),
    );
    process.exit(1);
  }
  let text = '';
  program.emit(source, (_name, written) => (text = written), undefined, true);
  return text;
}

for (const name of readdirSync('dist', { recursive: true })) {
  if (name.endsWith('.d.ts')) rmSync(`dist/${name}`);
}
const files = ['src/index.ts'];
/** `from './a.ts'`, and `import("./a.ts")` in inferred types. */
const imported = /(?:from '|import\(")(\.[^'"]*\.ts)['"]/g;
// The loop also visits the files that it adds.
for (const file of files) {
  const text = declarationOf(file);
  for (const [, path] of text.matchAll(imported)) {
    const next = resolve(dirname(file), path).slice(resolve('.').length + 1);
    if (!files.includes(next)) files.push(next);
  }
  const target = file.replace(/^src\/(.*)\.ts$/, 'dist/$1.d.ts');
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(
    target,
    text.replaceAll(imported, (part) => part.replace('.ts', '.js')),
  );
}
