import type { GraphQLResolveInfo } from 'graphql';
import type { PropertyOfField, PartialEntity } from '../lib/selection.ts';
import { satisfiesSelection } from '../lib/selection.ts';
import type { CachedEntity } from './cache/cacheTypes.ts';
import type { EntityPart } from './codec.ts';
import { isNotFound } from './errors.ts';

/** The known fields of an entity that could not be loaded. Reading another field throws the error of the load; copies lack it. */
class IncompleteEntity {
  readonly #error: unknown;

  constructor(known: object, error: unknown) {
    this.#error = error;
    Object.defineProperties(this, Object.getOwnPropertyDescriptors(known));
  }

  /** A class whose instances have these properties. */
  static withProperties(names: Iterable<string>): typeof IncompleteEntity {
    class IncompleteEntityOfType extends IncompleteEntity {}
    for (const name of names) {
      Object.defineProperty(IncompleteEntityOfType.prototype, name, {
        get(this: IncompleteEntity): never {
          throw this.#error;
        },
      });
    }
    return IncompleteEntityOfType;
  }
}

/** Whether reading some fields of the entity fails. */
export const isIncomplete = (entity: unknown): boolean => entity instanceof IncompleteEntity;

/** The entity, or its known fields if reading the others would fail. */
export const knownFields = <Whole extends CachedEntity>(entity: Whole): EntityPart<Whole> =>
  isIncomplete(entity) ? { ...entity } : entity;

/** Resolves entities of one type of which only a part is known, such as what another entity embeds. */
export class PartialEntities<Whole extends { readonly __typename: string }> {
  readonly #properties: PropertyOfField;
  readonly #Incomplete: typeof IncompleteEntity;

  constructor(properties: PropertyOfField) {
    this.#properties = properties;
    this.#Incomplete = IncompleteEntity.withProperties(new Set(Object.values(properties)));
  }

  /** The part if it has all selected fields, otherwise undefined. */
  ifSufficient(partial: PartialEntity<Whole>, info: GraphQLResolveInfo): Whole | undefined {
    return satisfiesSelection(partial, info, this.#properties) ? partial : undefined;
  }

  /**
   * The part if it has all selected fields, otherwise the loaded entity; null if it no longer exists. If it cannot be loaded, only the
   * fields that the part lacks fail.
   */
  resolve(
    partial: PartialEntity<Whole>,
    info: GraphQLResolveInfo,
    load: () => Whole | Promise<Whole>,
  ): Whole | Promise<Whole | null> {
    const sufficient = this.ifSufficient(partial, info);
    if (sufficient !== undefined) return sufficient;
    const whole = load();
    if (!(whole instanceof Promise)) return whole;
    return whole.catch((error: unknown) =>
      isNotFound(error) ? null : this.incomplete(partial, error),
    );
  }

  /** An entity of which the fields that the part lacks fail. */
  incomplete(partial: PartialEntity<Whole>, error: unknown): Whole;
  incomplete(partial: object, error: unknown): object {
    return new this.#Incomplete(partial, error);
  }
}
