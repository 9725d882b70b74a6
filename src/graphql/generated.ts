import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { Viewer as ViewerModel, Context } from './context.ts';
import type { Agent as AgentModel } from '../resources/agents/model.ts';
import type { Application as ApplicationModel } from '../resources/applications/model.ts';
import type { Chat as ChatModel, ChatUpdate as ChatUpdateModel } from '../resources/chats/model.ts';
import type { Connection } from '../lib/paging.ts';
import type { Customer as CustomerModel } from '../resources/customers/model.ts';
import type { Department as DepartmentModel } from '../resources/departments/model.ts';
import type { ChatMessage as ChatMessageModel, MessagePage } from '../resources/messages/model.ts';
import type { Organization as OrganizationModel } from '../resources/organization/model.ts';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A time in UTC as an ISO 8601 string such as `2026-01-15T12:00:00.000Z`. */
  DateTime: { input: Date; output: number; }
  /** A JSON object. */
  JSONObject: { input: Readonly<Record<string, unknown>>; output: Readonly<Record<string, unknown>>; }
  _FieldSet: { input: string; output: string; }
};

/** A member of the team, or the chat bot. */
export type Agent = Node & {
  /** Chats assigned to the agent. The default order is `CREATED_AT DESC`. The chats of several agents are read in one batch. `FORBIDDEN` for customers. */
  readonly chats: ChatConnection;
  /** E-mail address; null if HelpCrunch does not provide it. `FORBIDDEN` for customers. */
  readonly email?: Maybe<Scalars['String']['output']>;
  /** HelpCrunch id of the agent. */
  readonly id: Scalars['ID']['output'];
  /** Name; null if HelpCrunch does not provide it. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** Global id, unique across all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** Role in HelpCrunch; null if HelpCrunch does not provide it. `FORBIDDEN` for customers. */
  readonly role?: Maybe<AgentRole>;
};


/** A member of the team, or the chat bot. */
export type AgentChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};

/** Role of an agent in HelpCrunch. */
export type AgentRole =
  /** Administers the account. */
  | 'ADMIN'
  /** Can use chats. */
  | 'AGENT'
  /** Can use chats only. */
  | 'AGENT_CHAT_ONLY'
  /** Manages agents. */
  | 'SUPERVISOR'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** Kinds of messages sent to many customers. */
export type BroadcastType =
  /** Sent to a chat by an automation rule. */
  | 'AUTO_CHAT'
  /** Sent by e-mail by an automation rule. */
  | 'AUTO_EMAIL'
  /** Sent to chats manually. */
  | 'MANUAL_CHAT'
  /** Sent by e-mail manually. */
  | 'MANUAL_EMAIL'
  /** Sent by a trigger. */
  | 'TRIGGER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A conversation between one customer and the team. */
export type Chat = Node & {
  /** The agents who wrote in the chat, in the order of HelpCrunch. */
  readonly agents: ReadonlyArray<Agent>;
  /** The application (channel) of the chat; null if HelpCrunch does not provide it or it no longer exists. */
  readonly application?: Maybe<ChatApplication>;
  /** HelpCrunch id of the application; null if HelpCrunch does not provide it. */
  readonly applicationId?: Maybe<Scalars['ID']['output']>;
  /** The assigned agent; null if no agent is assigned. */
  readonly assignee?: Maybe<Agent>;
  /** Time at which the chat was closed; null if it was never closed. */
  readonly closedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The side that closed the chat; null if it was never closed. */
  readonly closedBy?: Maybe<ChatCloser>;
  /** Creation time; `1970-01-01T00:00:00.000Z` if HelpCrunch does not provide it, which is rare. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** What started the chat; null if HelpCrunch does not provide it. */
  readonly createdWith?: Maybe<ChatOrigin>;
  /** The customer; null if it was deleted. */
  readonly customer?: Maybe<Customer>;
  /** The assigned department; null if no department is assigned. */
  readonly department?: Maybe<Department>;
  /** HelpCrunch id of the chat. */
  readonly id: Scalars['ID']['output'];
  /** The agent who wrote last; null if no agent wrote, or if the agent no longer exists. */
  readonly lastCommunicatedAgent?: Maybe<Agent>;
  /** HelpCrunch id of the agent who wrote last; null if no agent wrote. */
  readonly lastCommunicatedAgentId?: Maybe<Scalars['ID']['output']>;
  /** Time of the customer's last message; null if there is none. */
  readonly lastCustomerMessageAt?: Maybe<Scalars['DateTime']['output']>;
  /** Time of the last message; null in a chat without messages, and for customers, who may not see every message. */
  readonly lastMessageAt?: Maybe<Scalars['DateTime']['output']>;
  /** HelpCrunch id of the last message; null in a chat without messages, and for customers, who may not see every message. */
  readonly lastMessageId?: Maybe<Scalars['ID']['output']>;
  /** Text of the last message, or a link if it is a file; null in a chat without messages, and for customers, who may not see every message. */
  readonly lastMessageText?: Maybe<Scalars['String']['output']>;
  /** Messages, newest first. Costs one call per chat. Customers do not see private notes and system messages. */
  readonly messages: ChatMessageConnection;
  /** Global id, unique across all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** Rating by the customer; null if the chat is not rated. */
  readonly rating?: Maybe<ChatRating>;
  /** Whether the agents have read the last message; null if HelpCrunch does not provide it. */
  readonly readByAgent?: Maybe<Scalars['Boolean']['output']>;
  /** Whether the customer has read the last message; null if HelpCrunch does not provide it. */
  readonly readByCustomer?: Maybe<Scalars['Boolean']['output']>;
  /** Time until which the chat is snoozed; null if it is not snoozed. */
  readonly snoozedUntil?: Maybe<Scalars['DateTime']['output']>;
  /** Status of the conversation. */
  readonly status: ChatStatus;
};


/** A conversation between one customer and the team. */
export type ChatMessagesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

/** A channel through which chats reach the team. */
export type ChatApplication = {
  /** Whether the application is enabled; null if HelpCrunch does not provide it. */
  readonly active?: Maybe<Scalars['Boolean']['output']>;
  /** Displayed name; null if HelpCrunch does not provide it. */
  readonly displayName?: Maybe<Scalars['String']['output']>;
  /** HelpCrunch id of the application. */
  readonly id: Scalars['ID']['output'];
  /** Technical name; null if HelpCrunch does not provide it. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** Kind of channel; null if HelpCrunch does not provide it. */
  readonly type?: Maybe<Scalars['String']['output']>;
};

/** Kinds of changes of a chat. */
export type ChatChange =
  /** The assigned agent or department changed. */
  | 'ASSIGNEE'
  /** The chat was closed. */
  | 'CLOSED'
  /** The chat was created. */
  | 'CREATED'
  /** A message or a private note was added. */
  | 'MESSAGE'
  /** The customer rated the chat. */
  | 'RATED'
  /** The read state of the agents or of the customer changed. */
  | 'READ'
  /** The chat was snoozed. */
  | 'SNOOZED'
  /** The status changed. */
  | 'STATUS'
  /** The chat was unsnoozed, by an agent or because the time was over. */
  | 'UNSNOOZED';

/** The side that closed a chat. */
export type ChatCloser =
  /** An agent. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A page of a list of chats. */
export type ChatConnection = {
  /** The chats of this page with their cursors. */
  readonly edges: ReadonlyArray<ChatEdge>;
  /** The chats of this page. */
  readonly nodes: ReadonlyArray<Chat>;
  /** Position of this page in the list. */
  readonly pageInfo: PageInfo;
  /** Number of chats in the whole list. Selected alone it costs one small call. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A chat in a list. */
export type ChatEdge = {
  /** Opaque position of the chat in the list. */
  readonly cursor: Scalars['String']['output'];
  /** The chat. */
  readonly node: Chat;
};

/**
 * Conditions for chats, joined by AND.
 *
 * HelpCrunch's search supports one flat AND or one flat OR. Other combinations are rejected with `BAD_USER_INPUT`: conditions next to
 * an `anyOf` with several entries, and several conditions in one alternative. A search for missing values is not supported, so null is
 * rejected; omit the condition instead.
 */
export type ChatFilter = {
  /** This agent wrote at least one message. */
  readonly agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Alternatives joined by OR, 1 to 100, each with one condition. */
  readonly anyOf?: InputMaybe<ReadonlyArray<ChatFilter>>;
  /** The chat is assigned to this agent. */
  readonly assigneeId?: InputMaybe<Scalars['ID']['input']>;
  /** Range of the time at which the chat was closed. */
  readonly closedAt?: InputMaybe<HelpdeskDateTimeRange>;
  /** Range of the creation time. */
  readonly createdAt?: InputMaybe<HelpdeskDateTimeRange>;
  /** The customer's e-mail address equals this value. */
  readonly customerEmail?: InputMaybe<Scalars['String']['input']>;
  /** The chat belongs to this customer. */
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  /** The customer has all of these tags, 1 to 50. */
  readonly customerTags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Your own id of the customer equals this value. */
  readonly customerUserId?: InputMaybe<Scalars['String']['input']>;
  /** The chat is assigned to this department. */
  readonly departmentId?: InputMaybe<Scalars['ID']['input']>;
  /** The rating equals this value. */
  readonly rating?: InputMaybe<ChatRating>;
  /** The status equals this value. */
  readonly status?: InputMaybe<ChatStatus>;
  /** The status differs from this value. */
  readonly statusNot?: InputMaybe<ChatStatus>;
};

/** A message, private note or system message in a chat. */
export type ChatMessage = {
  /** The agent who wrote the message; null for messages of the customer and of the system. */
  readonly agent?: Maybe<Agent>;
  /** Kind of broadcast that sent the message; null if a person sent it. */
  readonly broadcastType?: Maybe<BroadcastType>;
  /** The chat that contains the message. */
  readonly chat: Chat;
  /** Time at which the message was sent; `1970-01-01T00:00:00.000Z` if HelpCrunch does not provide it, which is rare. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** Whether the message was edited after it was sent; null if HelpCrunch does not provide it. */
  readonly edited?: Maybe<Scalars['Boolean']['output']>;
  /** The side that sent the message. The bot and the system count as `AGENT`. */
  readonly from: ChatMessageSender;
  /** HelpCrunch id of the message. It can exceed the range of a 32-bit integer. */
  readonly id: Scalars['ID']['output'];
  /** Whether the other side has read the message; null if HelpCrunch does not provide it. */
  readonly read?: Maybe<Scalars['Boolean']['output']>;
  /** Text; an event name such as `chat_status_changed` if `type` is `TECH`; null if there is none. */
  readonly text?: Maybe<Scalars['String']['output']>;
  /** Kind of message. */
  readonly type: ChatMessageType;
  /** Time of the last edit; null if the message was never edited. */
  readonly updatedAt?: Maybe<Scalars['DateTime']['output']>;
};

/** A page of the messages of a chat. */
export type ChatMessageConnection = {
  /** The messages of this page with their cursors. */
  readonly edges: ReadonlyArray<ChatMessageEdge>;
  /** The messages of this page. */
  readonly nodes: ReadonlyArray<ChatMessage>;
  /** Position of this page in the list. */
  readonly pageInfo: PageInfo;
  /** Number of messages of the chat; null for customers, who may not see every message. */
  readonly totalCount?: Maybe<Scalars['Int']['output']>;
};

/** A message in a list. */
export type ChatMessageEdge = {
  /** Opaque position of the message in the list. */
  readonly cursor: Scalars['String']['output'];
  /** The message. */
  readonly node: ChatMessage;
};

/** The side that sent a message. */
export type ChatMessageSender =
  /** The team, its bot included. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** Kinds of messages. */
export type ChatMessageType =
  /** A message sent by e-mail. */
  | 'EMAIL'
  /** An article of the knowledge base. */
  | 'KNOWLEDGE_BASE'
  /** A message of the conversation. */
  | 'MESSAGE'
  /** A private note, visible to agents only. */
  | 'PRIVATE'
  /** A system message, visible to agents only. */
  | 'TECH'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** Order of chats. HelpCrunch decides the position of chats without the time that is sorted by. */
export type ChatOrder = {
  /** Ascending or descending. */
  readonly direction: HelpdeskOrderDirection;
  /** Sort key. */
  readonly field: ChatOrderField;
};

/** Sort keys of chats. */
export type ChatOrderField =
  /** Time at which the chat was closed. */
  | 'CLOSED_AT'
  /** Creation time. */
  | 'CREATED_AT'
  /** Time of the customer's last message. */
  | 'LAST_CUSTOMER_MESSAGE_AT'
  /** Time of the last message. */
  | 'LAST_MESSAGE_AT';

/** What started a chat. */
export type ChatOrigin =
  /** A message of an agent. */
  | 'AGENT_MESSAGE'
  /** A reply to a broadcast. */
  | 'BROADCAST_REPLY'
  /** A message of the customer. */
  | 'CUSTOMER_MESSAGE'
  /** A program, through HelpCrunch's public API. */
  | 'PUBLIC_API'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** Rating of a conversation, from best to worst. */
export type ChatRating =
  /** 3 of 5. */
  | 'AVERAGE'
  /** 4 of 5. */
  | 'GREAT'
  /** 5 of 5. */
  | 'PERFECT'
  /** 2 of 5. */
  | 'POOR'
  /** A value that this schema does not know. */
  | 'UNKNOWN'
  /** 1 of 5. */
  | 'VERY_POOR';

/** Status of a conversation. */
export type ChatStatus =
  /** Closed. */
  | 'CLOSED'
  /** Without messages. */
  | 'EMPTY'
  /** The customer wrote, and no agent has answered yet. */
  | 'NEW'
  /** Started by the team; the customer has not answered. */
  | 'NO_COMMUNICATION'
  /** Waiting for a third party. */
  | 'ON_HOLD'
  /** The conversation is active. */
  | 'OPENED'
  /** Waiting for the customer. */
  | 'PENDING'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A change of a chat. */
export type ChatUpdate = {
  /** Time of the change. */
  readonly at: Scalars['DateTime']['output'];
  /** The kind of change. */
  readonly change: ChatChange;
  /** The chat in the state after this change or a later one. */
  readonly chat: Chat;
};

/** A person who is, or can be, in contact with the team. */
export type Customer = Node & {
  /** Whether the customer is blocked; null if HelpCrunch does not provide it. */
  readonly blocked?: Maybe<Scalars['Boolean']['output']>;
  /** Chats of the customer. The default order is `CREATED_AT DESC`. The chats of several customers are read in one batch. */
  readonly chats: ChatConnection;
  /** Company; null if unknown. */
  readonly company?: Maybe<Scalars['String']['output']>;
  /** Channel through which the customer was created, such as `telegram`; null for the site widget. */
  readonly createdFrom?: Maybe<Scalars['String']['output']>;
  /** Values of your custom attributes by name. Empty if there are none. */
  readonly customData: Scalars['JSONObject']['output'];
  /** Device of the last visit; null if unknown. */
  readonly device?: Maybe<CustomerDevice>;
  /** E-mail address as entered, neither validated nor unique; null if unknown. */
  readonly email?: Maybe<Scalars['String']['output']>;
  /** Time of the first visit; null if unknown. */
  readonly firstSeen?: Maybe<Scalars['DateTime']['output']>;
  /** HelpCrunch id of the customer. */
  readonly id: Scalars['ID']['output'];
  /** Id of the customer in that channel; null if there is none. */
  readonly integrationId?: Maybe<Scalars['String']['output']>;
  /** URL of the last page the customer visited; null if unknown. */
  readonly lastPage?: Maybe<Scalars['String']['output']>;
  /** Time of the last visit; null if unknown. */
  readonly lastSeen?: Maybe<Scalars['DateTime']['output']>;
  /** Language as an ISO 639-1 code; null if unknown. */
  readonly locale?: Maybe<Scalars['String']['output']>;
  /** Location of the last visit; null if unknown. */
  readonly location?: Maybe<CustomerLocation>;
  /** Name; null if unknown. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** Global id, unique across all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** Notes of the team; null if there are none. `FORBIDDEN` for customers. */
  readonly notes?: Maybe<Scalars['String']['output']>;
  /** Phone number as entered; null if unknown. */
  readonly phone?: Maybe<Scalars['String']['output']>;
  /** URL of the page the customer came from; null if unknown. */
  readonly referer?: Maybe<Scalars['String']['output']>;
  /** URL of the first page the customer visited; null if unknown. */
  readonly source?: Maybe<Scalars['String']['output']>;
  /** Tags, in the order of HelpCrunch. */
  readonly tags: ReadonlyArray<CustomerTag>;
  /** Whether the customer unsubscribed from e-mails; null if HelpCrunch does not provide it. */
  readonly unsubscribed?: Maybe<Scalars['Boolean']['output']>;
  /** Your own id of the customer, unique in the account; null if none was set. */
  readonly userId?: Maybe<Scalars['String']['output']>;
};


/** A person who is, or can be, in contact with the team. */
export type CustomerChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};

/** A page of a list of customers. */
export type CustomerConnection = {
  /** The customers of this page with their cursors. */
  readonly edges: ReadonlyArray<CustomerEdge>;
  /** The customers of this page. */
  readonly nodes: ReadonlyArray<Customer>;
  /** Position of this page in the list. */
  readonly pageInfo: PageInfo;
  /** Number of customers in the whole list. Selected alone it costs one small call. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A device with which a customer contacts the team. */
export type CustomerDevice = {
  /** HelpCrunch id of the device; null if unknown. */
  readonly id?: Maybe<Scalars['ID']['output']>;
  /** IP address; null if unknown. */
  readonly ip?: Maybe<Scalars['String']['output']>;
  /** Kind of device, such as `desktop`; null if unknown. */
  readonly platform?: Maybe<Scalars['String']['output']>;
  /** Name of the time zone; null if unknown. */
  readonly timezone?: Maybe<Scalars['String']['output']>;
  /** User agent of the browser; null if unknown. */
  readonly userAgent?: Maybe<Scalars['String']['output']>;
};

/** A customer in a list. */
export type CustomerEdge = {
  /** Opaque position of the customer in the list. */
  readonly cursor: Scalars['String']['output'];
  /** The customer. */
  readonly node: Customer;
};

/**
 * Conditions for customers, joined by AND.
 *
 * HelpCrunch's search supports one flat AND or one flat OR. Other combinations are rejected with `BAD_USER_INPUT`: conditions next to
 * an `anyOf` with several entries, and several conditions in one alternative. A search for missing values is not supported, so null is
 * rejected; omit the condition instead.
 */
export type CustomerFilter = {
  /** Alternatives joined by OR, 1 to 100, each with one condition. */
  readonly anyOf?: InputMaybe<ReadonlyArray<CustomerFilter>>;
  /** Condition on the name of the city. */
  readonly city?: InputMaybe<CustomerTextFilter>;
  /** Condition on the company. */
  readonly company?: InputMaybe<CustomerTextFilter>;
  /** Condition on the country code. */
  readonly countryCode?: InputMaybe<CustomerTextFilter>;
  /** Condition on the e-mail address. */
  readonly email?: InputMaybe<CustomerTextFilter>;
  /** The HelpCrunch id is one of these, 1 to 100. Several values are an OR. */
  readonly ids?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
  /** Range of the time of the last visit. */
  readonly lastSeen?: InputMaybe<HelpdeskDateTimeRange>;
  /** Condition on the name. */
  readonly name?: InputMaybe<CustomerTextFilter>;
  /** Condition on the phone number. */
  readonly phone?: InputMaybe<CustomerTextFilter>;
  /** The customer has all of these tags, 1 to 50. */
  readonly tags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Your own id of the customer is one of these, 1 to 100. Several values are an OR. */
  readonly userIds?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

/** A geographic location. */
export type CustomerLocation = {
  /** Name of the city; null if unknown. */
  readonly city?: Maybe<Scalars['String']['output']>;
  /** Code of the country, usually ISO 3166-1 alpha-2; null if unknown. */
  readonly countryCode?: Maybe<Scalars['String']['output']>;
  /** Code of the region within its country; null if unknown. */
  readonly regionCode?: Maybe<Scalars['String']['output']>;
};

/** Order of customers. */
export type CustomerOrder = {
  /** Ascending or descending. */
  readonly direction: HelpdeskOrderDirection;
  /** Sort key. */
  readonly field: CustomerOrderField;
};

/** Sort keys of customers. */
export type CustomerOrderField =
  /** Time of the first visit. */
  | 'FIRST_SEEN'
  /** Time of the last visit. */
  | 'LAST_SEEN';

/** A label of customers. */
export type CustomerTag = {
  /** Color as a CSS value, as entered; null if there is none. */
  readonly color?: Maybe<Scalars['String']['output']>;
  /** Name of the tag. */
  readonly name: Scalars['String']['output'];
};

/** Condition on a text. HelpCrunch decides whether case matters. At least one field is required. */
export type CustomerTextFilter = {
  /** The text contains this value. */
  readonly contains?: InputMaybe<Scalars['String']['input']>;
  /** The text equals this value. */
  readonly equals?: InputMaybe<Scalars['String']['input']>;
};

/** A group of agents to which chats are assigned. */
export type Department = Node & {
  /** Members, in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly agents: ReadonlyArray<Agent>;
  /** Chats assigned to the department. The default order is `CREATED_AT DESC`. The chats of several departments are read in one batch. `FORBIDDEN` for customers. */
  readonly chats: ChatConnection;
  /** HelpCrunch id of the department. */
  readonly id: Scalars['ID']['output'];
  /** Name; empty if HelpCrunch does not provide it. */
  readonly name: Scalars['String']['output'];
  /** Global id, unique across all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
};


/** A group of agents to which chats are assigned. */
export type DepartmentChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};

/** A range of time in whole seconds, both ends included. At least one end is required. */
export type HelpdeskDateTimeRange = {
  /** Earliest time. */
  readonly from?: InputMaybe<Scalars['DateTime']['input']>;
  /** Latest time. */
  readonly to?: InputMaybe<Scalars['DateTime']['input']>;
};

/** Sort direction. */
export type HelpdeskOrderDirection =
  /** Smallest or earliest first. */
  | 'ASC'
  /** Largest or latest first. */
  | 'DESC';

/** The organization that owns the account. */
export type HelpdeskOrganization = {
  /** Whether customers can write; null if HelpCrunch does not provide it. */
  readonly chatEnabled?: Maybe<Scalars['Boolean']['output']>;
  /** Subdomain of the organization in HelpCrunch's URLs; null if HelpCrunch does not provide it. */
  readonly domain?: Maybe<Scalars['String']['output']>;
  /** HelpCrunch id of the organization. */
  readonly id: Scalars['ID']['output'];
  /** Whether an agent is online; null if HelpCrunch does not provide it. */
  readonly teamOnline?: Maybe<Scalars['Boolean']['output']>;
};

/** Rate limit of the account for calls to HelpCrunch. */
export type HelpdeskRateLimit = {
  /** Calls allowed in any 60 seconds; 0 if unlimited. */
  readonly limit: Scalars['Int']['output'];
  /** Calls that can be made now; 0 if unlimited. */
  readonly remaining: Scalars['Int']['output'];
  /** Time at which all calls made so far have left the window; null if the window is empty. */
  readonly resetAt?: Maybe<Scalars['DateTime']['output']>;
};

/** The authenticated client. */
export type HelpdeskViewer = {
  /** The agent that the viewer is; null for other roles, or if the agent is unknown. */
  readonly agent?: Maybe<Agent>;
  /** The customer that the viewer is; null for other roles. */
  readonly customer?: Maybe<Customer>;
  /** Permissions of the viewer. */
  readonly role: HelpdeskViewerRole;
};

/** Permissions of a viewer. */
export type HelpdeskViewerRole =
  /** Everything, as an agent. */
  | 'AGENT'
  /** Everything, because the gateway does not authenticate clients. */
  | 'ALL'
  /** The customer itself and its own chats. */
  | 'CUSTOMER';

/** Write operations. */
export type Mutation = {
  /**
   * Marks a chat as read or unread for the agents or for the customer, and returns the changed chat. Idempotent.
   * An unknown id is an error with the code `NOT_FOUND`.
   */
  readonly markChatRead: Chat;
};


/** Write operations. */
export type MutationMarkChatReadArgs = {
  by: ReadBy;
  id: Scalars['ID']['input'];
  read: Scalars['Boolean']['input'];
};

/** An object with a global id. */
export type Node = {
  /** Global id, unique across all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
};

/** Position of a page in its list. */
export type PageInfo = {
  /** Cursor of the last item; null if the page is empty. */
  readonly endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether there are items after this page. */
  readonly hasNextPage: Scalars['Boolean']['output'];
  /** Whether there are items before this page. */
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  /** Cursor of the first item; null if the page is empty. */
  readonly startCursor?: Maybe<Scalars['String']['output']>;
};

/** Read operations. */
export type Query = {
  /** An agent by id. An unknown id is null with the error `NOT_FOUND`. */
  readonly agent?: Maybe<Agent>;
  /** All agents, the chat bot included, in the order of HelpCrunch. */
  readonly agents: ReadonlyArray<Agent>;
  /** All applications (channels of chats), in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly applications: ReadonlyArray<ChatApplication>;
  /** A chat by id. An unknown id is null with the error `NOT_FOUND`. */
  readonly chat?: Maybe<Chat>;
  /** The chats of the account. The default order is `CREATED_AT DESC`. */
  readonly chats: ChatConnection;
  /** A customer by id. An unknown id is null with the error `NOT_FOUND`. */
  readonly customer?: Maybe<Customer>;
  /** A customer by your own id. An unknown id is null with the error `NOT_FOUND`. */
  readonly customerByUserId?: Maybe<Customer>;
  /** The customers of the account. The default order is `FIRST_SEEN DESC`. */
  readonly customers: CustomerConnection;
  /** A department by id. An unknown id is null with the error `NOT_FOUND`. `FORBIDDEN` for customers. */
  readonly department?: Maybe<Department>;
  /** All departments, in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly departments: ReadonlyArray<Department>;
  /** A chat, customer, agent or department by its global id. An unknown id is null with the error `NOT_FOUND`. */
  readonly node?: Maybe<Node>;
  /** Objects by their global ids, in the given order. An unknown id is a null entry with an error of its own. */
  readonly nodes: ReadonlyArray<Maybe<Node>>;
  /** The organization that owns the account. `FORBIDDEN` for customers. */
  readonly organization: HelpdeskOrganization;
  /** The rate limit of the account and its remaining calls. Costs no call to HelpCrunch. `FORBIDDEN` for customers. */
  readonly rateLimit: HelpdeskRateLimit;
  /** The authenticated client. */
  readonly viewer: HelpdeskViewer;
};


/** Read operations. */
export type QueryAgentArgs = {
  id: Scalars['ID']['input'];
};


/** Read operations. */
export type QueryChatArgs = {
  id: Scalars['ID']['input'];
};


/** Read operations. */
export type QueryChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ChatFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};


/** Read operations. */
export type QueryCustomerArgs = {
  id: Scalars['ID']['input'];
};


/** Read operations. */
export type QueryCustomerByUserIdArgs = {
  userId: Scalars['String']['input'];
};


/** Read operations. */
export type QueryCustomersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<CustomerFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<CustomerOrder>;
};


/** Read operations. */
export type QueryDepartmentArgs = {
  id: Scalars['ID']['input'];
};


/** Read operations. */
export type QueryNodeArgs = {
  nodeId: Scalars['ID']['input'];
};


/** Read operations. */
export type QueryNodesArgs = {
  nodeIds: ReadonlyArray<Scalars['ID']['input']>;
};

/** The sides of a chat that have a read state. */
export type ReadBy =
  /** The agents. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER';

/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type Subscription = {
  /**
   * Changes of chats. Each change is delivered once, and those of one chat in order. Without arguments all chats that the viewer may
   * read. All given arguments must match the chat as it is after the change.
   */
  readonly chatUpdated: ChatUpdate;
  /** A customer after each change of it. */
  readonly customerUpdated: Customer;
  /** New messages of agents and customers, those of one chat in order. */
  readonly messageReceived: ChatMessage;
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionChatUpdatedArgs = {
  assigneeId?: InputMaybe<Scalars['ID']['input']>;
  customerId?: InputMaybe<Scalars['ID']['input']>;
  departmentId?: InputMaybe<Scalars['ID']['input']>;
  id?: InputMaybe<Scalars['ID']['input']>;
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionCustomerUpdatedArgs = {
  id: Scalars['ID']['input'];
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionMessageReceivedArgs = {
  chatId?: InputMaybe<Scalars['ID']['input']>;
};



export type ResolverTypeWrapper<T> = Promise<T> | T;

export type ReferenceResolver<TResult, TReference, TContext> = (
      reference: TReference,
      context: TContext,
      info: GraphQLResolveInfo
    ) => Promise<TResult> | TResult;

      type ScalarCheck<T, S> = S extends true ? T : NullableCheck<T, S>;
      type NullableCheck<T, S> = Maybe<T> extends T ? Maybe<ListCheck<NonNullable<T>, S>> : ListCheck<T, S>;
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
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

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
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  AgentRole: AgentRole;
  BroadcastType: BroadcastType;
  Chat: ResolverTypeWrapper<ChatModel>;
  ChatApplication: ResolverTypeWrapper<ApplicationModel>;
  ChatChange: ChatChange;
  ChatCloser: ChatCloser;
  ChatConnection: ResolverTypeWrapper<Connection<ChatModel>>;
  ChatEdge: ResolverTypeWrapper<Omit<ChatEdge, 'node'> & { node: ResolversTypes['Chat'] }>;
  ChatFilter: ChatFilter;
  ChatMessage: ResolverTypeWrapper<ChatMessageModel>;
  ChatMessageConnection: ResolverTypeWrapper<MessagePage>;
  ChatMessageEdge: ResolverTypeWrapper<Omit<ChatMessageEdge, 'node'> & { node: ResolversTypes['ChatMessage'] }>;
  ChatMessageSender: ChatMessageSender;
  ChatMessageType: ChatMessageType;
  ChatOrder: ChatOrder;
  ChatOrderField: ChatOrderField;
  ChatOrigin: ChatOrigin;
  ChatRating: ChatRating;
  ChatStatus: ChatStatus;
  ChatUpdate: ResolverTypeWrapper<ChatUpdateModel>;
  Customer: ResolverTypeWrapper<CustomerModel>;
  CustomerConnection: ResolverTypeWrapper<Connection<CustomerModel>>;
  CustomerDevice: ResolverTypeWrapper<CustomerDevice>;
  CustomerEdge: ResolverTypeWrapper<Omit<CustomerEdge, 'node'> & { node: ResolversTypes['Customer'] }>;
  CustomerFilter: CustomerFilter;
  CustomerLocation: ResolverTypeWrapper<CustomerLocation>;
  CustomerOrder: CustomerOrder;
  CustomerOrderField: CustomerOrderField;
  CustomerTag: ResolverTypeWrapper<CustomerTag>;
  CustomerTextFilter: CustomerTextFilter;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  Department: ResolverTypeWrapper<DepartmentModel>;
  HelpdeskDateTimeRange: HelpdeskDateTimeRange;
  HelpdeskOrderDirection: HelpdeskOrderDirection;
  HelpdeskOrganization: ResolverTypeWrapper<OrganizationModel>;
  HelpdeskRateLimit: ResolverTypeWrapper<HelpdeskRateLimit>;
  HelpdeskViewer: ResolverTypeWrapper<ViewerModel>;
  HelpdeskViewerRole: HelpdeskViewerRole;
  JSONObject: ResolverTypeWrapper<Scalars['JSONObject']['output']>;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Node: ResolverTypeWrapper<ResolversInterfaceTypes<ResolversTypes>['Node']>;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  ReadBy: ReadBy;
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  Agent: AgentModel;
  String: Scalars['String']['output'];
  ID: Scalars['ID']['output'];
  Chat: ChatModel;
  ChatApplication: ApplicationModel;
  ChatConnection: Connection<ChatModel>;
  ChatEdge: Omit<ChatEdge, 'node'> & { node: ResolversParentTypes['Chat'] };
  ChatFilter: ChatFilter;
  ChatMessage: ChatMessageModel;
  ChatMessageConnection: MessagePage;
  ChatMessageEdge: Omit<ChatMessageEdge, 'node'> & { node: ResolversParentTypes['ChatMessage'] };
  ChatOrder: ChatOrder;
  ChatUpdate: ChatUpdateModel;
  Customer: CustomerModel;
  CustomerConnection: Connection<CustomerModel>;
  CustomerDevice: CustomerDevice;
  CustomerEdge: Omit<CustomerEdge, 'node'> & { node: ResolversParentTypes['Customer'] };
  CustomerFilter: CustomerFilter;
  CustomerLocation: CustomerLocation;
  CustomerOrder: CustomerOrder;
  CustomerTag: CustomerTag;
  CustomerTextFilter: CustomerTextFilter;
  DateTime: Scalars['DateTime']['output'];
  Department: DepartmentModel;
  HelpdeskDateTimeRange: HelpdeskDateTimeRange;
  HelpdeskOrganization: OrganizationModel;
  HelpdeskRateLimit: HelpdeskRateLimit;
  HelpdeskViewer: ViewerModel;
  JSONObject: Scalars['JSONObject']['output'];
  Mutation: Record<PropertyKey, never>;
  Node: ResolversInterfaceTypes<ResolversParentTypes>['Node'];
  PageInfo: PageInfo;
  Query: Record<PropertyKey, never>;
  Subscription: Record<PropertyKey, never>;
  Boolean: Scalars['Boolean']['output'];
  Int: Scalars['Int']['output'];
};

export type CacheControlDirectiveArgs = {
  inheritMaxAge?: Maybe<Scalars['Boolean']['input']>;
  maxAge?: Maybe<Scalars['Int']['input']>;
};

export type CacheControlDirectiveResolver<Result, Parent, ContextType = Context, Args = CacheControlDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type AgentResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Agent'] = ResolversParentTypes['Agent'], FederationReferenceType extends FederationReferenceTypes['Agent'] = FederationReferenceTypes['Agent']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Agent']> | FederationReferenceType, FederationReferenceType, ContextType>;
  chats?: Resolver<ResolversTypes['ChatConnection'], ParentType, ContextType, Partial<AgentChatsArgs>>;
  email?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  role?: Resolver<Maybe<ResolversTypes['AgentRole']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ChatResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Chat'] = ResolversParentTypes['Chat'], FederationReferenceType extends FederationReferenceTypes['Chat'] = FederationReferenceTypes['Chat']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Chat']> | FederationReferenceType, FederationReferenceType, ContextType>;
  agents?: Resolver<ReadonlyArray<ResolversTypes['Agent']>, ParentType, ContextType>;
  application?: Resolver<Maybe<ResolversTypes['ChatApplication']>, ParentType, ContextType>;
  applicationId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  assignee?: Resolver<Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  closedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  closedBy?: Resolver<Maybe<ResolversTypes['ChatCloser']>, ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  createdWith?: Resolver<Maybe<ResolversTypes['ChatOrigin']>, ParentType, ContextType>;
  customer?: Resolver<Maybe<ResolversTypes['Customer']>, ParentType, ContextType>;
  department?: Resolver<Maybe<ResolversTypes['Department']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  lastCommunicatedAgent?: Resolver<Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  lastCommunicatedAgentId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  lastCustomerMessageAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  lastMessageAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  lastMessageId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  lastMessageText?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  messages?: Resolver<ResolversTypes['ChatMessageConnection'], ParentType, ContextType, Partial<ChatMessagesArgs>>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  rating?: Resolver<Maybe<ResolversTypes['ChatRating']>, ParentType, ContextType>;
  readByAgent?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  readByCustomer?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  snoozedUntil?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  status?: Resolver<ResolversTypes['ChatStatus'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type ChatApplicationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatApplication'] = ResolversParentTypes['ChatApplication'], FederationReferenceType extends FederationReferenceTypes['ChatApplication'] = FederationReferenceTypes['ChatApplication']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['ChatApplication']> | FederationReferenceType, FederationReferenceType, ContextType>;
  active?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  displayName?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  type?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type ChatConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatConnection'] = ResolversParentTypes['ChatConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['ChatEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Chat']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ChatEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatEdge'] = ResolversParentTypes['ChatEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Chat'], ParentType, ContextType>;
};

export type ChatMessageResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatMessage'] = ResolversParentTypes['ChatMessage']> = {
  agent?: Resolver<Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  broadcastType?: Resolver<Maybe<ResolversTypes['BroadcastType']>, ParentType, ContextType>;
  chat?: Resolver<ResolversTypes['Chat'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  edited?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  from?: Resolver<ResolversTypes['ChatMessageSender'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  read?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  text?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  type?: Resolver<ResolversTypes['ChatMessageType'], ParentType, ContextType>;
  updatedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
};

export type ChatMessageConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatMessageConnection'] = ResolversParentTypes['ChatMessageConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['ChatMessageEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['ChatMessage']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<Maybe<ResolversTypes['Int']>, ParentType, ContextType>;
};

export type ChatMessageEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatMessageEdge'] = ResolversParentTypes['ChatMessageEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['ChatMessage'], ParentType, ContextType>;
};

export type ChatUpdateResolvers<ContextType = Context, ParentType extends ResolversParentTypes['ChatUpdate'] = ResolversParentTypes['ChatUpdate']> = {
  at?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  change?: Resolver<ResolversTypes['ChatChange'], ParentType, ContextType>;
  chat?: Resolver<ResolversTypes['Chat'], ParentType, ContextType>;
};

export type CustomerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Customer'] = ResolversParentTypes['Customer'], FederationReferenceType extends FederationReferenceTypes['Customer'] = FederationReferenceTypes['Customer']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Customer']> | FederationReferenceType, FederationReferenceType, ContextType>;
  blocked?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  chats?: Resolver<ResolversTypes['ChatConnection'], ParentType, ContextType, Partial<CustomerChatsArgs>>;
  company?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  createdFrom?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  customData?: Resolver<ResolversTypes['JSONObject'], ParentType, ContextType>;
  device?: Resolver<Maybe<ResolversTypes['CustomerDevice']>, ParentType, ContextType>;
  email?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  firstSeen?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  integrationId?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  lastPage?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  lastSeen?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  locale?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  location?: Resolver<Maybe<ResolversTypes['CustomerLocation']>, ParentType, ContextType>;
  name?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  notes?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  phone?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  referer?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  source?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  tags?: Resolver<ReadonlyArray<ResolversTypes['CustomerTag']>, ParentType, ContextType>;
  unsubscribed?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  userId?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type CustomerConnectionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerConnection'] = ResolversParentTypes['CustomerConnection']> = {
  edges?: Resolver<ReadonlyArray<ResolversTypes['CustomerEdge']>, ParentType, ContextType>;
  nodes?: Resolver<ReadonlyArray<ResolversTypes['Customer']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type CustomerDeviceResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerDevice'] = ResolversParentTypes['CustomerDevice']> = {
  id?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  ip?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  platform?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  timezone?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  userAgent?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type CustomerEdgeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerEdge'] = ResolversParentTypes['CustomerEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Customer'], ParentType, ContextType>;
};

export type CustomerLocationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerLocation'] = ResolversParentTypes['CustomerLocation']> = {
  city?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  countryCode?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  regionCode?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type CustomerTagResolvers<ContextType = Context, ParentType extends ResolversParentTypes['CustomerTag'] = ResolversParentTypes['CustomerTag']> = {
  color?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type DepartmentResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Department'] = ResolversParentTypes['Department'], FederationReferenceType extends FederationReferenceTypes['Department'] = FederationReferenceTypes['Department']> = {
  __resolveReference?: ReferenceResolver<Maybe<ResolversTypes['Department']> | FederationReferenceType, FederationReferenceType, ContextType>;
  agents?: Resolver<ReadonlyArray<ResolversTypes['Agent']>, ParentType, ContextType>;
  chats?: Resolver<ResolversTypes['ChatConnection'], ParentType, ContextType, Partial<DepartmentChatsArgs>>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  nodeId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  __isTypeOf?: IsTypeOfResolverFn<ParentType, ContextType>;
};

export type HelpdeskOrganizationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['HelpdeskOrganization'] = ResolversParentTypes['HelpdeskOrganization']> = {
  chatEnabled?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
  domain?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  teamOnline?: Resolver<Maybe<ResolversTypes['Boolean']>, ParentType, ContextType>;
};

export type HelpdeskRateLimitResolvers<ContextType = Context, ParentType extends ResolversParentTypes['HelpdeskRateLimit'] = ResolversParentTypes['HelpdeskRateLimit']> = {
  limit?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  remaining?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
  resetAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
};

export type HelpdeskViewerResolvers<ContextType = Context, ParentType extends ResolversParentTypes['HelpdeskViewer'] = ResolversParentTypes['HelpdeskViewer']> = {
  agent?: Resolver<Maybe<ResolversTypes['Agent']>, ParentType, ContextType>;
  customer?: Resolver<Maybe<ResolversTypes['Customer']>, ParentType, ContextType>;
  role?: Resolver<ResolversTypes['HelpdeskViewerRole'], ParentType, ContextType>;
};

export interface JsonObjectScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSONObject'], any> {
  name: 'JSONObject';
}

export type MutationResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  markChatRead?: Resolver<ResolversTypes['Chat'], ParentType, ContextType, RequireFields<MutationMarkChatReadArgs, 'by' | 'id' | 'read'>>;
};

export type NodeResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Node'] = ResolversParentTypes['Node']> = {
  __resolveType: TypeResolveFn<'Agent' | 'Chat' | 'Customer' | 'Department', ParentType, ContextType>;
};

export type PageInfoResolvers<ContextType = Context, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type QueryResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  agent?: Resolver<Maybe<ResolversTypes['Agent']>, ParentType, ContextType, RequireFields<QueryAgentArgs, 'id'>>;
  agents?: Resolver<ReadonlyArray<ResolversTypes['Agent']>, ParentType, ContextType>;
  applications?: Resolver<ReadonlyArray<ResolversTypes['ChatApplication']>, ParentType, ContextType>;
  chat?: Resolver<Maybe<ResolversTypes['Chat']>, ParentType, ContextType, RequireFields<QueryChatArgs, 'id'>>;
  chats?: Resolver<ResolversTypes['ChatConnection'], ParentType, ContextType, Partial<QueryChatsArgs>>;
  customer?: Resolver<Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<QueryCustomerArgs, 'id'>>;
  customerByUserId?: Resolver<Maybe<ResolversTypes['Customer']>, ParentType, ContextType, RequireFields<QueryCustomerByUserIdArgs, 'userId'>>;
  customers?: Resolver<ResolversTypes['CustomerConnection'], ParentType, ContextType, Partial<QueryCustomersArgs>>;
  department?: Resolver<Maybe<ResolversTypes['Department']>, ParentType, ContextType, RequireFields<QueryDepartmentArgs, 'id'>>;
  departments?: Resolver<ReadonlyArray<ResolversTypes['Department']>, ParentType, ContextType>;
  node?: Resolver<Maybe<ResolversTypes['Node']>, ParentType, ContextType, RequireFields<QueryNodeArgs, 'nodeId'>>;
  nodes?: Resolver<ReadonlyArray<Maybe<ResolversTypes['Node']>>, ParentType, ContextType, RequireFields<QueryNodesArgs, 'nodeIds'>>;
  organization?: Resolver<ResolversTypes['HelpdeskOrganization'], ParentType, ContextType>;
  rateLimit?: Resolver<ResolversTypes['HelpdeskRateLimit'], ParentType, ContextType>;
  viewer?: Resolver<ResolversTypes['HelpdeskViewer'], ParentType, ContextType>;
};

export type SubscriptionResolvers<ContextType = Context, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  chatUpdated?: SubscriptionResolver<ResolversTypes['ChatUpdate'], "chatUpdated", ParentType, ContextType, Partial<SubscriptionChatUpdatedArgs>>;
  customerUpdated?: SubscriptionResolver<ResolversTypes['Customer'], "customerUpdated", ParentType, ContextType, RequireFields<SubscriptionCustomerUpdatedArgs, 'id'>>;
  messageReceived?: SubscriptionResolver<ResolversTypes['ChatMessage'], "messageReceived", ParentType, ContextType, Partial<SubscriptionMessageReceivedArgs>>;
};

export type Resolvers<ContextType = Context> = {
  Agent?: AgentResolvers<ContextType>;
  Chat?: ChatResolvers<ContextType>;
  ChatApplication?: ChatApplicationResolvers<ContextType>;
  ChatConnection?: ChatConnectionResolvers<ContextType>;
  ChatEdge?: ChatEdgeResolvers<ContextType>;
  ChatMessage?: ChatMessageResolvers<ContextType>;
  ChatMessageConnection?: ChatMessageConnectionResolvers<ContextType>;
  ChatMessageEdge?: ChatMessageEdgeResolvers<ContextType>;
  ChatUpdate?: ChatUpdateResolvers<ContextType>;
  Customer?: CustomerResolvers<ContextType>;
  CustomerConnection?: CustomerConnectionResolvers<ContextType>;
  CustomerDevice?: CustomerDeviceResolvers<ContextType>;
  CustomerEdge?: CustomerEdgeResolvers<ContextType>;
  CustomerLocation?: CustomerLocationResolvers<ContextType>;
  CustomerTag?: CustomerTagResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  Department?: DepartmentResolvers<ContextType>;
  HelpdeskOrganization?: HelpdeskOrganizationResolvers<ContextType>;
  HelpdeskRateLimit?: HelpdeskRateLimitResolvers<ContextType>;
  HelpdeskViewer?: HelpdeskViewerResolvers<ContextType>;
  JSONObject?: GraphQLScalarType;
  Mutation?: MutationResolvers<ContextType>;
  Node?: NodeResolvers<ContextType>;
  PageInfo?: PageInfoResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  Subscription?: SubscriptionResolvers<ContextType>;
};

export type DirectiveResolvers<ContextType = Context> = {
  cacheControl?: CacheControlDirectiveResolver<any, any, ContextType>;
};
