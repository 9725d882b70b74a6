import type { GraphQLField, GraphQLOutputType, GraphQLSchema } from 'graphql';
import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';
import type { GraphQLInputType } from 'graphql';

/** Seeded random numbers from 0 (inclusive) to 1 (exclusive). */
export function createRandom(seed: number) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4_294_967_296;
  };
}

export interface RandomOperation {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

interface Options {
  readonly schema: GraphQLSchema;
  readonly random: () => number;
  /** Ids to choose from, by type or field name. */
  readonly ids: Readonly<Record<string, readonly string[]>>;
}

const maxDepth = 4;

/** Creates a valid operation with aliases, fragments, directives, variables, and existing, unknown and malformed ids. */
export function createRandomOperation({ schema, random, ids }: Options): RandomOperation {
  const variables: Record<string, unknown> = {};
  const declared: string[] = [];
  const fragments: string[] = [];
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item;
  const chance = (share: number) => random() < share;

  function idFor(place: string): string {
    return pick(ids[place] ?? ids['default'] ?? ['1']);
  }

  function valueOf(type: GraphQLInputType, place: string, depth = 0): unknown {
    if (isNonNullType(type)) return valueOf(type.ofType, place, depth);
    if (isListType(type)) {
      return Array.from({ length: Math.floor(random() * 3) }, () =>
        valueOf(type.ofType, place, depth),
      );
    }
    if (isEnumType(type)) return pick(type.getValues().map(({ name }) => name));
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(
        ({ type: inner }) => isNonNullType(inner) || (depth < 1 && chance(0.2)),
      );
      return Object.fromEntries(
        fields.map(({ name, type: inner }) => [name, valueOf(inner, name, depth + 1)]),
      );
    }
    switch (type.name) {
      case 'ID':
        return idFor(place);
      case 'Int':
        return pick([1, 2, 3, 0, 101]);
      case 'Boolean':
        return chance(0.5);
      case 'DateTime':
        return '2026-01-15T12:00:00.000Z';
      case '_Any':
        return { __typename: pick(['Chat', 'Customer', 'Agent', 'Department']), id: idFor('id') };
      default:
        return place === 'after' || place === 'before' ? 'bm90IGEgY3Vyc29y' : idFor(place);
    }
  }

  function variable(type: string, value: unknown): string {
    const name = `v${declared.length}`;
    declared.push(`$${name}: ${type}`);
    if (value !== undefined) variables[name] = value;
    return `$${name}`;
  }

  function argumentsOf(field: GraphQLField<unknown, unknown>, place: string): string {
    const given = field.args.filter(({ type }) => isNonNullType(type) || chance(0.25));
    if (given.length === 0) return '';
    const texts = given.map(({ name, type }) => {
      const value = valueOf(type, name === 'id' ? place : name);
      return `${name}: ${variable(String(type), chance(0.1) && !isNonNullType(type) ? null : value)}`;
    });
    return `(${texts.join(', ')})`;
  }

  const condition = (): string =>
    chance(0.12)
      ? ` @${pick(['skip', 'include'])}(if: ${chance(0.5) ? variable('Boolean!', chance(0.5)) : String(chance(0.5))})`
      : '';

  function selectionOf(type: GraphQLOutputType, depth: number): string {
    const named = getNamedType(type);
    if (isUnionType(named) || isInterfaceType(named)) {
      const inner = schema
        .getPossibleTypes(named)
        .map((member) => `... on ${member.name}${condition()} ${selectionOf(member, depth)}`);
      return ` { __typename ${inner.join(' ')} }`;
    }
    if (!isObjectType(named)) return '';
    const fields = Object.values(named.getFields()).filter(
      (field) => depth < maxDepth || !isCompositeType(getNamedType(field.type)),
    );
    const wanted = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(fields));
    const texts = wanted.map((field, index) => fieldOf(field, named.name, index, depth));
    if (chance(0.3)) texts.push('__typename');
    const body = texts.join(' ');
    if (chance(0.2)) return ` { ${texts[0]} ... on ${named.name}${condition()} { ${body} } }`;
    if (chance(0.15)) {
      const name = `F${fragments.length}`;
      fragments.push('');
      fragments[Number(name.slice(1))] = `fragment ${name} on ${named.name} { ${body} }`;
      return ` { ...${name}${condition()} ${texts.at(-1)} }`;
    }
    return ` { ${body} }`;
  }

  function fieldOf(
    field: GraphQLField<unknown, unknown>,
    parent: string,
    index: number,
    depth: number,
  ): string {
    // A unique alias permits different arguments at each position.
    const alias =
      field.args.length > 0 || chance(0.2)
        ? `${field.name}${depth}${index}${Math.floor(random() * 1e6)}: `
        : '';
    const place = parent === 'Query' || parent === 'Mutation' ? field.name : 'id';
    const inner = isLeaf(field.type) ? '' : selectionOf(field.type, depth + 1);
    return `${alias}${field.name}${argumentsOf(field, place)}${condition()}${inner}`;
  }

  const isLeaf = (type: GraphQLOutputType): boolean => {
    const named = getNamedType(getNullableType(type));
    return !isObjectType(named) && !isUnionType(named) && !isInterfaceType(named);
  };

  const isMutation = chance(0.15);
  const root = isMutation ? schema.getMutationType() : schema.getQueryType();
  if (!root) throw new Error('The schema has no such root.');
  const all = Object.values(root.getFields()).filter(({ name }) => name !== '_service');
  const count = 1 + Math.floor(random() * 3);
  const chosen = Array.from({ length: count }, () => pick(all));
  const body = chosen.map((field, index) => fieldOf(field, root.name, index, 0)).join(' ');
  const head = `${isMutation ? 'mutation' : 'query'} Random${declared.length > 0 ? `(${declared.join(', ')})` : ''}`;
  return { query: [`${head} { ${body} }`, ...fragments].join('\n'), variables };
}
