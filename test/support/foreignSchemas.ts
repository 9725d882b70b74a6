import { isTypeDefinitionNode, Kind, parse } from 'graphql';

interface ForeignSchema {
  readonly name: string;
  readonly sdl: string;
  /** Root fields that the gateway excludes, because this schema has them too. */
  readonly excluded: readonly string[];
}

const pageInfo =
  'type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }';
const relay = `
  interface Node { id: ID! }
  ${pageInfo}
  extend type Query { node(id: ID!): Node nodes(ids: [ID!]!): [Node]! }
`;
const relayFields = ['node', 'nodes'];
const customer = 'type Customer @key(fields: "userId", resolvable: false) { userId: String }';

/** Types as other teams, frameworks and products define them; each schema also has a root field. */
const definitions: Readonly<Record<string, string>> = {
  prisma: `input StringFilter { equals: String in: [String!] contains: String startsWith: String mode: QueryMode }
    input DateTimeFilter { equals: DateTime lt: DateTime gt: DateTime } enum QueryMode { default insensitive }
    enum SortOrder { asc desc } scalar DateTime type Query { posts(where: StringFilter, at: DateTimeFilter, order: SortOrder): [ID!]! }`,
  hasura: `input String_comparison_exp { _eq: String _in: [String!] _like: String } enum order_by { asc desc asc_nulls_last }
    type Query { invoices_where(name: String_comparison_exp, order_by: order_by): [ID!]! }`,
  gatsby: `input StringQueryOperatorInput { eq: String ne: String regex: String } enum SortOrderEnum { ASC DESC }
    scalar Date type Query { allPages(title: StringQueryOperatorInput, order: SortOrderEnum, on: Date): [ID!]! }`,
  strapi: `input StringFilterInput { eq: String containsi: String } input PaginationArg { page: Int pageSize: Int }
    type Pagination { total: Int! page: Int! } type UploadFile { name: String! url: String! } scalar JSON
    type Query { uploads(filters: StringFilterInput, pagination: PaginationArg): UploadFile meta: Pagination raw: JSON }`,
  github: `${relay} type RateLimit { cost: Int! resetAt: DateTime! } scalar DateTime type Viewer implements Node { id: ID! login: String! }
    enum OrderDirection { ASC DESC } type Organization implements Node { id: ID! login: String! }
    extend type Query { rateLimit: RateLimit viewer: Viewer! owner(direction: OrderDirection): Organization }`,
  commerce: `${customer} type Order { id: ID! buyer: Customer shippedFrom: Location } type Location { id: ID! name: String! isActive: Boolean! }
    type Money { amount: String! currency: CurrencyCode! } enum CurrencyCode { EUR USD }
    type Query { order(id: ID!): Order price: Money }`,
  content: `type Tag { id: ID! name: String! posts: Int! } type Category { id: ID! tags: [Tag!]! } input TagFilter { name: String }
    type Query { categories(tag: TagFilter): [Category!]! }`,
  teamChat: `type Message { id: ID! text: String! reactions: [Reaction!]! channel: Channel! } type Reaction { emoji: String! }
    type Channel { id: ID! topic: String } type Attachment { url: String! } type Query { message(id: ID!): Message files: [Attachment!]! }
    type Subscription { messageAdded(channel: ID!): Message! }`,
  messaging: `enum MessageType { SMS PUSH EMAIL } enum MessageStatus { SENT FAILED } ${pageInfo}
    type Message { id: ID! type: MessageType! status: MessageStatus! } type MessageEdge { cursor: String! node: Message! }
    type MessageConnection { edges: [MessageEdge!]! pageInfo: PageInfo! } type Conversation { id: ID! messages: MessageConnection! }
    enum MessageSender { SYSTEM USER } type Query { conversation(id: ID!, by: MessageSender): Conversation }`,
  devices: `type Device @key(fields: "serial") { serial: ID! status: DeviceStatus! at: Location } enum DeviceStatus { ONLINE OFFLINE }
    type Location { lat: Float! lng: Float! } type Query { device(serial: ID!): Device }`,
  geography: `type Location { lat: Float! lon: Float! country: Country } type Country { code: ID! name: String! } type Address { street: String city: String }
    input LocationInput { lat: Float! lon: Float! } type Query { locate(near: LocationInput!): Location address: Address }`,
  jobs: `type Application { id: ID! job: Job! status: ApplicationStatus! } type Job { id: ID! title: String! }
    enum ApplicationStatus { APPLIED HIRED } type Query { jobApplications: [Application!]! }
    type Mutation { apply(job: ID!): Application }`,
  staff: `type Organization { id: ID! members: [Employee!]! } type Employee { id: ID! team: Team role: Role! } type Team { id: ID! name: String! }
    enum Role { MANAGER MEMBER } type Query { employer: Organization }`,
  identity: `type Viewer { id: ID! email: String! role: ViewerRole! } enum ViewerRole { ADMIN USER } type Session { id: ID! expiresAt: DateTime! }
    scalar DateTime type Query { viewer: Viewer sessions: [Session!]! }`,
  quota: `type RateLimit { limit: Int! used: Int! window: String! } type Query { rateLimit: RateLimit }`,
  sorting: `enum OrderDirection { asc desc } input OrderBy { field: String! direction: OrderDirection! } type Query { sorted(by: OrderBy): [ID!]! }`,
  trading: `enum OrderDirection { BUY SELL } type Trade { id: ID! direction: OrderDirection! price: Float! } type Query { trades: [Trade!]! }`,
  analytics: `input DateTimeRange { start: DateTime! end: DateTime! } scalar DateTime type Metric { name: String! points: [Point!]! }
    type Point { at: DateTime! value: Float! } type Query { metrics(in: DateTimeRange!): [Metric!]! }`,
  calendar: `input DateRange { from: Date to: Date } scalar Date type Event { id: ID! attendees: [Attendee!]! } type Attendee { email: String! }
    type Query { events(in: DateRange): [Event!]! }`,
  notifications: `type Notification { id: ID! kind: NotificationKind! body: JSONObject } enum NotificationKind { EMAIL PUSH } scalar JSONObject
    type Query { notifications: [Notification!]! } type Subscription { notified: Notification! }`,
  billing: `${customer} type Invoice { id: ID! payer: Customer plan: Plan } type Plan { id: ID! price: Int! } type Query { invoices: [Invoice!]! }`,
  warehouse: `type Product @key(fields: "sku") { sku: ID! variants: [Variant!]! } type Variant { sku: ID! stock: Int! } type Query { product(sku: ID!): Product }`,
  reviews: `type Review { id: ID! rating: Rating! author: User } enum Rating { ONE TWO THREE FOUR FIVE } type User @key(fields: "id") { id: ID! }
    type Query { reviews: [Review!]! }`,
  search: `union SearchResult = Page | Person type Page { url: String! } type Person { name: String! } input SearchFilter { text: String }
    type Query { search(filter: SearchFilter!): [SearchResult!]! }`,
  files: `scalar Upload scalar URL type File { url: URL! type: FileType! } enum FileType { IMAGE VIDEO } type Image { width: Int! } type Query { file(id: ID!): File image: Image }
    type Mutation { upload(file: Upload!): File }`,
  surveys: `type Question { id: ID! text: String! } type Answer { id: ID! question: Question! } type Query { answers: [Answer!]! }`,
  tickets: `type Ticket { id: ID! status: Status! priority: Priority! comments: [Comment!]! } enum Status { OPEN CLOSED } enum Priority { LOW HIGH }
    type Comment { id: ID! text: String! } type Query { tickets: [Ticket!]! }`,
  sales: `type Contact { id: ID! notes: [Note!]! } type Note { text: String! } type Company { id: ID! } enum Stage { LEAD WON } type Deal { id: ID! stage: Stage! }
    input StringFilter { like: String } type Query { deals(name: StringFilter): [Deal!]! contacts: [Contact!]! companies: [Company!]! }`,
  mail: `type Thread { id: ID! emails: [Email!]! } type Email { id: ID! from: String! attachments: [Attachment!]! } type Attachment { name: String! }
    type Broadcast { id: ID! } type Query { threads: [Thread!]! broadcasts: [Broadcast!]! }`,
  social: `${relay} type User implements Node @key(fields: "id") { id: ID! posts: PostConnection! } type PostConnection { edges: [PostEdge!]! pageInfo: PageInfo! }
    type PostEdge { cursor: String! node: Post! } type Post implements Node { id: ID! } extend type Query { me: User }`,
  projects: `type Project { id: ID! tasks: [Task!]! } type Task { id: ID! labels: [Label!]! assignee: Agent } type Label { name: String! color: String! }
    type Agent @key(fields: "id", resolvable: false) { id: ID! } type Query { projects: [Project!]! }`,
  accounts: `type User @key(fields: "id") { id: ID! role: UserRole! status: UserStatus! } enum UserRole { ADMIN GUEST } enum UserStatus { ACTIVE BLOCKED }
    input CreateUserInput { email: String! } input UpdateUserInput { email: String } type DeletedUser { id: ID! } type Query { users: [User!]! }
    type Mutation { createUser(input: CreateUserInput!): User updateUser(id: ID!, input: UpdateUserInput!): User deleteUser(id: ID!): DeletedUser }`,
  relay: `${relay} type Article implements Node @key(fields: "id") { id: ID! chat: Chat }
    type Chat @key(fields: "id", resolvable: false) { id: ID! } extend type Query { article(id: ID!): Article }`,
  hotChocolate: `input StringOperationFilterInput { and: [StringOperationFilterInput!] eq: String } enum SortEnumType { ASC DESC }
    type Query { parcels(where: StringOperationFilterInput, order: SortEnumType): [ID!]! }`,
  postgraphile: `${relay} input StringFilter { equalTo: String likeInsensitive: String } scalar Cursor scalar Datetime enum RowsOrderBy { NATURAL PRIMARY_KEY_ASC }
    type Row implements Node { id: ID! created: Datetime } extend type Query { rows(filter: StringFilter, after: Cursor, by: RowsOrderBy): [Row!]! }`,
  appSync: `input ModelStringInput { ne: String eq: String } enum ModelSortDirection { ASC DESC } scalar AWSDateTime
    type ModelPostConnection { nextToken: String } type Query { listPosts(title: ModelStringInput, sort: ModelSortDirection, at: AWSDateTime): ModelPostConnection }`,
  saleor: `enum OrderDirection { ASC DESC } enum ReportingPeriod { TODAY THIS_MONTH } type Channel { slug: String! } type Money { amount: Float! }
    enum LanguageCodeEnum { EN UK } type Query { channels(period: ReportingPeriod, direction: OrderDirection, in: LanguageCodeEnum): [Channel!]! total: Money }`,
  magento: `enum SortEnum { ASC DESC } input FilterEqualTypeInput { eq: String } type Cart { id: ID! customer: Customer address: CustomerAddress }
    type CustomerAddress { city: String } ${customer} type Query { cart(filter: FilterEqualTypeInput, sort: SortEnum): Cart }`,
  payments: `type Account { id: ID! methods: [PaymentMethod!]! } type PaymentMethod { id: ID! } type Error { message: String! } type Payment { error: Error account: Account }
    type Mutation { pay: Payment } type Query { account: Account }`,
  support: `type Article { id: ID! sentiment: String } type ChatMessage @key(fields: "id") { id: ID! translation: String }
    type Department @key(fields: "id") { id: ID! budget: Int } type ChatApplication @key(fields: "id") { id: ID! owner: String } type Query { articles: [Article!]! }`,
};

const excludedBy: Readonly<Record<string, readonly string[]>> = {
  github: [...relayFields, 'viewer', 'rateLimit'],
  identity: ['viewer'],
  quota: ['rateLimit'],
  social: relayFields,
  relay: relayFields,
  postgraphile: relayFields,
};

/** Forty schemas with the type names that many schemas have. */
export const foreignSchemas: readonly ForeignSchema[] = Object.entries(definitions).map(
  ([name, types]) => ({
    name,
    sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.0", import: ["@key", "@shareable"]) ${
      // The relay fields extend it.
      types.includes('extend type Query') ? types.replace('extend type Query', 'type Query') : types
    }`,
    excluded: excludedBy[name] ?? [],
  }),
);

/** Types that subgraphs share on purpose: entities, the types of Relay's connections and scalars. */
export const sharedTypes: ReadonlySet<string> = new Set([
  ...['PageInfo', 'DateTime', 'JSONObject', 'Date'],
  ...['Customer', 'Chat', 'Agent', 'Department', 'ChatApplication', 'ChatMessage'],
]);

/** The coordinates of the root fields, and the names of all other types. */
export const definedNames = (sdl: string): readonly string[] =>
  parse(sdl).definitions.flatMap((definition) => {
    if (!isTypeDefinitionNode(definition)) return [];
    const { value: name } = definition.name;
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) return [name];
    return /^(Query|Mutation|Subscription)$/.test(name)
      ? (definition.fields ?? []).map((field) => `${name}.${field.name.value}`)
      : [name];
  });

/** The schemas in groups that have no names in common, because one composition takes a second. */
export function groupsOfForeignSchemas(): readonly (readonly ForeignSchema[])[] {
  const groups: { readonly names: Set<string>; readonly schemas: ForeignSchema[] }[] = [];
  for (const schema of foreignSchemas) {
    const own = definedNames(schema.sdl).filter((name) => !sharedTypes.has(name));
    let group = groups.find(({ names }) => !own.some((name) => names.has(name)));
    if (group === undefined) groups.push((group = { names: new Set(), schemas: [] }));
    group.schemas.push(schema);
    for (const name of own) group.names.add(name);
  }
  return groups.map(({ schemas }) => schemas);
}
