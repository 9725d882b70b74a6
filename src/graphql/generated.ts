export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
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
  readonly chats?: Maybe<ChatConnection>;
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

/** Number of open chats of an agent. */
export type AgentCount = {
  /** The agent. */
  readonly agent: Agent;
  /** Number of chats. */
  readonly count: Scalars['Int']['output'];
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
  /** Creation time; null if HelpCrunch does not provide it, which is rare. */
  readonly createdAt?: Maybe<Scalars['DateTime']['output']>;
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
  /**
   * Messages, newest first: `first` returns the newest, `last` the oldest messages. Costs one call per chat, or two with `last` and
   * without `before`. Customers do not see private notes and system messages.
   */
  readonly messages?: Maybe<ChatMessageConnection>;
  /** Global id, unique across all types of this schema. */
  readonly nodeId: Scalars['ID']['output'];
  /** Rating by the customer; null if the chat is not rated. */
  readonly rating?: Maybe<ChatRating>;
  /** Whether the agents have read the last message; null if HelpCrunch does not provide it. */
  readonly readByAgent?: Maybe<Scalars['Boolean']['output']>;
  /** Whether the customer has read the last message; null if HelpCrunch does not provide it. */
  readonly readByCustomer?: Maybe<Scalars['Boolean']['output']>;
  /** Time until which the chat is snoozed; null if it is not snoozed. `FORBIDDEN` for customers. */
  readonly snoozedUntil?: Maybe<Scalars['DateTime']['output']>;
  /** Status of the conversation. */
  readonly status: ChatStatus;
  /**
   * Address of the chat in HelpCrunch's app; null if HelpCrunch does not provide the subdomain of the organization. HelpCrunch does not
   * document these addresses. Costs one call per operation, for the organization. `FORBIDDEN` for customers.
   */
  readonly url?: Maybe<Scalars['String']['output']>;
};


/** A conversation between one customer and the team. */
export type ChatMessagesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
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
  /** The chat was snoozed. Not delivered to customers. */
  | 'SNOOZED'
  /** The status changed. */
  | 'STATUS'
  /** The snooze of the chat was ended by an agent or by its time. Not delivered to customers. */
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
  /** Number of chats in the whole list. If no other field is selected, it costs one call with a small response. */
  readonly totalCount?: Maybe<Scalars['Int']['output']>;
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
 * HelpCrunch's search joins conditions either all by AND or all by OR. Other combinations are rejected with `BAD_USER_INPUT`: conditions
 * beside an `anyOf` with several entries, and several conditions in one alternative. A search for missing values is not supported, so null is
 * rejected; omit the condition instead.
 */
export type ChatFilter = {
  /** This agent wrote at least one message. */
  readonly agentId?: InputMaybe<Scalars['ID']['input']>;
  /** Alternatives joined by OR, 1 to 100, each with one condition. */
  readonly anyOf?: InputMaybe<ReadonlyArray<ChatFilter>>;
  /** The chat is assigned to this agent. */
  readonly assigneeId?: InputMaybe<Scalars['ID']['input']>;
  /** The chat is not assigned to this agent. HelpCrunch decides whether chats without an agent are included. */
  readonly assigneeIdNot?: InputMaybe<Scalars['ID']['input']>;
  /** Range of the time at which the chat was closed. */
  readonly closedAt?: InputMaybe<HelpdeskDateTimeRange>;
  /** Range of the creation time. */
  readonly createdAt?: InputMaybe<HelpdeskDateTimeRange>;
  /** The customer's e-mail address equals this value. */
  readonly customerEmail?: InputMaybe<Scalars['String']['input']>;
  /** The chat belongs to this customer. */
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  /** The customer has all of these tags, 1 to 50. `FORBIDDEN` for customers. */
  readonly customerTags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Your own id of the customer equals this value. */
  readonly customerUserId?: InputMaybe<Scalars['String']['input']>;
  /** The chat is assigned to this department. */
  readonly departmentId?: InputMaybe<Scalars['ID']['input']>;
  /** The chat is not assigned to this department. HelpCrunch decides whether chats without a department are included. */
  readonly departmentIdNot?: InputMaybe<Scalars['ID']['input']>;
  /** The rating equals this value. */
  readonly rating?: InputMaybe<ChatRating>;
  /** The rating differs from this value. HelpCrunch decides whether chats without a rating are included. */
  readonly ratingNot?: InputMaybe<ChatRating>;
  /** The status equals this value. */
  readonly status?: InputMaybe<ChatStatus>;
  /**
   * The status is one of these values (at least one is required). HelpCrunch receives conditions that exclude all other statuses, so that
   * further conditions can be combined in one call. Chats with the status `UNKNOWN` are therefore included.
   */
  readonly statusIn?: InputMaybe<ReadonlyArray<ChatStatus>>;
  /** The status differs from this value. */
  readonly statusNot?: InputMaybe<ChatStatus>;
  /** The status is none of these values (at least one is required). */
  readonly statusNotIn?: InputMaybe<ReadonlyArray<ChatStatus>>;
};

/** A message, private note or system message in a chat. */
export type ChatMessage = {
  /** The agent who wrote the message; null for messages of the customer and of the system. */
  readonly agent?: Maybe<Agent>;
  /** Kind of broadcast that sent the message; null if a person sent it. */
  readonly broadcastType?: Maybe<BroadcastType>;
  /** The chat that contains the message. */
  readonly chat?: Maybe<Chat>;
  /** Time at which the message was sent; null if HelpCrunch does not provide it, which is rare. */
  readonly createdAt?: Maybe<Scalars['DateTime']['output']>;
  /** Whether the message was edited after it was sent; null if HelpCrunch does not provide it. */
  readonly edited?: Maybe<Scalars['Boolean']['output']>;
  /** The side that sent the message. The bot and the system count as `AGENT`. */
  readonly from: ChatMessageSender;
  /** HelpCrunch id of the message. It can exceed the range of a 32-bit integer. HelpCrunch cannot return a message by its id. */
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

/** Order of chats. HelpCrunch decides the position of chats whose sort key is null. */
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
  readonly chat?: Maybe<Chat>;
};

/** A chat to be created. */
export type CreateChatInput = {
  /** HelpCrunch id of the application. */
  readonly applicationId: Scalars['ID']['input'];
  /** HelpCrunch id of the agent to whom the chat is assigned. `FORBIDDEN` for customers. */
  readonly assigneeId?: InputMaybe<Scalars['ID']['input']>;
  /** HelpCrunch id of the customer. Required unless the viewer is a customer, whose own id it must be. */
  readonly customerId?: InputMaybe<Scalars['ID']['input']>;
  /** HelpCrunch id of the department. `FORBIDDEN` for customers. */
  readonly departmentId?: InputMaybe<Scalars['ID']['input']>;
  /** The first message. Without it the chat has the status `EMPTY`. */
  readonly message?: InputMaybe<FirstMessageInput>;
};

/** A customer to be created. At least one value is required; null is the same as an omitted value. */
export type CreateCustomerInput = {
  /** Whether the customer is blocked. Must not be null. */
  readonly blocked?: InputMaybe<Scalars['Boolean']['input']>;
  /** Company. */
  readonly company?: InputMaybe<Scalars['String']['input']>;
  /** Channel through which the customer was created, such as `telegram`. */
  readonly createdFrom?: InputMaybe<Scalars['String']['input']>;
  /** Values of custom attributes by name: texts, numbers or booleans. Attributes must exist in the settings of HelpCrunch. Must not be null. */
  readonly customData?: InputMaybe<Scalars['JSONObject']['input']>;
  /** E-mail address; it need not be unique. */
  readonly email?: InputMaybe<Scalars['String']['input']>;
  /** Time of the first visit, in whole seconds. */
  readonly firstSeen?: InputMaybe<Scalars['DateTime']['input']>;
  /** Id of the customer in that channel. */
  readonly integrationId?: InputMaybe<Scalars['String']['input']>;
  /** URL of the last page the customer visited. */
  readonly lastPage?: InputMaybe<Scalars['String']['input']>;
  /** Time of the last visit, in whole seconds. */
  readonly lastSeen?: InputMaybe<Scalars['DateTime']['input']>;
  /** Language as an ISO 639-1 code. */
  readonly locale?: InputMaybe<Scalars['String']['input']>;
  /** Name. */
  readonly name?: InputMaybe<Scalars['String']['input']>;
  /** Notes of the team. HelpCrunch may limit them to 255 characters. */
  readonly notes?: InputMaybe<Scalars['String']['input']>;
  /** Phone number. */
  readonly phone?: InputMaybe<Scalars['String']['input']>;
  /** URL of the page the customer came from. */
  readonly referer?: InputMaybe<Scalars['String']['input']>;
  /** URL of the first page the customer visited. */
  readonly source?: InputMaybe<Scalars['String']['input']>;
  /** Tags, at most 50. Must not be null. */
  readonly tags?: InputMaybe<ReadonlyArray<TagInput>>;
  /** Whether the customer is unsubscribed from e-mails. Must not be null. */
  readonly unsubscribed?: InputMaybe<Scalars['Boolean']['input']>;
  /** Your own id of the customer, unique in the account. */
  readonly userId?: InputMaybe<Scalars['String']['input']>;
};

/** A person who is, or can be, in contact with the team. */
export type Customer = Node & {
  /** Whether the customer is blocked; null if HelpCrunch does not provide it. `FORBIDDEN` for customers. */
  readonly blocked?: Maybe<Scalars['Boolean']['output']>;
  /** Chats of the customer. The default order is `CREATED_AT DESC`. The chats of several customers are read in one batch. */
  readonly chats?: Maybe<ChatConnection>;
  /** Company; null if unknown. */
  readonly company?: Maybe<Scalars['String']['output']>;
  /** Channel through which the customer was created, such as `telegram`; null for the site widget. */
  readonly createdFrom?: Maybe<Scalars['String']['output']>;
  /** Values of your custom attributes by name. Empty if there are none. `FORBIDDEN` for customers. */
  readonly customData?: Maybe<Scalars['JSONObject']['output']>;
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
  /** Tags, in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly tags?: Maybe<ReadonlyArray<CustomerTag>>;
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

/** A change of a customer. */
export type CustomerChange = {
  /** The kind of change. */
  readonly change: CustomerChangeKind;
  /** The customer in the state after this change or a later one; null if it was deleted or cannot be loaded. */
  readonly customer?: Maybe<Customer>;
  /** HelpCrunch id of the customer. */
  readonly customerId: Scalars['ID']['output'];
};

/** Kinds of changes of a customer. */
export type CustomerChangeKind =
  /** The customer was created. */
  | 'CREATED'
  /** The customer was deleted. */
  | 'DELETED'
  /** Values or tags changed. */
  | 'UPDATED';

/** A page of a list of customers. */
export type CustomerConnection = {
  /** The customers of this page with their cursors. */
  readonly edges: ReadonlyArray<CustomerEdge>;
  /** The customers of this page. */
  readonly nodes: ReadonlyArray<Customer>;
  /** Position of this page in the list. */
  readonly pageInfo: PageInfo;
  /** Number of customers in the whole list. If no other field is selected, it costs one call with a small response. */
  readonly totalCount?: Maybe<Scalars['Int']['output']>;
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

/** An event of a customer, such as an order. */
export type CustomerEvent = {
  /** Time at which HelpCrunch recorded the event; null if HelpCrunch does not provide it. */
  readonly createdAt?: Maybe<Scalars['DateTime']['output']>;
  /** The customer. Fields other than the id cost a call; null if they cannot be loaded. */
  readonly customer?: Maybe<Customer>;
  /** The properties; empty if there are none. */
  readonly data: Scalars['JSONObject']['output'];
  /** HelpCrunch id of the event. */
  readonly id: Scalars['ID']['output'];
  /** The name. */
  readonly name: Scalars['String']['output'];
};

/**
 * Conditions for customers, joined by AND.
 *
 * HelpCrunch's search joins conditions either all by AND or all by OR. Other combinations are rejected with `BAD_USER_INPUT`: conditions
 * beside an `anyOf` with several entries, and several conditions in one alternative. A search for missing values is not supported, so null is
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
  /** Condition on the customer's id in Facebook Messenger. */
  readonly facebookId?: InputMaybe<CustomerTextFilter>;
  /** The HelpCrunch id is one of these, 1 to 100. Several values are an OR. */
  readonly ids?: InputMaybe<ReadonlyArray<Scalars['ID']['input']>>;
  /** Condition on the customer's id in Instagram. */
  readonly instagramId?: InputMaybe<CustomerTextFilter>;
  /** Range of the time of the last visit. */
  readonly lastSeen?: InputMaybe<HelpdeskDateTimeRange>;
  /** Condition on the name. */
  readonly name?: InputMaybe<CustomerTextFilter>;
  /** Condition on the phone number. */
  readonly phone?: InputMaybe<CustomerTextFilter>;
  /** Condition on the code of the region within its country. */
  readonly regionCode?: InputMaybe<CustomerTextFilter>;
  /** The customer has all of these tags, 1 to 50. `FORBIDDEN` for customers. */
  readonly tags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Condition on the customer's id in Telegram. */
  readonly telegramId?: InputMaybe<CustomerTextFilter>;
  /** Your own id of the customer is one of these, 1 to 100. Several values are an OR. */
  readonly userIds?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** Condition on the customer's id in Viber. */
  readonly viberId?: InputMaybe<CustomerTextFilter>;
  /** Condition on the customer's id in WhatsApp. */
  readonly whatsappId?: InputMaybe<CustomerTextFilter>;
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

/** An update of one customer. */
export type CustomerUpdate = {
  /** HelpCrunch id of the customer. */
  readonly id: Scalars['ID']['input'];
  /** The values to set. */
  readonly input: UpdateCustomerInput;
};

/** A customer that was deleted. */
export type DeletedCustomer = {
  /** HelpCrunch id of the deleted customer. */
  readonly id: Scalars['ID']['output'];
  /** Global id of the deleted customer, with which clients can remove it from their caches. */
  readonly nodeId: Scalars['ID']['output'];
};

/** A group of agents to which chats are assigned. */
export type Department = Node & {
  /** Members, in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly agents?: Maybe<ReadonlyArray<Agent>>;
  /** Chats assigned to the department. The default order is `CREATED_AT DESC`. The chats of several departments are read in one batch. `FORBIDDEN` for customers. */
  readonly chats?: Maybe<ChatConnection>;
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

/** Number of open chats of a department. */
export type DepartmentCount = {
  /** Number of chats. */
  readonly count: Scalars['Int']['output'];
  /** The department. */
  readonly department: Department;
};

/** The first message of a chat. */
export type FirstMessageInput = {
  /** HelpCrunch id of the agent that sends the message. Required with `by: AGENT`; if the token of an agent contains its id, that id is used and no other is allowed. */
  readonly agentId?: InputMaybe<Scalars['ID']['input']>;
  /** The side that sends the message. Must be `CUSTOMER` for customers. */
  readonly by: MessageAuthor;
  /** The text as Markdown, with the same limits. */
  readonly markdown?: InputMaybe<Scalars['String']['input']>;
  /** The text, at most 64 KiB in UTF-8, not blank. */
  readonly text: Scalars['String']['input'];
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
  /** Time at which the window no longer contains any of the calls made so far; null if the window is empty. */
  readonly resetAt?: Maybe<Scalars['DateTime']['output']>;
  /** Calls of `remaining` that this viewer can make now, including calls that only mutations can use; 0 if unlimited. */
  readonly viewerRemaining: Scalars['Int']['output'];
};

/** The authenticated client. */
export type HelpdeskViewer = {
  /** The agent of the viewer; null for other roles, or if the agent is unknown. */
  readonly agent?: Maybe<Agent>;
  /** The customer of the viewer; null for other roles. */
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

/** Counts of the open chats. */
export type InboxSummary = {
  /** Number of chats by assigned agent, in descending order of the number. Agents without open chats are omitted. */
  readonly byAgent: ReadonlyArray<AgentCount>;
  /** Number of chats by department, in descending order of the number. Departments without open chats are omitted. */
  readonly byDepartment: ReadonlyArray<DepartmentCount>;
  /** Number of chats by status, all open statuses included. */
  readonly byStatus: ReadonlyArray<StatusCount>;
  /** Whether all open chats were read. Otherwise the counts are those of the 500 newest. */
  readonly isComplete: Scalars['Boolean']['output'];
  /** The earliest time of a last customer message, among the chats without a later reply; null if there are no such chats. */
  readonly oldestUnansweredAt?: Maybe<Scalars['DateTime']['output']>;
  /** Number of open chats. */
  readonly open: Scalars['Int']['output'];
  /** Number of chats that are snoozed now. */
  readonly snoozed: Scalars['Int']['output'];
  /** Number of chats without an agent. */
  readonly unassigned: Scalars['Int']['output'];
  /** Number of chats that the agents have not read, including chats whose snooze has ended. */
  readonly unread: Scalars['Int']['output'];
};

/** Views of the inbox. */
export type InboxView =
  /** Chats that are snoozed now. */
  | 'SNOOZED'
  /** Chats without an agent. */
  | 'UNASSIGNED'
  /** Chats that the agents have not read. */
  | 'UNREAD'
  /** Chats in which the customer wrote last. */
  | 'WAITING';

/** The side that sends a message. */
export type MessageAuthor =
  /** An agent. */
  | 'AGENT'
  /** The customer of the chat. */
  | 'CUSTOMER';

/** Write operations. */
export type Mutation = {
  /**
   * Adds a private note to a chat and returns it. One call, and one more if fields of its chat other than the id are selected. Only the
   * team sees it. `OUTCOME_UNKNOWN` as for `sendMessage`. `FORBIDDEN` for customers.
   */
  readonly addChatNote?: Maybe<ChatMessage>;
  /**
   * Adds tags to a customer and returns the changed customer. One call. A tag that does not exist in the account is created; a tag that the
   * customer already has is not changed. `FORBIDDEN` for customers.
   */
  readonly addCustomerTags?: Maybe<Customer>;
  /** Assigns a chat to an agent and returns the changed chat. One call, two with `ifUnassigned`. `FORBIDDEN` for customers. */
  readonly assignChat?: Maybe<Chat>;
  /**
   * Creates a chat of a customer, with its first message, and returns it. One call, three with `message`. Not atomic: if the message
   * cannot be sent, the chat exists, and the error has its id in `extensions.chatId`. A repeated call with the same `idempotencyKey`
   * returns the same chat and sends only a missing message. Customers can create chats for themselves only.
   */
  readonly createChat?: Maybe<Chat>;
  /**
   * Creates a customer and returns it. One call. `CONFLICT` if the `userId` is taken. If HelpCrunch does not
   * respond, a customer with a `userId` is looked up, and created again if it is not found. A customer without a `userId` cannot be looked up:
   * the call then fails with `OUTCOME_UNKNOWN`. `FORBIDDEN` for customers.
   */
  readonly createCustomer?: Maybe<Customer>;
  /**
   * Deletes a customer with its chats and messages. One call. The deletion cannot be undone. Forbidden unless the gateway allows it with the setting
   * `MUTATIONS`. An unknown id is an error with the code `NOT_FOUND`. `FORBIDDEN` for customers.
   */
  readonly deleteCustomer?: Maybe<DeletedCustomer>;
  /**
   * Marks a chat as read or unread for the agents or for the customer, and returns the changed chat. Idempotent.
   * An unknown id is an error with the code `NOT_FOUND`.
   */
  readonly markChatRead?: Maybe<Chat>;
  /**
   * Assigns a chat to a department and returns the changed chat. One call. Rules of the department may immediately assign an agent.
   * `FORBIDDEN` for customers.
   */
  readonly moveChat?: Maybe<Chat>;
  /**
   * Rates a closed chat and returns the changed chat. One call. A rating cannot be changed. `CONFLICT` if the chat is not closed, is
   * already rated, or has no message of an agent. Customers rate their own chats.
   */
  readonly rateChat?: Maybe<Chat>;
  /**
   * Records an event of a customer and returns it. One call. Events cannot be read or deleted, so the call fails with `OUTCOME_UNKNOWN` if
   * HelpCrunch does not respond. `FORBIDDEN` for customers.
   */
  readonly recordCustomerEvent?: Maybe<CustomerEvent>;
  /**
   * Removes tags from a customer and returns the changed customer. One call. Tags that the customer does not have are ignored. `FORBIDDEN`
   * for customers.
   */
  readonly removeCustomerTags?: Maybe<Customer>;
  /**
   * Sends a message and returns it. One call, and one more if fields of its chat other than the id are selected. The
   * message may assign or open the chat, or end its snooze. It cannot be edited or deleted. Customers can write in their own chats only. `OUTCOME_UNKNOWN` if HelpCrunch did not
   * respond and the message was not found: repeat it with the same `idempotencyKey`.
   */
  readonly sendMessage?: Maybe<ChatMessage>;
  /**
   * Sets the status of a chat and returns the changed chat. One call. Closing a chat can show a rating request to its customer, which
   * cannot be undone. An unknown id is an error with the code `NOT_FOUND`. `FORBIDDEN` for customers.
   */
  readonly setChatStatus?: Maybe<Chat>;
  /**
   * Snoozes a chat and returns the changed chat. One call. At the given time HelpCrunch marks the chat as unread, without an event.
   * `FORBIDDEN` for customers.
   */
  readonly snoozeChat?: Maybe<Chat>;
  /** Removes the assignment of a chat and returns the changed chat. One call. `FORBIDDEN` for customers. */
  readonly unassignChat?: Maybe<Chat>;
  /** Ends the snooze of a chat and returns the changed chat. One call. `FORBIDDEN` for customers. */
  readonly unsnoozeChat?: Maybe<Chat>;
  /**
   * Unsubscribes an agent from the e-mails of HelpCrunch and returns the agent. One call, and one more if fields other than the id are
   * selected. It cannot be undone with this API. Forbidden unless the gateway allows it with the setting `MUTATIONS`. `FORBIDDEN` for customers.
   */
  readonly unsubscribeAgent?: Maybe<Agent>;
  /**
   * Sets values of a customer and returns the changed customer. One call, two with `customData`. An unknown id is an error with the code
   * `NOT_FOUND`; a `userId` that another customer has is `CONFLICT`. `FORBIDDEN` for customers.
   */
  readonly updateCustomer?: Maybe<Customer>;
  /**
   * Updates 1 to 10 customers, one after the other, and returns them in the same order. One call for each, two with `customData`. The results
   * are independent: a failed update is null with an error. After `RATE_LIMITED` the remaining updates are not made; completed updates remain.
   * `FORBIDDEN` for customers.
   */
  readonly updateCustomers?: Maybe<ReadonlyArray<Maybe<Customer>>>;
  /**
   * Updates the customer with this `userId`, or creates it if there is none, and returns it. Two calls, one if the customer is cached, at
   * most five. Concurrent calls create one customer. `FORBIDDEN` for customers.
   */
  readonly upsertCustomer?: Maybe<Customer>;
};


/** Write operations. */
export type MutationAddChatNoteArgs = {
  agentId?: InputMaybe<Scalars['ID']['input']>;
  chatId: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  markdown?: InputMaybe<Scalars['String']['input']>;
  text: Scalars['String']['input'];
};


/** Write operations. */
export type MutationAddCustomerTagsArgs = {
  customerId: Scalars['ID']['input'];
  tags: ReadonlyArray<TagInput>;
};


/** Write operations. */
export type MutationAssignChatArgs = {
  agentId: Scalars['ID']['input'];
  id: Scalars['ID']['input'];
  ifUnassigned?: InputMaybe<Scalars['Boolean']['input']>;
};


/** Write operations. */
export type MutationCreateChatArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateChatInput;
};


/** Write operations. */
export type MutationCreateCustomerArgs = {
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  input: CreateCustomerInput;
};


/** Write operations. */
export type MutationDeleteCustomerArgs = {
  id: Scalars['ID']['input'];
};


/** Write operations. */
export type MutationMarkChatReadArgs = {
  by: ReadBy;
  id: Scalars['ID']['input'];
  read: Scalars['Boolean']['input'];
};


/** Write operations. */
export type MutationMoveChatArgs = {
  departmentId: Scalars['ID']['input'];
  id: Scalars['ID']['input'];
};


/** Write operations. */
export type MutationRateChatArgs = {
  id: Scalars['ID']['input'];
  rating: SettableChatRating;
};


/** Write operations. */
export type MutationRecordCustomerEventArgs = {
  customerId: Scalars['ID']['input'];
  data?: InputMaybe<Scalars['JSONObject']['input']>;
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  name: Scalars['String']['input'];
};


/** Write operations. */
export type MutationRemoveCustomerTagsArgs = {
  customerId: Scalars['ID']['input'];
  names: ReadonlyArray<Scalars['String']['input']>;
};


/** Write operations. */
export type MutationSendMessageArgs = {
  agentId?: InputMaybe<Scalars['ID']['input']>;
  by: MessageAuthor;
  chatId: Scalars['ID']['input'];
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  markdown?: InputMaybe<Scalars['String']['input']>;
  text: Scalars['String']['input'];
};


/** Write operations. */
export type MutationSetChatStatusArgs = {
  id: Scalars['ID']['input'];
  status: SettableChatStatus;
};


/** Write operations. */
export type MutationSnoozeChatArgs = {
  id: Scalars['ID']['input'];
  until: Scalars['DateTime']['input'];
};


/** Write operations. */
export type MutationUnassignChatArgs = {
  id: Scalars['ID']['input'];
};


/** Write operations. */
export type MutationUnsnoozeChatArgs = {
  id: Scalars['ID']['input'];
};


/** Write operations. */
export type MutationUnsubscribeAgentArgs = {
  id: Scalars['ID']['input'];
};


/** Write operations. */
export type MutationUpdateCustomerArgs = {
  id: Scalars['ID']['input'];
  input: UpdateCustomerInput;
};


/** Write operations. */
export type MutationUpdateCustomersArgs = {
  updates: ReadonlyArray<CustomerUpdate>;
};


/** Write operations. */
export type MutationUpsertCustomerArgs = {
  input: UpdateCustomerInput;
  userId: Scalars['String']['input'];
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
  readonly agents?: Maybe<ReadonlyArray<Agent>>;
  /** All applications (channels of chats), in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly applications?: Maybe<ReadonlyArray<ChatApplication>>;
  /** A chat by id. An unknown id is null with the error `NOT_FOUND`. */
  readonly chat?: Maybe<Chat>;
  /** The chats of the account. The default order is `CREATED_AT DESC`. */
  readonly chats?: Maybe<ChatConnection>;
  /** A customer by id. An unknown id is null with the error `NOT_FOUND`. */
  readonly customer?: Maybe<Customer>;
  /** A customer by your own id. An unknown id is null with the error `NOT_FOUND`. */
  readonly customerByUserId?: Maybe<Customer>;
  /** The customers of the account. The default order is `FIRST_SEEN DESC`. */
  readonly customers?: Maybe<CustomerConnection>;
  /** A department by id. An unknown id is null with the error `NOT_FOUND`. `FORBIDDEN` for customers. */
  readonly department?: Maybe<Department>;
  /** All departments, in the order of HelpCrunch. `FORBIDDEN` for customers. */
  readonly departments?: Maybe<ReadonlyArray<Department>>;
  /**
   * The open chats of one view of the inbox, newest first. HelpCrunch has no search for these views, so the list is selected from the chats
   * that `inboxSummary` reads, at the same cost. The list is incomplete if `InboxSummary.isComplete` is false. A cursor contains the creation
   * time and the id of a chat, so that no chat is repeated or skipped if the list changes between pages. `FORBIDDEN` for customers.
   */
  readonly inbox?: Maybe<ChatConnection>;
  /**
   * Counts of the open chats: those with the status `NEW`, `OPENED`, `PENDING` or `ON_HOLD`. All open chats are read in at most 5 calls and
   * cached for 60 seconds; webhooks and mutations of this gateway update the cached chats. `FORBIDDEN` for customers.
   */
  readonly inboxSummary?: Maybe<InboxSummary>;
  /** A chat, customer, agent or department by its global id. An unknown id is null with the error `NOT_FOUND`. */
  readonly node?: Maybe<Node>;
  /** Objects by their global ids, in the given order. An unknown, invalid or forbidden id is a null entry with its own error. */
  readonly nodes?: Maybe<ReadonlyArray<Maybe<Node>>>;
  /** The organization that owns the account. `FORBIDDEN` for customers. */
  readonly organization?: Maybe<HelpdeskOrganization>;
  /** The rate limit of the account and the calls that remain for the account and for this viewer. Costs no call to HelpCrunch. `FORBIDDEN` for customers. */
  readonly rateLimit?: Maybe<HelpdeskRateLimit>;
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
export type QueryInboxArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  view: InboxView;
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

/** Ratings that a chat can be given. */
export type SettableChatRating =
  /** Average. */
  | 'AVERAGE'
  /** Good. */
  | 'GREAT'
  /** Excellent. */
  | 'PERFECT'
  /** Poor. */
  | 'POOR'
  /** Very poor. */
  | 'VERY_POOR';

/** Statuses that a chat can be set to. */
export type SettableChatStatus =
  /** Closed. */
  | 'CLOSED'
  /** The customer wrote, and no agent has answered yet. */
  | 'NEW'
  /** Started by the team; the customer has not answered. */
  | 'NO_COMMUNICATION'
  /** Waiting for a third party. */
  | 'ON_HOLD'
  /** The conversation is active. */
  | 'OPENED'
  /** Waiting for the customer. */
  | 'PENDING';

/** Number of open chats with a status. */
export type StatusCount = {
  /** Number of chats. */
  readonly count: Scalars['Int']['output'];
  /** The status. */
  readonly status: ChatStatus;
};

/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * Each result has the id of its event in `extensions.eventId`, the same at every instance.
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type Subscription = {
  /**
   * Changes of chats. Each change is delivered once, and the changes of one chat in order. Without arguments the changes of all chats that
   * the viewer may read are delivered. With arguments the chat must match all of them after the change.
   */
  readonly chatUpdated: ChatUpdate;
  /** Changes of customers. The changes of one customer are delivered in order. Customers receive only changes of their own data. */
  readonly customerChanged: CustomerChange;
  /**
   * The customer after each of its changes.
   * @deprecated Use customerChanged, which also reports creations and deletions.
   */
  readonly customerUpdated: Customer;
  /** New messages of agents and customers. The messages of one chat are delivered in order. */
  readonly messageReceived: ChatMessage;
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * Each result has the id of its event in `extensions.eventId`, the same at every instance.
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionChatUpdatedArgs = {
  after?: InputMaybe<Scalars['ID']['input']>;
  assigneeId?: InputMaybe<Scalars['ID']['input']>;
  customerId?: InputMaybe<Scalars['ID']['input']>;
  departmentId?: InputMaybe<Scalars['ID']['input']>;
  id?: InputMaybe<Scalars['ID']['input']>;
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * Each result has the id of its event in `extensions.eventId`, the same at every instance.
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionCustomerChangedArgs = {
  after?: InputMaybe<Scalars['ID']['input']>;
  id?: InputMaybe<Scalars['ID']['input']>;
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * Each result has the id of its event in `extensions.eventId`, the same at every instance.
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionCustomerUpdatedArgs = {
  after?: InputMaybe<Scalars['ID']['input']>;
  id: Scalars['ID']['input'];
};


/**
 * Events, over WebSocket, server-sent events or HTTP callbacks of a router.
 *
 * Each result has the id of its event in `extensions.eventId`, the same at every instance.
 * If events may have been missed, the subscription delivers an error with `extensions.missed: true` and continues; the client
 * should refetch the data that it shows.
 */
export type SubscriptionMessageReceivedArgs = {
  after?: InputMaybe<Scalars['ID']['input']>;
  chatId?: InputMaybe<Scalars['ID']['input']>;
};

/** A tag. */
export type TagInput = {
  /** Color of a new tag, such as `#c377e0`. HelpCrunch chooses one if it is omitted. */
  readonly color?: InputMaybe<Scalars['String']['input']>;
  /** Name of the tag, case-sensitive, not blank. */
  readonly name: Scalars['String']['input'];
};

/** Values of a customer to be set. Omitted values are unchanged, null removes a value. At least one value is required. */
export type UpdateCustomerInput = {
  /** Whether the customer is blocked. Must not be null. */
  readonly blocked?: InputMaybe<Scalars['Boolean']['input']>;
  /** Company. */
  readonly company?: InputMaybe<Scalars['String']['input']>;
  /**
   * Values of custom attributes by name: texts, numbers, booleans, or null to remove a value. Other attributes are unchanged. Attributes must
   * exist in the settings of HelpCrunch. Must not be null.
   */
  readonly customData?: InputMaybe<Scalars['JSONObject']['input']>;
  /** E-mail address; it need not be unique. */
  readonly email?: InputMaybe<Scalars['String']['input']>;
  /** Time of the first visit, in whole seconds. */
  readonly firstSeen?: InputMaybe<Scalars['DateTime']['input']>;
  /** URL of the last page the customer visited. */
  readonly lastPage?: InputMaybe<Scalars['String']['input']>;
  /** Time of the last visit, in whole seconds. */
  readonly lastSeen?: InputMaybe<Scalars['DateTime']['input']>;
  /** Language as an ISO 639-1 code. */
  readonly locale?: InputMaybe<Scalars['String']['input']>;
  /** Name. */
  readonly name?: InputMaybe<Scalars['String']['input']>;
  /** Notes of the team. HelpCrunch may limit them to 255 characters. */
  readonly notes?: InputMaybe<Scalars['String']['input']>;
  /** Phone number. */
  readonly phone?: InputMaybe<Scalars['String']['input']>;
  /** URL of the page the customer came from. */
  readonly referer?: InputMaybe<Scalars['String']['input']>;
  /** URL of the first page the customer visited. */
  readonly source?: InputMaybe<Scalars['String']['input']>;
  /** Whether the customer is unsubscribed from e-mails. Must not be null. */
  readonly unsubscribed?: InputMaybe<Scalars['Boolean']['input']>;
  /** Your own id of the customer, unique in the account. */
  readonly userId?: InputMaybe<Scalars['String']['input']>;
};
