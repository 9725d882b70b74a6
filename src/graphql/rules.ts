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
export type Rule = 'open' | 'own' | 'blank' | 'team';

type Rules = Readonly<Partial<Record<Rule, string>>>;

export const fieldRules: Readonly<Record<string, Rules>> = {
  Query: {
    open: 'agent agents viewer',
    own: 'chat chats customer customerByUserId customers node nodes _entities',
    team: 'department departments applications organization rateLimit _service',
  },
  Mutation: { own: 'markChatRead' },
  Subscription: { own: 'chatUpdated messageReceived customerUpdated' },
  ChatUpdate: { open: 'change at', own: 'chat' },
  Viewer: { open: 'role agent', own: 'customer' },
  Chat: {
    open: `nodeId id status closedBy closedAt rating createdAt createdWith lastCustomerMessageAt
      lastCommunicatedAgentId lastCommunicatedAgent snoozedUntil applicationId application
      readByAgent readByCustomer agents assignee department`,
    own: 'customer messages',
    blank: 'lastMessageAt lastMessageText lastMessageId',
  },
  ChatConnection: { open: 'pageInfo totalCount', own: 'edges nodes' },
  ChatEdge: { open: 'cursor', own: 'node' },
  Message: {
    open: 'id from agent type text read edited createdAt updatedAt broadcastType',
    own: 'chat',
  },
  MessageConnection: { open: 'pageInfo', own: 'edges nodes', blank: 'totalCount' },
  MessageEdge: { open: 'cursor', own: 'node' },
  Customer: {
    open: `nodeId id userId name email company phone firstSeen lastSeen location device unsubscribed
      blocked source referer lastPage locale createdFrom integrationId tags customData`,
    own: 'chats',
    team: 'notes',
  },
  CustomerConnection: { open: 'pageInfo totalCount', own: 'edges nodes' },
  CustomerEdge: { open: 'cursor', own: 'node' },
  Location: { open: 'regionCode countryCode city' },
  Device: { open: 'id ip timezone platform userAgent' },
  Tag: { open: 'name color' },
  Agent: { open: 'nodeId id name', team: 'email role chats' },
  Department: { open: 'nodeId id name', team: 'agents chats' },
  Application: { open: 'id name displayName type active' },
  Organization: { team: 'id domain teamOnline chatEnabled' },
  PageInfo: { open: 'hasNextPage hasPreviousPage startCursor endCursor' },
  RateLimit: { team: 'limit remaining resetAt' },
  _Service: { team: 'sdl' },
};

/** What may be asked for by its key alone: by a global id, or by a router. */
export const keyRules: Readonly<Record<string, Rule>> = {
  Agent: 'open',
  Application: 'team',
  Chat: 'own',
  Customer: 'own',
  Department: 'team',
};

const kinds = ['open', 'own', 'blank', 'team'] as const;

/** The rule of each field by its coordinate, such as `Chat.id`. */
export const rulesByField: ReadonlyMap<string, Rule> = new Map(
  Object.entries(fieldRules).flatMap(([type, rules]) =>
    kinds.flatMap((rule) =>
      (rules[rule]?.split(/\s+/) ?? []).map((name): [string, Rule] => [`${type}.${name}`, rule]),
    ),
  ),
);
