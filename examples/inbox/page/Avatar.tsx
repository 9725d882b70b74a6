import type { CSSProperties } from 'react';

interface Properties {
  readonly name: string;
  readonly seed: string;
}

export function Avatar({ name, seed }: Properties) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word.charAt(0))
    .join('');
  // The golden angle makes neighbouring hues differ.
  const hue = (Number(seed) * 137.5) % 360;
  return (
    <span className="avatar" style={{ '--hue': hue } as CSSProperties} aria-hidden="true">
      {initials.toUpperCase()}
    </span>
  );
}
