import type { Organization } from './model.ts';
import type { OrganizationSource } from './source.ts';

/** Made anew for every operation: two aliases of the organization cost one call. */
export function createOrganizationLoaders(source: OrganizationSource) {
  let reading: Promise<Organization> | undefined;
  return { organization: () => (reading ??= source.get()) };
}
