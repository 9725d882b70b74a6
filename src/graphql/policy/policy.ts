/**
 * Who may ask what. Whoever is not a customer may ask everything; to a customer a field is
 *
 * - `open`: as to everybody;
 * - `own`: its own chats, its own messages and itself; what is somebody else's is as if it did not exist;
 * - `blank`: always null, because it may tell of a message that the customer may not see;
 * - `team`: `FORBIDDEN`.
 *
 * A field that is not named here is for the team, until somebody has thought about it.
 */
export type FieldPolicy = 'public' | 'owner' | 'redacted' | 'staff';

type TypePolicy = Readonly<Partial<Record<FieldPolicy, string>>>;

export const fieldPolicies: Readonly<Record<string, TypePolicy>> = {
  Query: {
    public: 'agent agents viewer',
    owner: 'chat chats customer customerByUserId customers node nodes _entities',
    staff: 'department departments applications organization rateLimit _service',
  },
  Mutation: { owner: 'markChatRead' },
  Subscription: { owner: 'chatUpdated messageReceived customerUpdated' },
  ChatUpdate: { public: 'change at', owner: 'chat' },
  HelpdeskViewer: { public: 'role agent', owner: 'customer' },
  Chat: {
    public: `nodeId id status closedBy closedAt rating createdAt createdWith lastCustomerMessageAt
      lastCommunicatedAgentId lastCommunicatedAgent snoozedUntil applicationId application
      readByAgent readByCustomer agents assignee department`,
    owner: 'customer messages',
    redacted: 'lastMessageAt lastMessageText lastMessageId',
  },
  ChatConnection: { public: 'pageInfo totalCount', owner: 'edges nodes' },
  ChatEdge: { public: 'cursor', owner: 'node' },
  ChatMessage: {
    public: 'id from agent type text read edited createdAt updatedAt broadcastType',
    owner: 'chat',
  },
  ChatMessageConnection: { public: 'pageInfo', owner: 'edges nodes', redacted: 'totalCount' },
  ChatMessageEdge: { public: 'cursor', owner: 'node' },
  Customer: {
    public: `nodeId id userId name email company phone firstSeen lastSeen location device unsubscribed
      blocked source referer lastPage locale createdFrom integrationId tags customData`,
    owner: 'chats',
    staff: 'notes',
  },
  CustomerConnection: { public: 'pageInfo totalCount', owner: 'edges nodes' },
  CustomerEdge: { public: 'cursor', owner: 'node' },
  CustomerLocation: { public: 'regionCode countryCode city' },
  CustomerDevice: { public: 'id ip timezone platform userAgent' },
  CustomerTag: { public: 'name color' },
  Agent: { public: 'nodeId id name', staff: 'email role chats' },
  Department: { public: 'nodeId id name', staff: 'agents chats' },
  ChatApplication: { public: 'id name displayName type active' },
  HelpdeskOrganization: { staff: 'id domain teamOnline chatEnabled' },
  PageInfo: { public: 'hasNextPage hasPreviousPage startCursor endCursor' },
  HelpdeskRateLimit: { staff: 'limit remaining resetAt' },
  _Service: { staff: 'sdl' },
};

/** What may be asked for by its key alone: by a global id, or by a router. */
export const entityPolicies: Readonly<Record<string, FieldPolicy>> = {
  Agent: 'public',
  ChatApplication: 'staff',
  Chat: 'owner',
  Customer: 'owner',
  Department: 'staff',
};

const policyNames = ['public', 'owner', 'redacted', 'staff'] as const;

/** The rule of each field by its coordinate, such as `Chat.id`. */
export const policiesByField: ReadonlyMap<string, FieldPolicy> = new Map(
  Object.entries(fieldPolicies).flatMap(([type, typePolicy]) =>
    policyNames.flatMap((policy) =>
      (typePolicy[policy]?.split(/\s+/) ?? []).map((name): [string, FieldPolicy] => [
        `${type}.${name}`,
        policy,
      ]),
    ),
  ),
);
