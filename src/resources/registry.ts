import type { IsCached, FetchKind as CostKind } from '../graphql/cost/rules.ts';
import type { CustomerViewer, Viewer } from '../graphql/context.ts';
import type { Resolvers } from '../graphql/resolvers.generated.ts';
import type { Schedule } from '../lib/turns.ts';
import type { Upstream } from '../upstream/client.ts';
import { createAgentLoaders } from './agents/loaders.ts';
import { agentResolvers } from './agents/resolvers.ts';
import { createAgentSource } from './agents/source.ts';
import type { AgentSource } from './agents/source.ts';
import { createApplicationLoaders } from './applications/loaders.ts';
import { applicationResolvers } from './applications/resolvers.ts';
import { createApplicationSource } from './applications/source.ts';
import type { ApplicationSource } from './applications/source.ts';
import { createChatLoaders } from './chats/loaders.ts';
import { chatResolvers } from './chats/resolvers.ts';
import { createChatSource } from './chats/source.ts';
import type { ChatSource } from './chats/source.ts';
import { createCustomerLoaders, createViewerIdentity } from './customers/loaders.ts';
import type { ViewerIdentity } from './customers/loaders.ts';
import { customerResolvers } from './customers/resolvers.ts';
import { createCustomerSource } from './customers/source.ts';
import type { CustomerSource } from './customers/source.ts';
import { createDepartmentLoaders } from './departments/loaders.ts';
import { departmentResolvers } from './departments/resolvers.ts';
import { createDepartmentSource } from './departments/source.ts';
import type { DepartmentSource } from './departments/source.ts';
import { createMessageLoaders } from './messages/loaders.ts';
import { messageResolvers } from './messages/resolvers.ts';
import { createMessageSource } from './messages/source.ts';
import type { MessageSource } from './messages/source.ts';
import { createOrganizationLoaders } from './organization/loaders.ts';
import { organizationResolvers } from './organization/resolvers.ts';
import { createOrganizationSource } from './organization/source.ts';
import type { OrganizationSource } from './organization/source.ts';

export const resourceResolvers: readonly Resolvers[] = [
  agentResolvers,
  applicationResolvers,
  chatResolvers,
  customerResolvers,
  departmentResolvers,
  messageResolvers,
  organizationResolvers,
];

/** What can be read and changed. Each source is made when it is first asked for: an operation needs few, or none. */
export class Sources {
  readonly #open: () => Upstream;
  #opened: Upstream | undefined;
  #agents: AgentSource | undefined;
  #applications: ApplicationSource | undefined;
  #chats: ChatSource | undefined;
  #customers: CustomerSource | undefined;
  #departments: DepartmentSource | undefined;
  #messages: MessageSource | undefined;
  #organization: OrganizationSource | undefined;

  constructor(open: () => Upstream) {
    this.#open = open;
  }

  get #upstream(): Upstream {
    return (this.#opened ??= this.#open());
  }

  get agents(): AgentSource {
    return (this.#agents ??= createAgentSource(this.#upstream));
  }

  get applications(): ApplicationSource {
    return (this.#applications ??= createApplicationSource(this.#upstream));
  }

  get chats(): ChatSource {
    return (this.#chats ??= createChatSource(this.#upstream));
  }

  get customers(): CustomerSource {
    return (this.#customers ??= createCustomerSource(this.#upstream));
  }

  get departments(): DepartmentSource {
    return (this.#departments ??= createDepartmentSource(this.#upstream));
  }

  get messages(): MessageSource {
    return (this.#messages ??= createMessageSource(this.#upstream));
  }

  get organization(): OrganizationSource {
    return (this.#organization ??= createOrganizationSource(this.#upstream));
  }
}

export const createSources = (open: () => Upstream): Sources => new Sources(open);

/**
 * Tells of each kind of thing whether an operation finds it in the cache. Of what a customer could not see it tells nothing:
 * whether an operation is let in would else be a hint.
 */
export const createIsCached = (sources: Sources, viewer: Viewer): IsCached => {
  const { chats, customers } = sources;
  const restrictedTo = viewer.role === 'CUSTOMER' ? viewer : undefined;
  const idOf = ({ id, userId }: CustomerViewer) => id ?? customers.cachedIdByUserId(userId);
  const checks: Readonly<Record<CostKind, (id: string) => boolean>> = {
    chat: (id) =>
      restrictedTo === undefined ? chats.has(id) : chats.hasForCustomer(idOf(restrictedTo), id),
    customer: (id) =>
      (restrictedTo === undefined || id === idOf(restrictedTo)) && customers.has(id),
    customerByUserId: (userId) =>
      (restrictedTo === undefined || userId === restrictedTo.userId) && customers.hasUserId(userId),
    agents: sources.agents.has,
    departments: sources.departments.has,
    applications: sources.applications.has,
    organization: sources.organization.has,
  };
  return (kind, id = '') => checks[kind](id);
};

type LazyResult<Create extends (...given: never[]) => unknown> = ReturnType<Create> | undefined;

/** What a customer may not see, its loaders do not give. Each is made when it is first asked for. */
export class Loaders {
  readonly #sources: Sources;
  readonly #schedule: Schedule;
  readonly #viewerIdentity: ViewerIdentity | undefined;
  #agents: LazyResult<typeof createAgentLoaders>;
  #applications: LazyResult<typeof createApplicationLoaders>;
  #chats: LazyResult<typeof createChatLoaders>;
  #customers: LazyResult<typeof createCustomerLoaders>;
  #departments: LazyResult<typeof createDepartmentLoaders>;
  #messages: LazyResult<typeof createMessageLoaders>;
  #organization: LazyResult<typeof createOrganizationLoaders>;

  constructor(sources: Sources, viewer: Viewer, schedule: Schedule) {
    this.#sources = sources;
    this.#schedule = schedule;
    this.#viewerIdentity =
      viewer.role === 'CUSTOMER' ? createViewerIdentity(sources.customers, viewer) : undefined;
  }

  get agent() {
    return (this.#agents ??= createAgentLoaders(this.#sources.agents)).agent;
  }

  get application() {
    return (this.#applications ??= createApplicationLoaders(this.#sources.applications))
      .application;
  }

  get #chatLoaders() {
    return (this.#chats ??= createChatLoaders(
      this.#sources.chats,
      this.#viewerIdentity,
      this.#schedule,
    ));
  }

  get chat() {
    return this.#chatLoaders.chat;
  }

  get chatsOf() {
    return this.#chatLoaders.ownedChats;
  }

  get #customerLoaders() {
    return (this.#customers ??= createCustomerLoaders(
      this.#sources.customers,
      this.#viewerIdentity,
      this.#schedule,
    ));
  }

  get customer() {
    return this.#customerLoaders.customer;
  }

  get visibility() {
    return this.#customerLoaders.visibility;
  }

  get department() {
    return (this.#departments ??= createDepartmentLoaders(this.#sources.departments)).department;
  }

  get visibleMessages() {
    return (this.#messages ??= createMessageLoaders(this.#sources.messages)).visibleMessages;
  }

  get organization() {
    return (this.#organization ??= createOrganizationLoaders(this.#sources.organization))
      .organization;
  }
}

export const createLoaders = (sources: Sources, viewer: Viewer, schedule: Schedule): Loaders =>
  new Loaders(sources, viewer, schedule);
