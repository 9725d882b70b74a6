// Writes the tables of docs/settings.md from the declarations of the settings; with --check it only reports a difference.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { sections } from '../src/config/declarations.ts';
import { formatDefault } from '../src/config/listSettings.ts';
import type { SettingDeclaration } from '../src/config/setting.ts';
import { settingsIn } from '../src/config/setting.ts';

const target = 'docs/settings.md';
const begin = '<!-- generated:settings -->';
const end = '<!-- /generated:settings -->';

function defaultOf({ defaultText, default: value }: SettingDeclaration): string {
  const text = defaultText ?? formatDefault(value);
  return defaultText !== undefined || text === 'none' ? text : `\`${text}\``;
}

const tables = Object.entries(sections).flatMap(([title, tree]) => [
  `## ${title}`,
  '',
  '| variable | default | values | meaning |',
  '| --- | --- | --- | --- |',
  ...settingsIn(tree).map((setting) => {
    const { name, schema, description } = setting;
    return `| \`${name}\` | ${defaultOf(setting)} | ${schema.description ?? ''} | ${description} |`;
  }),
  '',
]);

const current = readFileSync(target, 'utf8');
const before = current.slice(0, current.indexOf(begin));
const after = current.slice(current.indexOf(end));
const text = await format([before + begin, '', ...tables, after].join('\n'), {
  parser: 'markdown',
  printWidth: 100,
  singleQuote: true,
});

if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (current !== text) {
  process.stderr.write(`${target} does not match src/config/sections. Run: npm run docs\n`);
  process.exitCode = 1;
}
