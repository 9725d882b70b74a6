import type { Contest, Result } from './results.ts';
import { numberOf } from './results.ts';

const width = 760;
const barStart = 300;
const barEnd = 680;
const rowHeight = 22;
const headHeight = 34;
const gap = 14;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

interface Place {
  readonly y: number;
  readonly most: number;
  readonly isOwn: boolean;
}

function bar({ name, costUs }: Result, { y, most, isOwn }: Place): string {
  const length = Math.max(1, ((barEnd - barStart) * costUs) / most);
  const middle = y + rowHeight / 2 + 4;
  return [
    `<text x="${barStart - 8}" y="${middle}" text-anchor="end"${isOwn ? ' font-weight="bold"' : ''}>${escaped(name)}</text>`,
    `<rect x="${barStart}" y="${y + 3}" width="${length.toFixed(1)}" height="${rowHeight - 6}" fill="${isOwn ? '#0f766e' : '#94a3b8'}"/>`,
    `<text x="${(barStart + length + 6).toFixed(1)}" y="${middle}">${numberOf(costUs)}</text>`,
  ].join('\n');
}

/** Bars for each contest on a scale of its own, as they differ by a hundred times. */
export function chartOf(contests: readonly Contest[]): string {
  const parts: string[] = [];
  let y = gap;
  for (const { workload, results } of contests) {
    const most = Math.max(...results.map(({ costUs }) => costUs));
    parts.push(
      `<text x="16" y="${y + 20}" font-size="14" font-weight="bold">${escaped(workload)}</text>`,
    );
    y += headHeight;
    for (const [index, result] of results.entries()) {
      parts.push(bar(result, { y, most, isOwn: index === 0 }));
      y += rowHeight;
    }
    y += gap;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="system-ui, sans-serif" font-size="12" fill="#1e293b">`,
    '<title>CPU time of a request in microseconds: shorter is better</title>',
    `<rect width="${width}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
