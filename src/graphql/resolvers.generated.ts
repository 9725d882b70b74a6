import type * as Schema from './generated.ts';
import type { Agent, Chat, ChatApplication, Customer, Department } from './generated.ts';
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { Viewer as ViewerModel } from '../lib/viewer.ts';
import type { Agent as AgentModel } from '../resources/agents/model.ts';
import type { Application as ApplicationModel } from '../resources/applications/model.ts';
import type { Chat as ChatModel, ChatUpdate as ChatUpdateModel } from '../resources/chats/model.ts';
import type { Connection } from '../lib/paging.ts';
import type { InboxSummary as InboxSummaryModel, AgentCount as AgentCountModel, DepartmentCount as DepartmentCountModel } from '../resources/inbox/model.ts';
import type { Customer as CustomerModel, CustomerChange as CustomerChangeModel, RecordedCustomerEvent as RecordedEventModel, DeletedCustomer as DeletedCustomerModel } from '../resources/customers/model.ts';
import type { Department as DepartmentModel } from '../resources/departments/model.ts';
import type { ChatMessage as ChatMessageModel } from '../resources/messages/model.ts';
import type { Organization as OrganizationModel } from '../resources/organization/model.ts';
import type { Context } from './context.ts';
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };


export type ResolverTypeWrapper<T> = Promise<T> | T;

export type ReferenceResolver<TResult, TReference, TContext> = (
      reference: TReference,
      context: TContext,
      info: GraphQLResolveInfo
    ) => Promise<TResult> | TResult;

      type ScalarCheck<T, S> = S extends true ? T : NullableCheck<T, S>;
      type NullableCheck<T, S> = Schema.Maybe<T> extends T ? Schema.Maybe<ListCheck<NonNullable<T>, S>> : ListCheck<T, S>;
      type ListCheck<T, S> = T extends (infer U)[] ? NullableCheck<U, S>[] : GraphQLRecursivePick<T, S>;
      export type GraphQLRecursivePick<T, S> = { [K in keyof T & keyof S]: ScalarCheck<T[K], S[K]> };
    

export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Schema.Maybe<TTypes> | Promise<Schema.Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

/** Mapping of federation types */
export type FederationTypes = {
  Agent: Agent;
  Chat: Chat;
  ChatApplication: ChatApplication;
  Customer: Customer;
  Department: Department;
};

/** Mapping of federation reference types */
export type FederationReferenceTypes = {
  Agent:
    ( { __typename: 'Agent' }
    & GraphQLRecursivePick<FederationTypes['Agent'], {"id":true}> );
  Chat:
    ( { __typename: 'Chat' }
    & GraphQLRecursivePick<FederationTypes['Chat'], {"id":true}> );
  ChatApplication:
    ( { __typename: 'ChatApplication' }
    & GraphQLRecursivePick<FederationTypes['ChatApplication'], {"id":true}> );
  Customer:
    ( { __typename: 'Customer' }
    & ( GraphQLRecursivePick<FederationTypes['Customer'], {"id":true}>
        | GraphQLRecursivePick<FederationTypes['Customer'], {"userId":true}> ) );
  Department:
    ( { __typename: 'Department' }
    & GraphQLRecursivePick<FederationTypes['Department'], {"id":true}> );
};


/** Mapping of interface types */
export type ResolversInterfaceTypes<_RefType extends Record<string, unknown>> = {
  Node:
    | ( AgentModel )
    | ( ChatModel )
    | ( CustomerModel )
    | ( DepartmentModel )
  ;
};

/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  Agent: ResolverTypeWrapper<AgentModel>;
  String: ResolverTypeWrapper<Schema.Scalars['String']['output']>;
  ID: ResolverTypeWrapper<Schema.Scalars['ID']['output']>;
  AgentCount: ResolverTypeWrapper<AgentCountModel>;
  AgentRole: Schema.AgentRole;
  BroadcastType: Schema.BroadcastType;
  Chat: ResolverTypeWrapper<ChatModel>;
  ChatApplication: ResolverTypeWrapper<ApplicationModel>;
  ChatChange: Schema.ChatChange;
  ChatCloser: Schema.ChatCloser;
  ChatConnection: ResolverTypeWrapper<Connection<ChatModel>>;
  ChatEdge: ResolverTypeWrapper<Omit<Schema.ChatEdge, 'node'> & { node: ResolversTypes['Chat'] }>;
  ChatFilter: Schema.ChatFilter;
  ChatMessage: ResolverTypeWrapper<ChatMessageModel>;
  ChatMessageConnection: ResolverTypeWrapper<Connection<ChatMessageModel>>;
  ChatMessageEdge: ResolverTypeWrapper<Omit<Schema.ChatMessageEdge, 'node'> & { node: ResolversTypes['ChatMessage'] }>;
  ChatMessageSender: Schema.ChatMessageSender;
  ChatMessageType: Schema.ChatMessageType;
  ChatOrder: Schema.ChatOrder;
  ChatOrderField: Schema.ChatOrderField;
  ChatOrigin: Schema.ChatOrigin;
  ChatRating: Schema.ChatRating;
  ChatStatus: Schema.ChatStatus;
  ChatUpdate: ResolverTypeWrapper<ChatUpdateModel>;
  CreateChatInput: Schema.CreateChatInput;
  CreateCustomerInput: Schema.CreateCustomerInput;
  Customer: ResolverTypeWrapper<CustomerModel>;
  CustomerChange: ResolverTypeWrapper<CustomerChangeModel>;
  CustomerChangeKind: Schema.CustomerChangeKind;
  CustomerConnection: ResolverTypeWrapper<Connection<CustomerModel>>;
  CustomerDevice: ResolverTypeWrapper<Schema.CustomerDevice>;
  CustomerEdge: ResolverTypeWrapper<Omit<Schema.CustomerEdge, 'node'> & { node: ResolversTypes['Customer'] }>;
  CustomerEvent: ResolverTypeWrapper<RecordedEventModel>;
  CustomerFilter: Schema.CustomerFilter;
  CustomerLocation: ResolverTypeWrapper<Schema.CustomerLocation>;
  CustomerOrder: Schema.CustomerOrder;
  CustomerOrderField: Schema.CustomerOrderField;
  CustomerTag: ResolverTypeWrapper<Schema.CustomerTag>;
  CustomerTextFilter: Schema.CustomerTextFilter;
  CustomerUpdate: Schema.CustomerUpdate;
  DateTime: ResolverTypeWrapper<Schema.Scalars['DateTime']['output']>;
  DeletedCustomer: ResolverTypeWrapper<DeletedCustomerModel>;
  Department: ResolverTypeWrapper<DepartmentModel>;
  DepartmentCount: ResolverTypeWrapper<DepartmentCountModel>;
  FirstMessageInput: Schema.FirstMessageInput;
  HelpdeskDateTimeRange: Schema.HelpdeskDateTimeRange;
  HelpdeskOrderDirection: Schema.HelpdeskOrderDirection;
  HelpdeskOrganization: ResolverTypeWrapper<OrganizationModel>;
  HelpdeskRateLimit: ResolverTypeWrapper<Schema.HelpdeskRateLimit>;
  HelpdeskViewer: ResolverTypeWrapper<ViewerModel>;
  HelpdeskViewerRole: Schema.HelpdeskViewerRole;
  InboxSummary: ResolverTypeWrapper<InboxSummaryModel>;
  InboxView: Schema.InboxView;
  JSONObject: ResolverTypeWrapper<Schema.Scalars['JSONObject']['output']>;
  MessageAuthor: Schema.MessageAuthor;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Node: ResolverTypeWrapper<ResolversInterfaceTypes<ResolversTypes>['Node']>;
  PageInfo: ResolverTypeWrapper<Schema.PageInfo>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  ReadBy: Schema.ReadBy;
  SettableChatRating: Schema.SettableChatRating;
  SettableChatStatus: Schema.SettableChatStatus;
  StatusCount: ResolverTypeWrapper<Schema.StatusCount>;
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  TagInput: Schema.TagInput;
  UpdateCustomerInput: Schema.UpdateCustomerInput;
  Boolean: ResolverTypeWrapper<Schema.Scalars['Boolean']['output']>;
  Int: ResolverTypeWrapper<Schema.Scalars['Int']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  Agent: AgentModel;
  String: Schema.Scalars['String']['output'];
  ID: Schema.Scalars['ID']['output'];
  AgentCount: AgentCountModel;
  Chat: ChatModel;
  ChatApplication: ApplicationModel;
  ChatConnection: Connection<ChatModel>;
  ChatEdge: Omit<Schema.ChatEdge, 'node'> & { node: ResolversParentTypes['Chat'] };
  ChatFilter: Schema.ChatFilter;
  ChatMessage: ChatMessageModel;
  ChatMessageConnection: Connection<ChatMessageModel>;
  ChatMessageEdge: Omit<Schema.ChatMessageEdge, 'node'> & { node: ResolversParentTypes['ChatMessage'] };
  ChatOrder: Schema.ChatOrder;
  ChatUpdate: ChatUpdateModel;
  CreateChatInput: Schema.CreateChatInput;
  CreateCustomerInput: Schema.CreateCustomerInput;
  Customer: CustomerModel;
  CustomerChange: CustomerChangeModel;
  CustomerConnection: Connection<CustomerModel>;
  CustomerDevice: Schema.CustomerDevice;
  CustomerEdge: Omit<Schema.CustomerEdge, 'node'> & { node: ResolversParentTypes['Customer'] };
  CustomerEvent: RecordedEventModel;
  CustomerFilter: Schema.CustomerFilter;
  CustomerLocation: Schema.CustomerLocation;
  CustomerOrder: Schema.CustomerOrder;
  CustomerTag: Schema.CustomerTag;
  CustomerTextFilter: Schema.CustomerTextFilter;
  CustomerUpdate: Schema.CustomerUpdate;
  DateTime: Schema.Scalars['DateTime']['output'];
  DeletedCustomer: DeletedCustomerModel;
  Department: DepartmentModel;
  DepartmentCount: DepartmentCountModel;
  FirstMessageInput: Schema.FirstMessageInput;
  HelpdeskDateTimeRange: Schema.HelpdeskDateTimeRange;
  HelpdeskOrganization: OrganizationModel;
  HelpdeskRateLimit: Schema.HelpdeskRateLimit;
  HelpdeskViewer: ViewerModel;
  InboxSummary: InboxSummaryModel;
  JSONObject: Schema.Scalars['JSONObject']['output'];
  Mutation: Record<PropertyKey, never>;
  Node: ResolversInterfaceTypes<ResolversParentTypes>['Node'];
  PageInfo: Schema.PageInfo;
  Query: Record<PropertyKey, never>;
  StatusCount: Schema.StatusCount;
  Subscription: Record<PropertyKey, never>;
  TagInput: Schema.TagInput;
  UpdateCustomerInput: Schema.UpdateCustomerInput;
  Boolean: Schema.Scalars['Boolean']['output'];
  Int: Schema.Scalars['Int']['output'];
};

export type CacheControlDirectiveArgs = {
  inheritMaxAge?: Schema.Maybe<Schema.Scalars['Boolean']['input']>;
  maxAge?: Schema.Maybe<Schema.Scalars['Int']['input']>;
};

export type CacheControlDirectiveResolver<Result, Parent, ContextType = Context, Args = CacheControlDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type AgentResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Agent'] = ResolversParentTypes['Agent'], FederationReferenceType extends FederationReferenceTypes['Agent'] = FederationReferenceTypes['Agent']> = {
  __resolveReference?: ReferenceResolver<Schema.Maybe<ResolversTypes['Agent']> | FederationReferenceType, FederationReferenceType, ContextType>;
  chats?: Resolver<Schema.Maybe<ResolversTypes['ChatConnection']>, ParentType, ContextType, RequireFields<Schema.AgentChatsArgs, 'first' | 'orderBy'>>;
  email?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  role?: Resolver<Schema.Maybe<ResolversTypes['AgentRole']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type AgentCountResolvers<ContextType = Context, ParentType extends ResolversParentTypes['AgentCount'] = ResolversParentTypes['AgentCount']> = {
  agent?: Resolver<ResolversTypes['Agent'], ParentType, ContextType>;
  count?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ChatResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Chat'] = ResolversParentTypes['Chat'], FederationReferenceType extends FederationReferenceTypes['Chat'] = FederationReferenceTypes['Chat']> = {
  __resolveReference?: ReferenceResolver<Schema.Maybe<ResolversTypes['Chat']> | FederationReferenceType, FederationReferenceType, ContextType>;
  agents?: Resolver<ReadonlyArray<ResolversTypes['Agent']>, ParentType, ContextType>;
  application?: Resolver<Schema.Maybe<ResolversTypes['ChatApplication']>, ParentType, ContextType>;
  applicationId?: Resolver<Schema.Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  assignee?: Resolver<Schema.Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  closedAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  closedBy?: Resolver<Schema.Maybe<ResolversTypes['ChatCloser']>, ParentType, ContextType>;
  createdAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  createdWith?: Resolver<Schema.Maybe<ResolversTypes['ChatOrigin']>, ParentType, ContextType>;
  customer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType>;
  department?: Resolver<Schema.Maybe<ResolversTypes['Department']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  lastCommunicatedAgent?: Resolver<Schema.Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  lastCommunicatedAgentId?: Resolver<Schema.Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  lastCustomerMessageAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  lastMessageAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  lastMessageId?: Resolver<Schema.Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  lastMessageText?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  messages?: Resolver<Schema.Maybe<ResolversTypes['ChatMessageConnection']>, ParentType, ContextType, Partial<Schema.ChatMessagesArgs>>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  rating?: Resolver<Schema.Maybe<ResolversTypes['ChatRating']>, ParentType, ContextType>;
  readByAgent?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  readByCustomer?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  snoozedUntil?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  status?: Resolver<ResolversTypes['ChatStatus'], ParentType, ContextType>;
  url?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ChatApplicationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatApplication'] = ResolversParentTypes['ChatApplication'], FederationReferenceType extends FederationReferenceTypes['ChatApplication'] = FederationReferenceTypes['ChatApplication']> = {
  __resolveReference?: ReferenceResolver<Schema.Maybe<ResolversTypes['ChatApplication']> | FederationReferenceType, FederationReferenceType, ContextType>;
  active?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  displayName?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  type?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type ChatConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatConnection'] = ResolversParentTypes['ChatConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['ChatEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Chat']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<Schema.Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type ChatEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatEdge'] = ResolversParentTypes['ChatEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Chat'], ParentType, ContextType>;
};

export type ChatMessageResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatMessage'] = ResolversParentTypes['ChatMessage']> = {
  agent?: Resolver<Schema.Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  broadcastType?: Resolver<Schema.Maybe<ResolversTypes['BroadcastType']>, ParentType, ContextType>;
  chat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType>;
  createdAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  edited?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  from?: Resolver<ResolversTypes['ChatMessageSender'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  read?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  text?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  type?: Resolver<ResolversTypes['ChatMessageType'], ParentType, ContextType>;
  updatedAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
};

export type ChatMessageConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatMessageConnection'] = ResolversParentTypes['ChatMessageConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['ChatMessageEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['ChatMessage']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<Schema.Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type ChatMessageEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatMessageEdge'] = ResolversParentTypes['ChatMessageEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['ChatMessage'], ParentType, ContextType>;
};

export type ChatUpdateResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatUpdate'] = ResolversParentTypes['ChatUpdate']> = {
  at?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  change?: Resolver<ResolversTypes['ChatChange'], ParentType, ContextType>;
  chat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType>;
};

export type CustomerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Customer'] = ResolversParentTypes['Customer'], FederationReferenceType extends FederationReferenceTypes['Customer'] = FederationReferenceTypes['Customer']> = {
  __resolveReference?: ReferenceResolver<Schema.Maybe<ResolversTypes['Customer']> | FederationReferenceType, FederationReferenceType, ContextType>;
  blocked?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  chats?: Resolver<Schema.Maybe<ResolversTypes['ChatConnection']>, ParentType, ContextType, RequireFields<Schema.CustomerChatsArgs, 'first' | 'orderBy'>>;
  company?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  createdFrom?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  customData?: Resolver<Schema.Maybe<ResolversTypes['JSONObject']>, ParentType, ContextType>;
  device?: Resolver<Schema.Maybe<ResolversTypes['CustomerDevice']>, ParentType, ContextType>;
  email?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  firstSeen?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  integrationId?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  lastPage?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  lastSeen?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  locale?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  location?: Resolver<Schema.Maybe<ResolversTypes['CustomerLocation']>, ParentType, ContextType>;
  name?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  notes?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  phone?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  referer?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  source?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  tags?: Resolver<Schema.Maybe<ReadonlyArray<ResolversTypes['CustomerTag']>>, ParentType, ContextType>;
  unsubscribed?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  userId?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type CustomerChangeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerChange'] = ResolversParentTypes['CustomerChange']> = {
  change?: Resolver<ResolversTypes['CustomerChangeKind'], ParentType, ContextType>;
  customer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType>;
  customerId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type CustomerConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerConnection'] = ResolversParentTypes['CustomerConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['CustomerEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Customer']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<Schema.Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type CustomerDeviceResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerDevice'] = ResolversParentTypes['CustomerDevice']> = {
  id?: Resolver<Schema.Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  ip?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  platform?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  timezone?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  userAgent?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type CustomerEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerEdge'] = ResolversParentTypes['CustomerEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Customer'], ParentType, ContextType>;
};

export type CustomerEventResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerEvent'] = ResolversParentTypes['CustomerEvent']> = {
  createdAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  customer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType>;
  data?: Resolver<ResolversTypes['JSONObject'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type CustomerLocationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerLocation'] = ResolversParentTypes['CustomerLocation']> = {
  city?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  countryCode?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  regionCode?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type CustomerTagResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerTag'] = ResolversParentTypes['CustomerTag']> = {
  color?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type DeletedCustomerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['DeletedCustomer'] = ResolversParentTypes['DeletedCustomer']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type DepartmentResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Department'] = ResolversParentTypes['Department'], FederationReferenceType extends FederationReferenceTypes['Department'] = FederationReferenceTypes['Department']> = {
  __resolveReference?: ReferenceResolver<Schema.Maybe<ResolversTypes['Department']> | FederationReferenceType, FederationReferenceType, ContextType>;
  agents?: Resolver<Schema.Maybe<ReadonlyArray<ResolversTypes['Agent']>>, ParentType, ContextType>;
  chats?: Resolver<Schema.Maybe<ResolversTypes['ChatConnection']>, ParentType, ContextType, RequireFields<Schema.DepartmentChatsArgs, 'first' | 'orderBy'>>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type DepartmentCountResolvers<ContextType = Context, ParentType extends ResolversParentTypes['DepartmentCount'] = ResolversParentTypes['DepartmentCount']> = {
  count?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  department?: Resolver<ResolversTypes['Department'], ParentType, ContextType>;
};

export type HelpdeskOrganizationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['HelpdeskOrganization'] = ResolversParentTypes['HelpdeskOrganization']> = {
  chatEnabled?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  domain?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  teamOnline?: Resolver<Schema.Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
};

export type HelpdeskRateLimitResolvers<ContextType = Context, ParentType extends ResolversParentTypes['HelpdeskRateLimit'] = ResolversParentTypes['HelpdeskRateLimit']> = {
  limit?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  remaining?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  resetAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  viewerRemaining?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type HelpdeskViewerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['HelpdeskViewer'] = ResolversParentTypes['HelpdeskViewer']> = {
  agent?: Resolver<Schema.Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  customer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType>;
  role?: Resolver<ResolversTypes['HelpdeskViewerRole'], ParentType, ContextType>;
};

export type InboxSummaryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['InboxSummary'] = ResolversParentTypes['InboxSummary']> = {
  byAgent?: Resolver<ReadonlyArray<ResolversTypes['AgentCount']>, ParentType, ContextType>;
  byDepartment?: Resolver<ReadonlyArray<ResolversTypes['DepartmentCount']>, ParentType, ContextType>;
  byStatus?: Resolver<ReadonlyArray<ResolversTypes['StatusCount']>, ParentType, ContextType>;
  isComplete?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  oldestUnansweredAt?: Resolver<Schema.Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  open?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  snoozed?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  unassigned?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  unread?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export interface JsonObjectScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSONObject'], any> {
  name: 'JSONObject';
}

export type MutationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  addChatNote?: Resolver<Schema.Maybe<ResolversTypes['ChatMessage']>, ParentType, ContextType, RequireFields<Schema.MutationAddChatNoteArgs, 'chatId' | 'text'>>;
  addCustomerTags?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.MutationAddCustomerTagsArgs, 'customerId' | 'tags'>>;
  assignChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationAssignChatArgs, 'agentId' | 'id' | 'ifUnassigned'>>;
  createChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationCreateChatArgs, 'input'>>;
  createCustomer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.MutationCreateCustomerArgs, 'input'>>;
  deleteCustomer?: Resolver<Schema.Maybe<ResolversTypes['DeletedCustomer']>, ParentType, ContextType, RequireFields<Schema.MutationDeleteCustomerArgs, 'id'>>;
  markChatRead?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationMarkChatReadArgs, 'by' | 'id' | 'read'>>;
  moveChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationMoveChatArgs, 'departmentId' | 'id'>>;
  rateChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationRateChatArgs, 'id' | 'rating'>>;
  recordCustomerEvent?: Resolver<Schema.Maybe<ResolversTypes['CustomerEvent']>, ParentType, ContextType, RequireFields<Schema.MutationRecordCustomerEventArgs, 'customerId' | 'name'>>;
  removeCustomerTags?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.MutationRemoveCustomerTagsArgs, 'customerId' | 'names'>>;
  sendMessage?: Resolver<Schema.Maybe<ResolversTypes['ChatMessage']>, ParentType, ContextType, RequireFields<Schema.MutationSendMessageArgs, 'by' | 'chatId' | 'text'>>;
  setChatStatus?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationSetChatStatusArgs, 'id' | 'status'>>;
  snoozeChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationSnoozeChatArgs, 'id' | 'until'>>;
  unassignChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationUnassignChatArgs, 'id'>>;
  unsnoozeChat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.MutationUnsnoozeChatArgs, 'id'>>;
  unsubscribeAgent?: Resolver<Schema.Maybe<ResolversTypes['Agent']>, ParentType, ContextType, RequireFields<Schema.MutationUnsubscribeAgentArgs, 'id'>>;
  updateCustomer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.MutationUpdateCustomerArgs, 'id' | 'input'>>;
  updateCustomers?: Resolver<Schema.Maybe<ReadonlyArray<Schema.Maybe<ResolversTypes['Customer']>>>, ParentType, ContextType, RequireFields<Schema.MutationUpdateCustomersArgs, 'updates'>>;
  upsertCustomer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.MutationUpsertCustomerArgs, 'input' | 'userId'>>;
};

export type NodeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Node'] = ResolversParentTypes['Node']> = {
  __resolveType: TypeResolveFn<'Agent' | 'Chat' | 'Customer' | 'Department', ParentType, ContextType>;
};

export type PageInfoResolvers<ContextType = Context, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Schema.Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type QueryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  agent?: Resolver<Schema.Maybe<ResolversTypes['Agent']>, ParentType, ContextType, RequireFields<Schema.QueryAgentArgs, 'id'>>;
  agents?: Resolver<Schema.Maybe<ReadonlyArray<ResolversTypes['Agent']>>, ParentType, ContextType>;
  applications?: Resolver<Schema.Maybe<ReadonlyArray<ResolversTypes['ChatApplication']>>, ParentType, ContextType>;
  chat?: Resolver<Schema.Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<Schema.QueryChatArgs, 'id'>>;
  chats?: Resolver<Schema.Maybe<ResolversTypes['ChatConnection']>, ParentType, ContextType, RequireFields<Schema.QueryChatsArgs, 'orderBy'>>;
  customer?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.QueryCustomerArgs, 'id'>>;
  customerByUserId?: Resolver<Schema.Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<Schema.QueryCustomerByUserIdArgs, 'userId'>>;
  customers?: Resolver<Schema.Maybe<ResolversTypes['CustomerConnection']>, ParentType, ContextType, RequireFields<Schema.QueryCustomersArgs, 'orderBy'>>;
  department?: Resolver<Schema.Maybe<ResolversTypes['Department']>, ParentType, ContextType, RequireFields<Schema.QueryDepartmentArgs, 'id'>>;
  departments?: Resolver<Schema.Maybe<ReadonlyArray<ResolversTypes['Department']>>, ParentType, ContextType>;
  inbox?: Resolver<Schema.Maybe<ResolversTypes['ChatConnection']>, ParentType, ContextType, RequireFields<Schema.QueryInboxArgs, 'view'>>;
  inboxSummary?: Resolver<Schema.Maybe<ResolversTypes['InboxSummary']>, ParentType, ContextType>;
  node?: Resolver<Schema.Maybe<ResolversTypes['Node']>, ParentType, ContextType, RequireFields<Schema.QueryNodeArgs, 'nodeId'>>;
  nodes?: Resolver<Schema.Maybe<ReadonlyArray<Schema.Maybe<ResolversTypes['Node']>>>, ParentType, ContextType, RequireFields<Schema.QueryNodesArgs, 'nodeIds'>>;
  organization?: Resolver<Schema.Maybe<ResolversTypes['HelpdeskOrganization']>, ParentType, ContextType>;
  rateLimit?: Resolver<Schema.Maybe<ResolversTypes['HelpdeskRateLimit']>, ParentType, ContextType>;
  viewer?: Resolver<ResolversTypes['HelpdeskViewer'], ParentType, ContextType>;
};

export type StatusCountResolvers<ContextType = Context, ParentType extends ResolversParentTypes['StatusCount'] = ResolversParentTypes['StatusCount']> = {
  count?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['ChatStatus'], ParentType, ContextType>;
};

export type SubscriptionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  chatUpdated?: SubscriptionResolver<ResolversTypes['ChatUpdate'], "chatUpdated", ParentType, ContextType, Partial<Schema.SubscriptionChatUpdatedArgs>>;
  customerChanged?: SubscriptionResolver<ResolversTypes['CustomerChange'], "customerChanged", ParentType, ContextType, Partial<Schema.SubscriptionCustomerChangedArgs>>;
  customerUpdated?: SubscriptionResolver<ResolversTypes['Customer'], "customerUpdated", ParentType, ContextType, RequireFields<Schema.SubscriptionCustomerUpdatedArgs, 'id'>>;
  messageReceived?: SubscriptionResolver<ResolversTypes['ChatMessage'], "messageReceived", ParentType, ContextType, Partial<Schema.SubscriptionMessageReceivedArgs>>;
};

export type Resolvers<ContextType = Context> = {
  Agent?: AgentResolvers<ContextType>;
  AgentCount?: AgentCountResolvers<ContextType>;
  Chat?: ChatResolvers<ContextType>;
  ChatApplication?: ChatApplicationResolvers<ContextType>;
  ChatConnection?: ChatConnectionResolvers<ContextType>;
  ChatEdge?: ChatEdgeResolvers<ContextType>;
  ChatMessage?: ChatMessageResolvers<ContextType>;
  ChatMessageConnection?: ChatMessageConnectionResolvers<ContextType>;
  ChatMessageEdge?: ChatMessageEdgeResolvers<ContextType>;
  ChatUpdate?: ChatUpdateResolvers<ContextType>;
  Customer?: CustomerResolvers<ContextType>;
  CustomerChange?: CustomerChangeResolvers<ContextType>;
  CustomerConnection?: CustomerConnectionResolvers<ContextType>;
  CustomerDevice?: CustomerDeviceResolvers<ContextType>;
  CustomerEdge?: CustomerEdgeResolvers<ContextType>;
  CustomerEvent?: CustomerEventResolvers<ContextType>;
  CustomerLocation?: CustomerLocationResolvers<ContextType>;
  CustomerTag?: CustomerTagResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  DeletedCustomer?: DeletedCustomerResolvers<ContextType>;
  Department?: DepartmentResolvers<ContextType>;
  DepartmentCount?: DepartmentCountResolvers<ContextType>;
  HelpdeskOrganization?: HelpdeskOrganizationResolvers<ContextType>;
  HelpdeskRateLimit?: HelpdeskRateLimitResolvers<ContextType>;
  HelpdeskViewer?: HelpdeskViewerResolvers<ContextType>;
  InboxSummary?: InboxSummaryResolvers<ContextType>;
  JSONObject?: GraphQLScalarType;
  Mutation?: MutationResolvers<ContextType>;
  Node?: NodeResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  StatusCount?: StatusCountResolvers<ContextType>;
  Subscription?: SubscriptionResolvers<ContextType>;
};

export type DirectiveResolvers<ContextType = Context> = {
  cacheControl?: CacheControlDirectiveResolver<any, any, ContextType>;
};
