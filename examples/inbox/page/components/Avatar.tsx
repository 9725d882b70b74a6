import type { CSSProperties } from 'react';
import { locale } from '../text/index.ts';

const characters = new Intl.Segmenter(locale);

interface Properties {
  readonly name: string;
  readonly seed: string;
}

export function Avatar({ name, seed }: Properties) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    // A character can consist of several code units, such as an emoji.
    .map((word) => [...characters.segment(word)][0]?.segment ?? '')
    .join('');
  // The golden angle makes neighbouring hues differ.
  const hue = (Number(seed) * 137.5) % 360;
  return (
    <span className="avatar" style={{ '--hue': hue } as CSSProperties} aria-hidden="true">
      {initials.toUpperCase()}
    </span>
  );
}
