/** Outlines in a square of 24 units. */
const paths = {
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5',
  back: 'M20 12H4m7-7-7 7 7 7',
  down: 'm6 9 6 6 6-6',
  check: 'm5 13 4 4L19 7',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2',
  copy: 'M9 9h10v10H9zM15 9V5H5v10h4',
  send: 'm4 12 16-8-5 16-4-7z',
  cross: 'M6 6l12 12M18 6 6 18',
  gear: 'M4 7h9m4 0h3M4 17h3m4 0h9M15 5v4M9 15v4',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M5 20c1-4 4-6 7-6s6 2 7 6',
  more: 'M4 12h2M11 12h2M18 12h2',
  pencil: 'm5 19 1-4L16 5l3 3L9 18z',
  lock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
} as const;

export const Icon = ({ name }: { readonly name: keyof typeof paths }) => (
  <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={paths[name]} />
  </svg>
);
