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
  /** A moment in UTC, as an ISO 8601 text such as `2026-01-15T12:00:00.000Z`. */
  DateTime: { input: Date; output: number; }
  /** A JSON object. */
  JSONObject: { input: Readonly<Record<string, unknown>>; output: Readonly<Record<string, unknown>>; }
  _FieldSet: { input: string; output: string; }
};

/** A member of the team, or the chat bot. */
export type Agent = Node & {
  /** The chats that this agent is in charge of, newest first unless `orderBy` says otherwise. The chats of many agents are asked for together. */
  readonly chats: ChatConnection;
  /** The e-mail address; null when the helpdesk does not say. */
  readonly email?: Maybe<Scalars['String']['output']>;
  /** The helpdesk's number of the agent. */
  readonly id: Scalars['ID']['output'];
  /** The name; null when the helpdesk does not say. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** The global id, unique over all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** What the agent may do in the helpdesk; null when the helpdesk does not say. */
  readonly role?: Maybe<AgentRole>;
};


/** A member of the team, or the chat bot. */
export type AgentChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};

/** What an agent may do in the helpdesk. */
export type AgentRole =
  /** Runs the account. */
  | 'ADMIN'
  /** Answers chats. */
  | 'AGENT'
  /** Answers chats and sees nothing else. */
  | 'AGENT_CHAT_ONLY'
  /** Leads agents. */
  | 'SUPERVISOR'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A kind of message that is sent to many. */
export type BroadcastType =
  /** Sent to a chat by a rule. */
  | 'AUTO_CHAT'
  /** Sent by e-mail by a rule. */
  | 'AUTO_EMAIL'
  /** Sent to chats by hand. */
  | 'MANUAL_CHAT'
  /** Sent by e-mail by hand. */
  | 'MANUAL_EMAIL'
  /** Sent by a trigger. */
  | 'TRIGGER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A conversation between one customer and the team. */
export type Chat = Node & {
  /** The agents who wrote in the chat, in the helpdesk's order. */
  readonly agents: ReadonlyArray<Agent>;
  /** The channel through which the chat came; null when the helpdesk does not say or no longer has it. */
  readonly application?: Maybe<ChatApplication>;
  /** The number of the channel through which the chat came; null when the helpdesk does not say. */
  readonly applicationId?: Maybe<Scalars['ID']['output']>;
  /** The agent in charge; null when nobody is. */
  readonly assignee?: Maybe<Agent>;
  /** When the chat was closed; null while it was never closed. */
  readonly closedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Who closed the chat; null while it was never closed. */
  readonly closedBy?: Maybe<ChatCloser>;
  /** When the chat began; `1970-01-01T00:00:00.000Z` in the rare case that the helpdesk does not say. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** What the chat began with; null when the helpdesk does not say. */
  readonly createdWith?: Maybe<ChatOrigin>;
  /** Whom the chat is with; null only when the customer is gone. */
  readonly customer?: Maybe<Customer>;
  /** The department in charge; null when none is. */
  readonly department?: Maybe<Department>;
  /** The helpdesk's number of the chat. */
  readonly id: Scalars['ID']['output'];
  /** The agent who last wrote; null when no agent did, or when that agent has left the team. */
  readonly lastCommunicatedAgent?: Maybe<Agent>;
  /** The number of the agent who last wrote; null when no agent did. */
  readonly lastCommunicatedAgentId?: Maybe<Scalars['ID']['output']>;
  /** When the customer last wrote; null when the customer never did. */
  readonly lastCustomerMessageAt?: Maybe<Scalars['DateTime']['output']>;
  /** When anybody last wrote; null in a chat without messages, and for a customer, who may not see every message. */
  readonly lastMessageAt?: Maybe<Scalars['DateTime']['output']>;
  /** The number of the last message; null in a chat without messages, and for a customer, who may not see every message. */
  readonly lastMessageId?: Maybe<Scalars['ID']['output']>;
  /** The last message's text, or a link to the file that it is; null in a chat without messages, and for a customer, who may not see every message. */
  readonly lastMessageText?: Maybe<Scalars['String']['output']>;
  /** What was said, newest first. Costs one call a chat. A customer sees no notes of the team and nothing that the helpdesk wrote for the team. */
  readonly messages: ChatMessageConnection;
  /** The global id, unique over all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** How the customer rated the conversation; null while it is not rated. */
  readonly rating?: Maybe<ChatRating>;
  /** Whether the team has read the last message; null when the helpdesk does not say. */
  readonly readByAgent?: Maybe<Scalars['Boolean']['output']>;
  /** Whether the customer has read the last message; null when the helpdesk does not say. */
  readonly readByCustomer?: Maybe<Scalars['Boolean']['output']>;
  /** Until when the chat sleeps; null when it is awake. */
  readonly snoozedUntil?: Maybe<Scalars['DateTime']['output']>;
  /** Where the conversation stands. */
  readonly status: ChatStatus;
};


/** A conversation between one customer and the team. */
export type ChatMessagesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

/** A channel through which chats reach the team. */
export type ChatApplication = {
  /** Whether it is in use; null when the helpdesk does not say. */
  readonly active?: Maybe<Scalars['Boolean']['output']>;
  /** The name that people see; null when the helpdesk does not say. */
  readonly displayName?: Maybe<Scalars['String']['output']>;
  /** The helpdesk's number of the channel. */
  readonly id: Scalars['ID']['output'];
  /** The technical name; null when the helpdesk does not say. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** The kind of channel; null when the helpdesk does not say. */
  readonly type?: Maybe<Scalars['String']['output']>;
};

/** What can happen to a chat. */
export type ChatChange =
  /** It was given to another agent, to another department, or to nobody. */
  | 'ASSIGNEE'
  /** It was closed. */
  | 'CLOSED'
  /** It began. */
  | 'CREATED'
  /** Something was said or noted in it. */
  | 'MESSAGE'
  /** The customer rated it. */
  | 'RATED'
  /** One of its two sides has read it, or has marked it as unread. */
  | 'READ'
  /** It was put off until later. */
  | 'SNOOZED'
  /** It got another status. */
  | 'STATUS'
  /** It came back before its time or at its time. */
  | 'UNSNOOZED';

/** A side that closed a chat. */
export type ChatCloser =
  /** The team. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A part of a list of chats. */
export type ChatConnection = {
  /** The chats with their cursors. */
  readonly edges: ReadonlyArray<ChatEdge>;
  /** The chats alone. */
  readonly nodes: ReadonlyArray<Chat>;
  /** Where this part lies in the list. */
  readonly pageInfo: PageInfo;
  /** How many chats the whole list has. Asked for alone it costs one small call. */
  readonly totalCount: Scalars['Int']['output'];
};

/** A chat in a list. */
export type ChatEdge = {
  /** Where the chat stands in the list. */
  readonly cursor: Scalars['String']['output'];
  /** The chat. */
  readonly node: Chat;
};

/**
 * Which chats to list. All conditions given must hold.
 *
 * The helpdesk knows one flat AND or one flat OR. What cannot be said that way is refused with `BAD_USER_INPUT`: conditions
 * beside an `anyOf` of several, or several conditions inside one alternative. It cannot look for what is absent either,
 * so null is refused; leave the condition out.
 */
export type ChatFilter = {
  /** This agent wrote at least one message. */
  readonly agentId?: InputMaybe<Scalars['ID']['input']>;
  /** At least one of these holds, 1 to 100, each with one condition. */
  readonly anyOf?: InputMaybe<ReadonlyArray<ChatFilter>>;
  /** This agent is in charge. */
  readonly assigneeId?: InputMaybe<Scalars['ID']['input']>;
  /** When the chat was closed. */
  readonly closedAt?: InputMaybe<HelpdeskDateTimeRange>;
  /** When the chat began. */
  readonly createdAt?: InputMaybe<HelpdeskDateTimeRange>;
  /** The customer's e-mail address is this. */
  readonly customerEmail?: InputMaybe<Scalars['String']['input']>;
  /** The chat is with this customer. */
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  /** The customer has all these tags, 1 to 50. */
  readonly customerTags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Your own id of the customer is this. */
  readonly customerUserId?: InputMaybe<Scalars['String']['input']>;
  /** This department is in charge. */
  readonly departmentId?: InputMaybe<Scalars['ID']['input']>;
  /** The rating is this. */
  readonly rating?: InputMaybe<ChatRating>;
  /** The status is this. */
  readonly status?: InputMaybe<ChatStatus>;
  /** The status is not this. */
  readonly statusNot?: InputMaybe<ChatStatus>;
};

/** Something said in a chat, or noted in it. */
export type ChatMessage = {
  /** Who wrote it; null for the customer and for the system. */
  readonly agent?: Maybe<Agent>;
  /** The kind of broadcast that sent it; null when a person did. */
  readonly broadcastType?: Maybe<BroadcastType>;
  /** The chat it was said in. */
  readonly chat: Chat;
  /** When it was sent; `1970-01-01T00:00:00.000Z` in the rare case that the helpdesk does not say. */
  readonly createdAt: Scalars['DateTime']['output'];
  /** Whether it was changed after it was sent; null when the helpdesk does not say. */
  readonly edited?: Maybe<Scalars['Boolean']['output']>;
  /** The side it came from. The bot and the system speak for the team. */
  readonly from: ChatMessageSender;
  /** The helpdesk's number of the message. It may be larger than a 32-bit integer. */
  readonly id: Scalars['ID']['output'];
  /** Whether the other side has read it; null when the helpdesk does not say. */
  readonly read?: Maybe<Scalars['Boolean']['output']>;
  /** The text; a machine's word such as `chat_status_changed` when `type` is `TECH`; null when there is none. */
  readonly text?: Maybe<Scalars['String']['output']>;
  /** What kind of message it is. */
  readonly type: ChatMessageType;
  /** When it was last changed; null when it never was. */
  readonly updatedAt?: Maybe<Scalars['DateTime']['output']>;
};

/** A part of a chat's messages. */
export type ChatMessageConnection = {
  /** The messages with their cursors. */
  readonly edges: ReadonlyArray<ChatMessageEdge>;
  /** The messages alone. */
  readonly nodes: ReadonlyArray<ChatMessage>;
  /** Where this part lies in the list. */
  readonly pageInfo: PageInfo;
  /** How many messages the chat has; null for a customer, who may not count what it may not see. */
  readonly totalCount?: Maybe<Scalars['Int']['output']>;
};

/** A message in a list. */
export type ChatMessageEdge = {
  /** Where the message stands in the list. */
  readonly cursor: Scalars['String']['output'];
  /** The message. */
  readonly node: ChatMessage;
};

/** A side that sent a message. */
export type ChatMessageSender =
  /** The team, its bot included. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A kind of message. */
export type ChatMessageType =
  /** Sent by e-mail. */
  | 'EMAIL'
  /** An article of the knowledge base. */
  | 'KNOWLEDGE_BASE'
  /** Said in the chat. */
  | 'MESSAGE'
  /** A note that only the team sees. */
  | 'PRIVATE'
  /** Written by the helpdesk itself, for the team. */
  | 'TECH'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** An order of chats. Chats without the time asked for come where the helpdesk puts them. */
export type ChatOrder = {
  /** Which end comes first. */
  readonly direction: HelpdeskOrderDirection;
  /** What to sort by. */
  readonly field: ChatOrderField;
};

/** What chats can be sorted by. */
export type ChatOrderField =
  /** When the chat was closed. */
  | 'CLOSED_AT'
  /** When the chat began. */
  | 'CREATED_AT'
  /** When the customer last wrote. */
  | 'LAST_CUSTOMER_MESSAGE_AT'
  /** When anybody last wrote. */
  | 'LAST_MESSAGE_AT';

/** What a chat began with. */
export type ChatOrigin =
  /** A message of an agent. */
  | 'AGENT_MESSAGE'
  /** An answer to a broadcast. */
  | 'BROADCAST_REPLY'
  /** A message of the customer. */
  | 'CUSTOMER_MESSAGE'
  /** A program, through the helpdesk's public API. */
  | 'PUBLIC_API'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** How a customer rated a conversation, from best to worst. */
export type ChatRating =
  /** The middle of five. */
  | 'AVERAGE'
  /** The second of five. */
  | 'GREAT'
  /** The best of five. */
  | 'PERFECT'
  /** The fourth of five. */
  | 'POOR'
  /** A value that this schema does not know. */
  | 'UNKNOWN'
  /** The worst of five. */
  | 'VERY_POOR';

/** Where a conversation stands. */
export type ChatStatus =
  /** Over. */
  | 'CLOSED'
  /** Without any message. */
  | 'EMPTY'
  /** The customer wrote and nobody has answered yet. */
  | 'NEW'
  /** Begun by the team, without an answer of the customer. */
  | 'NO_COMMUNICATION'
  /** Waiting for somebody else. */
  | 'ON_HOLD'
  /** The conversation goes on. */
  | 'OPENED'
  /** Waiting for the customer. */
  | 'PENDING'
  /** A value that this schema does not know. */
  | 'UNKNOWN';

/** A change of a chat. */
export type ChatUpdate = {
  /** When it happened. */
  readonly at: Scalars['DateTime']['output'];
  /** What happened. */
  readonly change: ChatChange;
  /** The chat as it is after the change, or after a later one. */
  readonly chat: Chat;
};

/** A person who talks, or could talk, to the team. */
export type Customer = Node & {
  /** Whether the team has blocked the customer; null when the helpdesk does not say. */
  readonly blocked?: Maybe<Scalars['Boolean']['output']>;
  /** The customer's chats, newest first unless `orderBy` says otherwise. The chats of many customers are asked for together. */
  readonly chats: ChatConnection;
  /** The company; null when unknown. */
  readonly company?: Maybe<Scalars['String']['output']>;
  /** The channel through which the customer appeared, such as `telegram`; null for the site widget. */
  readonly createdFrom?: Maybe<Scalars['String']['output']>;
  /** The values of your custom attributes by name. Empty when there are none. */
  readonly customData: Scalars['JSONObject']['output'];
  /** What the customer last used; null when unknown. */
  readonly device?: Maybe<CustomerDevice>;
  /** The e-mail address as it was given, not checked and not unique; null when unknown. */
  readonly email?: Maybe<Scalars['String']['output']>;
  /** When the customer first appeared; null when unknown. */
  readonly firstSeen?: Maybe<Scalars['DateTime']['output']>;
  /** The helpdesk's number of the customer. */
  readonly id: Scalars['ID']['output'];
  /** The customer's id inside that channel; null when there is none. */
  readonly integrationId?: Maybe<Scalars['String']['output']>;
  /** The address of the last page the customer saw; null when unknown. */
  readonly lastPage?: Maybe<Scalars['String']['output']>;
  /** When the customer last appeared; null when unknown. */
  readonly lastSeen?: Maybe<Scalars['DateTime']['output']>;
  /** The language, as an ISO 639-1 code; null when unknown. */
  readonly locale?: Maybe<Scalars['String']['output']>;
  /** Where the customer was last seen; null when unknown. */
  readonly location?: Maybe<CustomerLocation>;
  /** The name; null when unknown. */
  readonly name?: Maybe<Scalars['String']['output']>;
  /** The global id, unique over all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** What the team noted down; null when nothing. `FORBIDDEN` to a customer. */
  readonly notes?: Maybe<Scalars['String']['output']>;
  /** The phone number as it was given; null when unknown. */
  readonly phone?: Maybe<Scalars['String']['output']>;
  /** The address of the page the customer came from; null when unknown. */
  readonly referer?: Maybe<Scalars['String']['output']>;
  /** The address of the first page the customer saw; null when unknown. */
  readonly source?: Maybe<Scalars['String']['output']>;
  /** The customer's tags, in the helpdesk's order. */
  readonly tags: ReadonlyArray<CustomerTag>;
  /** Whether the customer refuses e-mails; null when the helpdesk does not say. */
  readonly unsubscribed?: Maybe<Scalars['Boolean']['output']>;
  /** Your own id of the customer, unique in the account; null when you gave none. */
  readonly userId?: Maybe<Scalars['String']['output']>;
};


/** A person who talks, or could talk, to the team. */
export type CustomerChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};

/** A part of a list of customers. */
export type CustomerConnection = {
  /** The customers with their cursors. */
  readonly edges: ReadonlyArray<CustomerEdge>;
  /** The customers alone. */
  readonly nodes: ReadonlyArray<Customer>;
  /** Where this part lies in the list. */
  readonly pageInfo: PageInfo;
  /** How many customers the whole list has. Asked for alone it costs one small call. */
  readonly totalCount: Scalars['Int']['output'];
};

/** What a customer uses to talk to the team. */
export type CustomerDevice = {
  /** The helpdesk's id of the device; null when unknown. */
  readonly id?: Maybe<Scalars['ID']['output']>;
  /** The network address; null when unknown. */
  readonly ip?: Maybe<Scalars['String']['output']>;
  /** The kind of device, such as `desktop`; null when unknown. */
  readonly platform?: Maybe<Scalars['String']['output']>;
  /** The time zone's name; null when unknown. */
  readonly timezone?: Maybe<Scalars['String']['output']>;
  /** The browser's description of itself; null when unknown. */
  readonly userAgent?: Maybe<Scalars['String']['output']>;
};

/** A customer in a list. */
export type CustomerEdge = {
  /** Where the customer stands in the list. */
  readonly cursor: Scalars['String']['output'];
  /** The customer. */
  readonly node: Customer;
};

/**
 * Which customers to list. All conditions given must hold.
 *
 * The helpdesk knows one flat AND or one flat OR. What cannot be said that way is refused with `BAD_USER_INPUT`: conditions
 * beside an `anyOf` of several, or several conditions inside one alternative. It cannot look for what is absent either,
 * so null is refused; leave the condition out.
 */
export type CustomerFilter = {
  /** At least one of these holds, 1 to 100, each with one condition. */
  readonly anyOf?: InputMaybe<ReadonlyArray<CustomerFilter>>;
  /** The name of the city. */
  readonly city?: InputMaybe<CustomerTextFilter>;
  /** The company. */
  readonly company?: InputMaybe<CustomerTextFilter>;
  /** The code of the country. */
  readonly countryCode?: InputMaybe<CustomerTextFilter>;
  /** The e-mail address. */
  readonly email?: InputMaybe<CustomerTextFilter>;
  /** The helpdesk's number is one of these, 1 to 100. Several of them are an OR. */
  readonly ids?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
  /** When the customer last appeared. */
  readonly lastSeen?: InputMaybe<HelpdeskDateTimeRange>;
  /** The name. */
  readonly name?: InputMaybe<CustomerTextFilter>;
  /** The phone number. */
  readonly phone?: InputMaybe<CustomerTextFilter>;
  /** The customer has all these tags, 1 to 50. */
  readonly tags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Your own id of the customer is one of these, 1 to 100. Several of them are an OR. */
  readonly userIds?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

/** A place, as far as it is known. */
export type CustomerLocation = {
  /** The name of the city; null when unknown. */
  readonly city?: Maybe<Scalars['String']['output']>;
  /** The code of the country, usually ISO 3166-1 alpha-2; null when unknown. */
  readonly countryCode?: Maybe<Scalars['String']['output']>;
  /** The code of the region inside its country; null when unknown. */
  readonly regionCode?: Maybe<Scalars['String']['output']>;
};

/** An order of customers. */
export type CustomerOrder = {
  /** Which end comes first. */
  readonly direction: HelpdeskOrderDirection;
  /** What to sort by. */
  readonly field: CustomerOrderField;
};

/** What customers can be sorted by. */
export type CustomerOrderField =
  /** When the customer first appeared. */
  | 'FIRST_SEEN'
  /** When the customer last appeared. */
  | 'LAST_SEEN';

/** A word that marks customers. */
export type CustomerTag = {
  /** Its colour in CSS form, as it was given; null when it has none. */
  readonly color?: Maybe<Scalars['String']['output']>;
  /** The tag itself. */
  readonly name: Scalars['String']['output'];
};

/** A condition on a text. Whether capital letters matter is up to the helpdesk. Give at least one of the two. */
export type CustomerTextFilter = {
  /** The text contains this. */
  readonly contains?: InputMaybe<Scalars['String']['input']>;
  /** The text is this. */
  readonly equals?: InputMaybe<Scalars['String']['input']>;
};

/** A group of agents that takes chats together. */
export type Department = Node & {
  /** The members, in the helpdesk's order. */
  readonly agents: ReadonlyArray<Agent>;
  /** The chats that this department is in charge of, newest first unless `orderBy` says otherwise. The chats of many departments are asked for together. */
  readonly chats: ChatConnection;
  /** The helpdesk's number of the department. */
  readonly id: Scalars['ID']['output'];
  /** The name; empty when the helpdesk does not say. */
  readonly name: Scalars['String']['output'];
  /** The global id, unique over all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
};


/** A group of agents that takes chats together. */
export type DepartmentChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};

/** A span of time, in whole seconds. Give at least one end. */
export type HelpdeskDateTimeRange = {
  /** Not before this moment. */
  readonly from?: InputMaybe<Scalars['DateTime']['input']>;
  /** Not after this moment. */
  readonly to?: InputMaybe<Scalars['DateTime']['input']>;
};

/** Which end of an order comes first. */
export type HelpdeskOrderDirection =
  /** The smallest, or earliest, first. */
  | 'ASC'
  /** The largest, or latest, first. */
  | 'DESC';

/** The organization that owns the account. */
export type HelpdeskOrganization = {
  /** Whether customers can write now; null when the helpdesk does not say. */
  readonly chatEnabled?: Maybe<Scalars['Boolean']['output']>;
  /** Its name in the helpdesk's addresses; null when the helpdesk does not say. */
  readonly domain?: Maybe<Scalars['String']['output']>;
  /** The helpdesk's number of the organization. */
  readonly id: Scalars['ID']['output'];
  /** Whether anybody of the team is there now; null when the helpdesk does not say. */
  readonly teamOnline?: Maybe<Scalars['Boolean']['output']>;
};

/** How many calls to the helpdesk the whole account may make and has left. */
export type HelpdeskRateLimit = {
  /** How many calls any 60 seconds may hold; 0 for no limit. */
  readonly limit: Scalars['Int']['output'];
  /** How many calls could be made at this moment; 0 when there is no limit. */
  readonly remaining: Scalars['Int']['output'];
  /** When every call made so far will have left the window; null when none is in it. */
  readonly resetAt?: Maybe<Scalars['DateTime']['output']>;
};

/** Who is asking, and as what. */
export type HelpdeskViewer = {
  /** The agent that the viewer is; null when it is none, or when that is not known. */
  readonly agent?: Maybe<Agent>;
  /** The customer that the viewer is; null when it is none. */
  readonly customer?: Maybe<Customer>;
  /** What the viewer may see. */
  readonly role: HelpdeskViewerRole;
};

/** What a viewer may see. */
export type HelpdeskViewerRole =
  /** Everything, as a member of the team. */
  | 'AGENT'
  /** Everything, because this gateway asks nobody who they are. */
  | 'ALL'
  /** Itself and its own chats. */
  | 'CUSTOMER';

/** What can be changed in the helpdesk. */
export type Mutation = {
  /**
   * Marks a chat as read or as unread for one of its two sides and gives the chat as it is afterwards.
   * Saying it twice does no harm. Fails with `NOT_FOUND` when the account has no chat with this id.
   */
  readonly markChatRead: Chat;
};


/** What can be changed in the helpdesk. */
export type MutationMarkChatReadArgs = {
  by: ReadBy;
  id: Scalars['ID']['input'];
  read: Scalars['Boolean']['input'];
};

/** An object that can be found again by one global id. */
export type Node = {
  /** The global id, unique over all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
};

/** Where a part lies in its list. */
export type PageInfo = {
  /** The cursor of the last item; null when this part is empty. */
  readonly endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether more comes after this part. */
  readonly hasNextPage: Scalars['Boolean']['output'];
  /** Whether more comes before this part. */
  readonly hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the first item; null when this part is empty. */
  readonly startCursor?: Maybe<Scalars['String']['output']>;
};

/** What can be asked of the helpdesk. */
export type Query = {
  /** One member of the team. Fails with `NOT_FOUND` when there is none with this id. */
  readonly agent?: Maybe<Agent>;
  /** All members of the team, in the helpdesk's order. The chat bot is one of them. */
  readonly agents: ReadonlyArray<Agent>;
  /** All channels through which chats reach the team, in the helpdesk's order. */
  readonly applications: ReadonlyArray<ChatApplication>;
  /** One chat. Fails with `NOT_FOUND` when the account has no chat with this id. */
  readonly chat?: Maybe<Chat>;
  /** The chats of the account, newest first unless `orderBy` says otherwise. */
  readonly chats: ChatConnection;
  /** One customer. Fails with `NOT_FOUND` when the account has no customer with this id. */
  readonly customer?: Maybe<Customer>;
  /** The customer to whom you gave this id of your own. Fails with `NOT_FOUND` when there is none. */
  readonly customerByUserId?: Maybe<Customer>;
  /** The customers of the account, the last to appear first unless `orderBy` says otherwise. */
  readonly customers: CustomerConnection;
  /** One department. Fails with `NOT_FOUND` when there is none with this id. */
  readonly department?: Maybe<Department>;
  /** All departments, in the helpdesk's order. */
  readonly departments: ReadonlyArray<Department>;
  /** Any chat, customer, agent or department by its global id. Fails with `NOT_FOUND` when there is nothing with this id. */
  readonly node?: Maybe<Node>;
  /** Several objects by their global ids, in the order asked. One that is not found is null, with an error of its own. */
  readonly nodes: ReadonlyArray<Maybe<Node>>;
  /** The organization that owns the account. */
  readonly organization: HelpdeskOrganization;
  /** How many calls to the helpdesk are left for the whole account. Asking costs none. */
  readonly rateLimit: HelpdeskRateLimit;
  /** Who is asking. */
  readonly viewer: HelpdeskViewer;
};


/** What can be asked of the helpdesk. */
export type QueryAgentArgs = {
  id: Scalars['ID']['input'];
};


/** What can be asked of the helpdesk. */
export type QueryChatArgs = {
  id: Scalars['ID']['input'];
};


/** What can be asked of the helpdesk. */
export type QueryChatsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ChatFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ChatOrder>;
};


/** What can be asked of the helpdesk. */
export type QueryCustomerArgs = {
  id: Scalars['ID']['input'];
};


/** What can be asked of the helpdesk. */
export type QueryCustomerByUserIdArgs = {
  userId: Scalars['String']['input'];
};


/** What can be asked of the helpdesk. */
export type QueryCustomersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<CustomerFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<CustomerOrder>;
};


/** What can be asked of the helpdesk. */
export type QueryDepartmentArgs = {
  id: Scalars['ID']['input'];
};


/** What can be asked of the helpdesk. */
export type QueryNodeArgs = {
  nodeId: Scalars['ID']['input'];
};


/** What can be asked of the helpdesk. */
export type QueryNodesArgs = {
  nodeIds: ReadonlyArray<Scalars['ID']['input']>;
};

/** A side of a chat that can read it. */
export type ReadBy =
  /** The team. */
  | 'AGENT'
  /** The customer. */
  | 'CUSTOMER';

/**
 * What happens in the helpdesk, told as it happens: over WebSocket, server-sent events, or a router's callbacks.
 *
 * An event that may have been missed is told by an error with `extensions.missed: true`; the subscription goes on, and the client
 * should read again what it shows.
 */
export type Subscription = {
  /**
   * Chats that change, each change once and those of one chat in order. Without arguments all that the viewer may see; several arguments
   * must all hold, of the chat as it is after the change.
   */
  readonly chatUpdated: ChatUpdate;
  /** The customer, each time something about it changes. */
  readonly customerUpdated: Customer;
  /** Messages as they are written, by either side. Those of one chat come in order. */
  readonly messageReceived: ChatMessage;
};


/**
 * What happens in the helpdesk, told as it happens: over WebSocket, server-sent events, or a router's callbacks.
 *
 * An event that may have been missed is told by an error with `extensions.missed: true`; the subscription goes on, and the client
 * should read again what it shows.
 */
export type SubscriptionChatUpdatedArgs = {
  assigneeId?: InputMaybe<Scalars['ID']['input']>;
  customerId?: InputMaybe<Scalars['ID']['input']>;
  departmentId?: InputMaybe<Scalars['ID']['input']>;
  id?: InputMaybe<Scalars['ID']['input']>;
};


/**
 * What happens in the helpdesk, told as it happens: over WebSocket, server-sent events, or a router's callbacks.
 *
 * An event that may have been missed is told by an error with `extensions.missed: true`; the subscription goes on, and the client
 * should read again what it shows.
 */
export type SubscriptionCustomerUpdatedArgs = {
  id: Scalars['ID']['input'];
};


/**
 * What happens in the helpdesk, told as it happens: over WebSocket, server-sent events, or a router's callbacks.
 *
 * An event that may have been missed is told by an error with `extensions.missed: true`; the subscription goes on, and the client
 * should read again what it shows.
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
