import { parseNodeId } from '../../lib/ids.ts';
import { representedId, representedUserId } from '../../lib/representation.ts';
import type { EntityReference } from '../../resources/declarations.ts';
import { entitiesByType } from '../../resources/registry.ts';

/** An id as text; empty for a value that cannot be one. */
export const idText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** Empty for an id that is rejected before any call. */
export function referenceFromNodeId(nodeId: unknown): readonly EntityReference[] {
  const parsed = parseNodeId(idText(nodeId));
  if (parsed === undefined) return [];
  const kind = entitiesByType.get(parsed.type)?.kind;
  return kind === undefined ? [] : [{ ...parsed, kind }];
}

/** Empty for a representation without a usable key, which is null without a call. */
export function referenceFromRepresentation(reference: unknown): readonly EntityReference[] {
  if (typeof reference !== 'object' || reference === null || !('__typename' in reference))
    return [];
  const { __typename: type } = reference;
  if (typeof type !== 'string') return [];
  const kind = entitiesByType.get(type)?.kind;
  if (kind === undefined) return [];
  const representation = { ...reference, __typename: type };
  const id = representedId(representation);
  if (id !== undefined) return [{ type, kind, id }];
  const userId = kind === 'customer' ? representedUserId(representation) : undefined;
  return userId === undefined ? [] : [{ type, kind: 'customerByUserId', id: userId }];
}

/** The distinct ids of each type and kind. */
export function groupReferences(
  references: readonly EntityReference[],
): readonly (EntityReference & { readonly ids: readonly string[] })[] {
  const groups = new Map<string, EntityReference & { readonly ids: Set<string> }>();
  for (const reference of references) {
    const key = `${reference.type} ${reference.kind}`;
    const group = groups.get(key) ?? { ...reference, ids: new Set() };
    groups.set(key, group);
    group.ids.add(reference.id);
  }
  return Array.from(groups.values(), (group) => ({ ...group, ids: [...group.ids] }));
}
