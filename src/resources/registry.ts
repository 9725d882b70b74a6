import { createLazyObjectFactory, once } from '../lib/lazy.ts';
import { SearchReadBudget } from '../lib/listReader.ts';
import type { Schedule } from '../lib/turns.ts';
import type { CustomerViewer, Viewer } from '../lib/viewer.ts';
import type { Upstream } from '../upstream/client.ts';
import type { RefreshableType } from '../upstream/refresh/refreshableType.ts';
import { agentDescriptor } from './agents/descriptor.ts';
import { createAgentLoaders } from './agents/loaders.ts';
import { agentMutationFields } from './agents/mutations.ts';
import { createAgentSource } from './agents/source.ts';
import { applicationDescriptor } from './applications/descriptor.ts';
import { createApplicationLoaders } from './applications/loaders.ts';
import { createApplicationSource } from './applications/source.ts';
import { chatDescriptor } from './chats/descriptor.ts';
import { createChatLoaders } from './chats/loaders.ts';
import { chatMutationFields } from './chats/mutations.ts';
import { createChatSource } from './chats/source.ts';
import { customerDescriptor } from './customers/descriptor.ts';
import { createCustomerLoaders, createCustomerViewerIdentity } from './customers/loaders.ts';
import { customerMutationFields } from './customers/mutations.ts';
import { createCustomerSource } from './customers/source.ts';
import type {
  EntityDescriptor,
  FetchKind,
  IsCached,
  LengthOf,
  ResourceDescriptor,
} from './declarations.ts';
import { departmentDescriptor } from './departments/descriptor.ts';
import { createDepartmentLoaders } from './departments/loaders.ts';
import { createDepartmentSource } from './departments/source.ts';
import { inboxDescriptor } from './inbox/descriptor.ts';
import { createInboxSource } from './inbox/source.ts';
import { messageDescriptor } from './messages/descriptor.ts';
import { createMessageLoaders } from './messages/loaders.ts';
import { messageMutationFields } from './messages/mutations.ts';
import { createMessageSource } from './messages/source.ts';
import { organizationDescriptor } from './organization/descriptor.ts';
import { createOrganizationLoaders } from './organization/loaders.ts';
import { createOrganizationSource } from './organization/source.ts';
import { createWrites } from './mutation.ts';

export const descriptors = {
  agents: agentDescriptor,
  applications: applicationDescriptor,
  chats: chatDescriptor,
  customers: customerDescriptor,
  departments: departmentDescriptor,
  inbox: inboxDescriptor,
  messages: messageDescriptor,
  organization: organizationDescriptor,
  mutations: {
    fields: {
      Mutation: {
        ...chatMutationFields,
        ...messageMutationFields,
        ...customerMutationFields,
        ...agentMutationFields,
      },
    },
  },
} as const;

const allDescriptors: readonly ResourceDescriptor[] = Object.values(descriptors);

/** The entities that can be named by type and id, by type. */
export const entitiesByType: ReadonlyMap<string, EntityDescriptor> = new Map(
  allDescriptors.flatMap(({ entity }) => (entity === undefined ? [] : [[entity.typename, entity]])),
);

export const idsPerCall: Readonly<Record<FetchKind, number>> = {
  ...chatDescriptor.idsPerCall,
  ...customerDescriptor.idsPerCall,
  ...agentDescriptor.idsPerCall,
  ...departmentDescriptor.idsPerCall,
  ...applicationDescriptor.idsPerCall,
  ...organizationDescriptor.idsPerCall,
  ...inboxDescriptor.idsPerCall,
};

const readerFactories = {
  agents: createAgentSource,
  applications: createApplicationSource,
  chats: createChatSource,
  customers: createCustomerSource,
  departments: createDepartmentSource,
  inbox: createInboxSource,
  messages: createMessageSource,
  organization: createOrganizationSource,
};

const sourceFactories = { ...readerFactories, writes: createWrites };

type Created<Factories extends Record<string, (argument: never) => unknown>> = {
  readonly [Name in keyof Factories]: ReturnType<Factories[Name]>;
};

export type Sources = Created<typeof sourceFactories>;

/** The upstream endpoints, as one operation uses them. The argument is called when the first of them is used. */
export const createSources: (open: () => Upstream) => Sources = createLazyObjectFactory<
  Sources,
  Upstream
>(sourceFactories);

/** What is refreshed before it expires, by calls of the upstream. */
export function createRefreshableTypes(upstream: Upstream): readonly RefreshableType[] {
  return Object.values(readerFactories).flatMap((create): readonly RefreshableType[] =>
    create(upstream).refreshable(),
  );
}

interface LoaderScope {
  readonly sources: Sources;
  readonly identity: ReturnType<typeof createCustomerViewerIdentity> | undefined;
  readonly schedule: Schedule;
  readonly messages: () => ReturnType<typeof createMessageLoaders>;
}

const loaderFactories = {
  agents: ({ sources }: LoaderScope) => createAgentLoaders(() => sources.agents),
  applications: ({ sources }: LoaderScope) => createApplicationLoaders(() => sources.applications),
  chats: ({ sources, identity, schedule, messages }: LoaderScope) =>
    createChatLoaders(sources.chats, identity, {
      batchScheduleFn: schedule,
      preloadMessages: (chatId, range) => messages().preload(chatId, range),
    }),
  customers: ({ sources, identity, schedule }: LoaderScope) =>
    createCustomerLoaders(() => sources.customers, identity, schedule),
  departments: ({ sources }: LoaderScope) => createDepartmentLoaders(() => sources.departments),
  messages: ({ messages }: LoaderScope) => messages(),
  organization: ({ sources }: LoaderScope) => createOrganizationLoaders(sources.organization),
  searchReads: () => new SearchReadBudget(),
};

export type Loaders = Created<typeof loaderFactories>;

const createLazyLoaders = createLazyObjectFactory<Loaders, LoaderScope>(loaderFactories);

export interface LoaderOptions {
  readonly schedule: Schedule;
  /** Called with the id of a viewer whose token has its `userId` only. */
  readonly onViewerIdentified: (customerId: string) => void;
}

/** Loads what the viewer may see. For one operation: nothing that one viewer loads is visible to another. */
export const createLoaders = (
  sources: Sources,
  viewer: Viewer,
  { schedule, onViewerIdentified }: LoaderOptions,
): Loaders =>
  createLazyLoaders(() => ({
    sources,
    schedule,
    messages: once(() => createMessageLoaders(sources.messages)),
    identity:
      viewer.role === 'CUSTOMER'
        ? createCustomerViewerIdentity(sources.customers, viewer, onViewerIdentified)
        : undefined,
  }));

/** For a customer, entities that it may not see count as not cached: otherwise the cost limit would reveal that they exist. */
export const createIsCached = (sources: Sources, viewer: Viewer): IsCached => {
  const { chats, customers } = sources;
  const customer = viewer.role === 'CUSTOMER' ? viewer : undefined;
  const idOf = ({ id, userId }: CustomerViewer) => id ?? customers.cachedIdByUserId(userId);
  const checks: Readonly<Record<FetchKind, (id: string) => boolean>> = {
    chat: (id) =>
      customer === undefined ? chats.has(id) : chats.hasForCustomer(idOf(customer), id),
    customer: (id) => (customer === undefined || id === idOf(customer)) && customers.has(id),
    customerByUserId: (userId) =>
      (customer === undefined || userId === customer.userId) && customers.hasUserId(userId),
    agents: sources.agents.has,
    departments: sources.departments.has,
    applications: sources.applications.has,
    organization: sources.organization.has,
    inbox: () => customer === undefined && sources.inbox.isCached(),
  };
  return (kind, id = '') => checks[kind](id);
};

/** For all viewers, who may read these lists or get `FORBIDDEN` before any call. */
export const createLengthOf = ({ agents, departments, applications }: Sources): LengthOf => {
  const lists: Partial<Record<FetchKind, { cachedLength(): number | undefined }>> = {
    agents,
    departments,
    applications,
  };
  return (kind) => lists[kind]?.cachedLength();
};

/** Reads the lists whose lengths `createLengthOf` returns. */
export const createReadLists =
  ({ agents, departments, applications }: Sources) =>
  async (kinds: readonly FetchKind[]): Promise<void> => {
    const lists: Partial<Record<FetchKind, { all(): Promise<unknown> }>> = {
      agents,
      departments,
      applications,
    };
    await Promise.all(kinds.flatMap((kind) => lists[kind]?.all() ?? []));
  };

/** Copies cached entities from Redis, so that `createIsCached` finds them. */
export const createCopyFromRedis =
  ({ chats, customers }: Sources) =>
  async (ids: ReadonlyMap<FetchKind, readonly string[]>): Promise<void> => {
    await Promise.all([
      chats.hydrate(ids.get('chat') ?? []),
      customers.hydrate(ids.get('customer') ?? []),
      customers.hydrateUserIds(ids.get('customerByUserId') ?? []),
    ]);
  };
