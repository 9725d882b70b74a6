import type { PartialEntity } from '../lib/selection.ts';
import type { Shape } from '../lib/shape.ts';
import { isFlag, isIdText, isText, isTime, listOf, objectOf, oneOf, orNull } from '../lib/shape.ts';
import {
  decodeBoolean,
  decodeEnum,
  decodeId,
  decodeIdOrNull,
  decodeList,
  decodeListOrEmpty,
  decodeObject,
  decodeObjectOrNull,
  decodeText,
  decodeTime,
} from './decode.ts';
import { reportUnknownFields } from './drift.ts';
import { UpstreamError } from './errors.ts';

/** One value of a model: how it is read from a response of HelpCrunch, and its shape in Redis. */
interface Codec<Value> {
  /** `where` names the value in the error. */
  readonly decode: (value: unknown, where: string) => Value;
  readonly shape: Shape<Value>;
}

type Codecs<Fields> = { readonly [Name in keyof Fields]: Codec<Fields[Name]> };
type AnyCodecs = Readonly<Record<string, Codec<unknown>>>;

export const text: Codec<string | null> = { decode: decodeText, shape: orNull(isText) };
export const flag: Codec<boolean | null> = { decode: decodeBoolean, shape: orNull(isFlag) };
export const time: Codec<number | null> = { decode: decodeTime, shape: orNull(isTime) };
export const id: Codec<string> = { decode: decodeId, shape: isIdText };
export const idOrNull: Codec<string | null> = { decode: decodeIdOrNull, shape: orNull(isIdText) };

/** Throws if one of the ids cannot be read. */
export const idsOrNull: Codec<readonly string[] | null> = {
  decode: (value, where) =>
    value === null ? null : decodeList(value, where).map((item) => decodeId(item, where)),
  shape: orNull(listOf(isIdText)),
};

/** The first spelling of a value is the one that is written. */
export const enumOf = <Name extends string>(
  valuesBySpelling: Readonly<Record<string, Name>>,
): Codec<Name | 'UNKNOWN' | null> => ({
  decode: (value, where) => decodeEnum(valuesBySpelling, value, where),
  shape: orNull(oneOf<Name | 'UNKNOWN'>('UNKNOWN', ...Object.values(valuesBySpelling))),
});

const nonNull =
  <Value>(shape: Shape<Value | null>): Shape<Value> =>
  (value): value is Value =>
    value !== null && shape(value);

export const withDefault = <Value>(
  { decode, shape }: Codec<Value | null>,
  fallback: Value,
): Codec<Value> => ({
  decode: (value, where) => decode(value, where) ?? fallback,
  shape: nonNull(shape),
});

/** The items that can be read. */
export const listOfPresent = <Item>({
  decode,
  shape,
}: Codec<Item | null>): Codec<readonly Item[]> => ({
  decode: (value, where) =>
    decodeListOrEmpty(value, where).flatMap((item) => decode(item, where) ?? []),
  shape: listOf(nonNull(shape)),
});

const shapesOf = (codecs: AnyCodecs): Readonly<Record<string, Shape<unknown>>> =>
  Object.fromEntries(Object.entries(codecs).map(([name, { shape }]) => [name, shape]));

type WireObject = Readonly<Record<string, unknown>>;

interface FieldCodec extends Codec<unknown> {
  readonly name: string;
  /** Names the field in errors. */
  readonly where: string;
}

/** The fields of an object. */
class ObjectCodec {
  readonly #codecs: AnyCodecs;
  /** The places where such objects occur are few; decoding builds no names of fields. */
  readonly #fieldsByPlace = new Map<string, readonly FieldCodec[]>();

  constructor(codecs: AnyCodecs) {
    this.#codecs = codecs;
  }

  decodeAll(wire: WireObject, where: string, fields: Record<string, unknown> = {}): object {
    for (const field of this.#fieldsAt(where)) {
      fields[field.name] = field.decode(wire[field.name], field.where);
    }
    return fields;
  }

  /** The fields that `wire` has. */
  decodePresent(wire: WireObject, where: string, fields: Record<string, unknown>): object {
    for (const field of this.#fieldsAt(where)) {
      const value = wire[field.name];
      if (value !== undefined) fields[field.name] = field.decode(value, field.where);
    }
    return fields;
  }

  #fieldsAt(place: string): readonly FieldCodec[] {
    const known = this.#fieldsByPlace.get(place);
    if (known !== undefined) return known;
    const fields = Object.entries(this.#codecs).map(([name, codec]) => ({
      ...codec,
      name,
      where: `${place}.${name}`,
    }));
    this.#fieldsByPlace.set(place, fields);
    return fields;
  }
}

/** The fields that the object has and whose values can be interpreted, and the names of the others. */
export function decodeReadable<Fields extends object>(
  wire: WireObject,
  where: string,
  codecs: Codecs<Fields>,
): { readonly fields: Partial<Fields>; readonly unreadable: readonly string[] };
export function decodeReadable(
  wire: WireObject,
  where: string,
  codecs: AnyCodecs,
): { readonly fields: object; readonly unreadable: readonly string[] } {
  const fields: Record<string, unknown> = {};
  const unreadable: string[] = [];
  for (const [name, codec] of Object.entries(codecs)) {
    if (wire[name] === undefined) continue;
    const value = decodeIfReadable(codec, wire[name], `${where}.${name}`);
    if (value === undefined) unreadable.push(name);
    else fields[name] = value;
  }
  return { fields, unreadable };
}

/** Undefined for a value that cannot be interpreted. */
export function decodeIfReadable<Value>(
  { decode }: Pick<Codec<Value>, 'decode'>,
  wire: unknown,
  where: string,
): Value | undefined {
  try {
    const value = decode(wire, where);
    const isLost = value === null && (emptyAsNull(wire) ?? null) !== null;
    return value === 'UNKNOWN' || isLost ? undefined : value;
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'malformed') return undefined;
    throw error;
  }
}

/** A list where an object belongs is an empty object: PHP writes both as `[]`. */
const emptyAsNull = (value: unknown): unknown =>
  Array.isArray(value) && value.length === 0 ? null : value;

export function nullableObject<Fields extends object>(
  codecs: Codecs<Fields>,
): Codec<Readonly<Fields> | null>;
export function nullableObject(codecs: AnyCodecs): Codec<object | null> {
  const objectCodec = new ObjectCodec(codecs);
  return {
    decode(value, where) {
      const wire = decodeObjectOrNull(emptyAsNull(value), where);
      return wire && objectCodec.decodeAll(wire, where);
    },
    shape: orNull(objectOf(shapesOf(codecs))),
  };
}

interface Entity {
  readonly __typename: string;
  readonly id: string;
}

/** What other entities embed of an entity. */
export type EntityPart<Whole extends Entity> = PartialEntity<Whole> & Pick<Whole, 'id'>;

interface EntityCodec<Whole extends Entity> {
  readonly fromWire: (value: unknown) => Whole;
  readonly shape: Shape<Whole>;
  /** Absent fields are left out; a part without a readable id is null. */
  readonly part: Codec<EntityPart<Whole> | null>;
  /** The fields that other entities embed besides the id. */
  readonly embeddedFields: readonly string[];
}

export type EntityOf<Type> = Type extends EntityCodec<infer Whole> ? Whole : never;

interface FieldNames<Name extends string> {
  /** The fields that other entities embed besides the id. */
  readonly embedded?: readonly Name[];
  /** The fields that HelpCrunch returns as well. Any others are reported. */
  readonly unused?: readonly string[];
}

/** The fields of an entity. */
export function entityCodec<Typename extends string, Fields extends { readonly id: string }>(
  typename: Typename,
  codecs: Codecs<Fields>,
  fieldNames?: FieldNames<keyof Fields & string>,
): EntityCodec<{ readonly __typename: Typename } & Readonly<Fields>>;
export function entityCodec(
  typename: string,
  codecs: AnyCodecs,
  { embedded: embeddedFields = [], unused = [] }: FieldNames<string> = {},
): object {
  const where = typename.toLowerCase();
  const known = new Set([...Object.keys(codecs), ...unused]);
  const shapes = { __typename: oneOf(typename), ...shapesOf(codecs) };
  const whole = new ObjectCodec(codecs);
  const embedded = new ObjectCodec(
    Object.fromEntries(Object.entries(codecs).filter(([name]) => embeddedFields.includes(name))),
  );
  return {
    embeddedFields,
    fromWire(value: unknown) {
      const wire = decodeObject(value, where);
      reportUnknownFields(wire, known, where);
      return whole.decodeAll(wire, where, { __typename: typename });
    },
    shape: objectOf<Record<string, unknown>>(shapes),
    part: {
      decode(value: unknown, partWhere: string) {
        const wire = decodeObjectOrNull(emptyAsNull(value), partWhere);
        const partId = decodeIdOrNull(wire?.['id'], `${partWhere}.id`);
        if (wire === null || partId === null) return null;
        reportUnknownFields(wire, known, partWhere);
        return embedded.decodePresent(wire, partWhere, { __typename: typename, id: partId });
      },
      shape: orNull(objectOf<Record<string, unknown>>(shapes, ['__typename', 'id'])),
    },
  };
}
