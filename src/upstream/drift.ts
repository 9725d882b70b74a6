/**
 * How a value of HelpCrunch differs from what the decoders know. `spelling`: a known field or value in another spelling. `unreadable`: a
 * value of another form, such as a date for a number of seconds.
 */
type DriftKind = 'unknownField' | 'unknownValue' | 'spelling' | 'unreadable';

export interface Drift {
  readonly resource: string;
  readonly kind: DriftKind;
  /** The path of the field. Never a value. */
  readonly field: string;
}

type DriftListener = (drift: Drift) => void;

/** Of all gateways of the process: decoders are functions without context. */
const listeners = new Set<DriftListener>();

/** Returns a function that ends the observation. */
export function observeDrift(listener: DriftListener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

const maxFieldLength = 100;

/** `where` is the path of the field, which starts with its resource. */
export function reportDrift(kind: DriftKind, where: string): void {
  if (listeners.size === 0) return;
  const path = where.replace(/^delivered /, '');
  const [resource = ''] = path.split('.');
  // Names come from HelpCrunch: anything but a plain name is not repeated.
  const isPlain = path.length <= maxFieldLength && /^[\w.]+$/.test(path);
  const field = isPlain ? path : `${resource}.(other)`;
  for (const listener of listeners) listener({ resource, kind, field });
}

/** Without letter case, spaces and punctuation. */
const withoutSpelling = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

const isRespelled = (name: string, known: Iterable<string>): boolean => {
  const plain = withoutSpelling(name);
  return plain !== '' && [...known].some((other) => withoutSpelling(other) === plain);
};

export const reportUnknownValue = (value: string, known: object, where: string): void =>
  reportDrift(isRespelled(value, Object.keys(known)) ? 'spelling' : 'unknownValue', where);

/** Reports the fields of an object that are not among the known ones. */
export function reportUnknownFields(
  wire: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
  where: string,
): void {
  if (listeners.size === 0) return;
  for (const name in wire) {
    if (known.has(name)) continue;
    reportDrift(isRespelled(name, known) ? 'spelling' : 'unknownField', `${where}.${name}`);
  }
}
