import type { Organization } from './model.ts';
import type { OrganizationSource } from './source.ts';

/** Two aliases of the organization cost one call. */
export function createOrganizationLoaders(source: OrganizationSource) {
  let organization: Promise<Organization> | undefined;
  return { load: () => (organization ??= source.get()) };
}
