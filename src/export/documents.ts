import type { ListName } from './state.ts';

/** The sort order of both lists puts new objects at the end, where the export arrives last. */
export const chatOrder = { field: 'CREATED_AT', direction: 'ASC' };
export const customerOrder = { field: 'FIRST_SEEN', direction: 'ASC' };

const chatFields = `
  id status closedBy closedAt rating createdAt createdWith lastMessageAt lastCustomerMessageAt lastMessageText
  lastMessageId lastCommunicatedAgentId snoozedUntil @include(if: $isStaff) applicationId readByAgent readByCustomer
  agents { id } customer { id } assignee { id } department { id }`;

const customerFields = `
  id userId name email company phone firstSeen lastSeen location { regionCode countryCode city }
  device { id ip timezone platform userAgent } unsubscribed source referer lastPage locale createdFrom integrationId
  ... @include(if: $isStaff) { blocked notes tags { name color } customData }`;

/** Costs no call to HelpCrunch. */
export const viewerDocument = 'query ExportViewer { viewer { role customer { id } } }';

/** Costs one call, or none if the gateway has cached it. */
export const organizationDocument = 'query ExportOrganization { organization { id } }';

export const agentsDocument = `query ExportAgents($isStaff: Boolean!) {
  agents { id name ... @include(if: $isStaff) { email role } }
}`;

export const departmentsDocument =
  'query ExportDepartments { departments { id name agents { id } } }';

const page =
  'nodes { ...Row } pageInfo { hasNextPage endCursor } totalCount @include(if: $isFirst)';

export const chatsDocument = `query ExportChats(
  $first: Int!, $after: String, $filter: ChatFilter, $orderBy: ChatOrder, $isFirst: Boolean!, $isStaff: Boolean!
) {
  list: chats(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { ${page} }
}
fragment Row on Chat {${chatFields} }`;

export const customersDocument = `query ExportCustomers(
  $first: Int!, $after: String, $filter: CustomerFilter, $orderBy: CustomerOrder, $isFirst: Boolean!, $isStaff: Boolean!
) {
  list: customers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { ${page} }
}
fragment Row on Customer {${customerFields} }`;

const messagePage = `pageInfo { hasNextPage endCursor }
  nodes { id from agent { id } type text read edited createdAt updatedAt broadcastType }`;

/** Reads only the messages, which costs one call for each chat. */
export const messagesDocument = `query ExportMessages($ids: [ID!]!, $first: Int!, $after: String) {
  nodes(nodeIds: $ids) { ... on Chat { id messages(first: $first, after: $after) { ${messagePage} } } }
}`;

export const chatsByIdDocument = `query ExportChatsById($ids: [ID!]!, $isStaff: Boolean!) {
  nodes(nodeIds: $ids) { ... on Chat { ...Row } }
}
fragment Row on Chat {${chatFields} }`;

export const customersByIdDocument = `query ExportCustomersById($ids: [ID!]!, $isStaff: Boolean!) {
  nodes(nodeIds: $ids) { ... on Customer { ...Row } }
}
fragment Row on Customer {${customerFields} }`;

/** Shows whether HelpCrunch is available, with one call. */
export const availabilityDocument = (list: ListName) =>
  `query ExportAvailability { ${list}(first: 1) { nodes { id } } }`;

/** An event contains these fields, so that it costs no call. */
export const chatEventsDocument =
  'subscription ExportChatEvents($after: ID) { chatUpdated(after: $after) { change chat { id } } }';
export const customerEventsDocument =
  'subscription ExportCustomerEvents($after: ID) { customerChanged(after: $after) { change customerId } }';
