import type { Resolvers } from '../graphql/resolvers.generated.ts';
import { agentResolvers } from './agents/resolvers.ts';
import { applicationResolvers } from './applications/resolvers.ts';
import { chatResolvers } from './chats/resolvers.ts';
import { customerResolvers } from './customers/resolvers.ts';
import { departmentResolvers } from './departments/resolvers.ts';
import { inboxResolvers } from './inbox/resolvers.ts';
import { messageResolvers } from './messages/resolvers.ts';
import { organizationResolvers } from './organization/resolvers.ts';

// Not in the registry: resolvers depend on the context, and the context on the registry.
export const resourceResolvers: readonly Resolvers[] = [
  agentResolvers,
  applicationResolvers,
  chatResolvers,
  customerResolvers,
  departmentResolvers,
  inboxResolvers,
  messageResolvers,
  organizationResolvers,
];
