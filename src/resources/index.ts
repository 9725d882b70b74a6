import type { IsCached, Kind as CostKind } from '../graphql/costRules.ts';
import type { CustomerViewer, Viewer } from '../graphql/context.ts';
import type { Resolvers } from '../graphql/generated.ts';
import type { Upstream } from '../upstream/client.ts';
import { createAgentLoaders } from './agents/loaders.ts';
import { agentResolvers } from './agents/resolvers.ts';
import { createAgentSource } from './agents/source.ts';
import { createApplicationLoaders } from './applications/loaders.ts';
import { applicationResolvers } from './applications/resolvers.ts';
import { createApplicationSource } from './applications/source.ts';
import { createChatLoaders } from './chats/loaders.ts';
import { chatResolvers } from './chats/resolvers.ts';
import { createChatSource } from './chats/source.ts';
import { createCustomerLoaders, createSelf } from './customers/loaders.ts';
import { customerResolvers } from './customers/resolvers.ts';
import { createCustomerSource } from './customers/source.ts';
import { createDepartmentLoaders } from './departments/loaders.ts';
import { departmentResolvers } from './departments/resolvers.ts';
import { createDepartmentSource } from './departments/source.ts';
import { createMessageLoaders } from './messages/loaders.ts';
import { messageResolvers } from './messages/resolvers.ts';
import { createMessageSource } from './messages/source.ts';
import { createOrganizationLoaders } from './organization/loaders.ts';
import { organizationResolvers } from './organization/resolvers.ts';
import { createOrganizationSource } from './organization/source.ts';

export const resourceResolvers: readonly Resolvers[] = [
  agentResolvers,
  applicationResolvers,
  chatResolvers,
  customerResolvers,
  departmentResolvers,
  messageResolvers,
  organizationResolvers,
];

export const createSources = (upstream: Upstream) => ({
  agents: createAgentSource(upstream),
  applications: createApplicationSource(upstream),
  chats: createChatSource(upstream),
  customers: createCustomerSource(upstream),
  departments: createDepartmentSource(upstream),
  messages: createMessageSource(upstream),
  organization: createOrganizationSource(upstream),
});

export type Sources = ReturnType<typeof createSources>;

/**
 * Tells of each kind of thing whether an operation finds it in the cache. Of what a customer could not see it tells nothing:
 * whether an operation is let in would else be a hint.
 */
export const isKnownTo = (sources: Sources, viewer: Viewer): IsCached => {
  const { chats, customers } = sources;
  const limit = viewer.role === 'CUSTOMER' ? viewer : undefined;
  const idOf = ({ id, userId }: CustomerViewer) => id ?? customers.idOfKnownUser(userId);
  const kinds: Readonly<Record<CostKind, (id: string) => boolean>> = {
    chat: (id) => (limit === undefined ? chats.isKnown(id) : chats.isKnownOf(idOf(limit), id)),
    customer: (id) => (limit === undefined || id === idOf(limit)) && customers.isKnown(id),
    customerByUserId: (userId) =>
      (limit === undefined || userId === limit.userId) && customers.isKnownByUserId(userId),
    agents: sources.agents.isKnown,
    departments: sources.departments.isKnown,
    applications: sources.applications.isKnown,
    organization: sources.organization.isKnown,
  };
  return (kind, id = '') => kinds[kind](id);
};

/** What a customer may not see, its loaders do not give. */
export function createLoaders(sources: Sources, viewer: Viewer) {
  const self = viewer.role === 'CUSTOMER' ? createSelf(sources.customers, viewer) : undefined;
  return {
    ...createAgentLoaders(sources.agents),
    ...createApplicationLoaders(sources.applications),
    ...createChatLoaders(sources.chats, self),
    ...createCustomerLoaders(sources.customers, self),
    ...createDepartmentLoaders(sources.departments),
    ...createMessageLoaders(sources.messages),
    ...createOrganizationLoaders(sources.organization),
  };
}

export type Loaders = ReturnType<typeof createLoaders>;
