import type { IsCached, Kind as CostKind } from '../graphql/costRules.ts';
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
import { createCustomerLoaders } from './customers/loaders.ts';
import { customerResolvers } from './customers/resolvers.ts';
import { createCustomerSource } from './customers/source.ts';
import { createDepartmentLoaders } from './departments/loaders.ts';
import { departmentResolvers } from './departments/resolvers.ts';
import { createDepartmentSource } from './departments/source.ts';
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

/** Tells of each kind of thing whether an operation finds it in the cache. */
export const isKnownTo = (sources: Sources): IsCached => {
  const kinds: Readonly<Record<CostKind, (id: string) => boolean>> = {
    chat: sources.chats.isKnown,
    customer: sources.customers.isKnown,
    customerByUserId: sources.customers.isKnownByUserId,
    agents: sources.agents.isKnown,
    departments: sources.departments.isKnown,
    applications: sources.applications.isKnown,
    organization: sources.organization.isKnown,
  };
  return (kind, id = '') => kinds[kind](id);
};

export const createLoaders = (sources: Sources) => ({
  ...createAgentLoaders(sources.agents),
  ...createApplicationLoaders(sources.applications),
  ...createChatLoaders(sources.chats),
  ...createCustomerLoaders(sources.customers),
  ...createDepartmentLoaders(sources.departments),
  ...createOrganizationLoaders(sources.organization),
});

export type Loaders = ReturnType<typeof createLoaders>;
