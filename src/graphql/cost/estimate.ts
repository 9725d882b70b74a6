import type {
  DocumentNode,
  FieldNode,
  GraphQLObjectType,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { getNamedType, getOperationAST, isObjectType } from 'graphql';
import { maxExtraMessageReads } from '../../lib/visibility.ts';
import type {
  CostAssumptions,
  OperationCost,
  FieldCost,
  IsCached,
  FetchKind,
  EntityReference,
  CostRule,
} from './rules.ts';
import {
  batchCalls,
  capCount,
  createCostAccumulator,
  entityCosts,
  groupReferences,
  idText,
  idsPerCall,
  kindToFetch,
  assumedLength,
  toList,
  ownedChatsCalls,
  pageLength,
  costRules,
  argumentsKey,
  typicalCase,
  worstCase,
} from './rules.ts';
import type { CustomerViewer } from '../context.ts';
import { createSelectionReader, defaultsOf, fieldNames } from './selection.ts';
import type { SelectionReader, ArgumentValues } from './selection.ts';

export interface CostOptions {
  readonly schema: GraphQLSchema;
  readonly operationName?: string | null | undefined;
  /** As the client sent them. */
  readonly variables?: ArgumentValues | undefined;
  readonly isCached?: IsCached | undefined;
  /** The customer who asks, if it is one: to know what is its own takes calls as well. */
  readonly customer?: CustomerViewer | undefined;
}

/** The things that one place of an operation yields, as far as their number matters. */
interface NodeSet {
  readonly type: GraphQLObjectType;
  /** Equal where the things are the same ones. */
  readonly origin: string;
  readonly count: number;
  /** Equal where they come at the same moments, so that what is asked of them goes in the same batches. */
  readonly batchKey: string;
  /** At how many different moments they come. */
  readonly batchCount: number;
  /** The fields that are known without a fetch; undefined for all. */
  readonly embeddedFields: ReadonlySet<string> | undefined;
  /** Their ids, where the operation says them. */
  readonly ids?: readonly string[];
  /** Some may have to be fetched while others need not, and then come later. */
  readonly isPartlyFetched?: boolean;
  /** Of messages: the chats they are in. */
  readonly chats?: NodeSet;
}

/** A place of the operation where a field is asked of things. */
interface FieldSite {
  readonly path: string;
  readonly name: string;
  /** What the field gives; undefined for a plain value. */
  readonly type: GraphQLObjectType | undefined;
  readonly args: ArgumentValues;
  readonly nodes: readonly FieldNode[];
}

/** A deeper operation has no price. */
const maxDepth = 100;

const noFields: ReadonlySet<string> = new Set();

interface EstimatorOptions extends CostOptions {
  readonly reader: SelectionReader;
  readonly costs: ReturnType<typeof createCostAccumulator>;
  readonly assumptions: CostAssumptions;
}

/** What a reference by userId says of a customer without a fetch. */
const userIdOnly: ReadonlySet<string> = new Set(['__typename', 'userId']);

/** What each kind of field yields and charges, after its resolver. */
function createFieldEstimator(options: EstimatorOptions) {
  const { schema, reader, costs, assumptions, isCached = () => false, customer } = options;
  const { isWorst } = assumptions;

  /** A customer must be known by the helpdesk's id before anything is given to it. */
  function addViewerLookup(path: string): void {
    if (customer === undefined || customer.id !== undefined || !costs.once('viewer')) return;
    if (!isCached('customerByUserId', customer.userId)) costs.add(path, 1);
  }

  function addFetch(nodes: NodeSet, kind: FetchKind, path: string): NodeSet {
    const { origin, ids, count, batchKey, batchCount, isPartlyFetched = false } = nodes;
    const size = idsPerCall[kind];
    if (size === Infinity) {
      if (costs.once(kind) && !isCached(kind)) costs.add(path, 1);
    } else if (costs.once(`${kind} of ${origin}`)) {
      const missing = ids?.filter((id) => costs.once(`${kind} ${id}`) && !isCached(kind, id));
      const demand = { count: missing?.length ?? count, batchCount, rows: 0 };
      costs.addToBatch(`${kind} ${batchKey}`, path, demand, (all) => batchCalls(all, size));
    }
    return {
      ...nodes,
      embeddedFields: undefined,
      batchKey: `${batchKey}>${kind}`,
      batchCount: batchCount + (isPartlyFetched && isWorst ? 1 : 0),
    };
  }

  function nodesFromReferences(
    { path }: FieldSite,
    { batchKey, batchCount }: NodeSet,
    names: readonly EntityReference[],
  ) {
    return groupReferences(names).flatMap(
      ({ type: name, kind, ids }): readonly [NodeSet, FetchKind][] => {
        const type = schema.getType(name);
        if (!isObjectType(type)) return [];
        const origin = `${path} ${name} ${kind}`;
        return [
          [
            {
              type,
              origin,
              ids,
              count: ids.length,
              batchKey,
              batchCount,
              embeddedFields: noFields,
            },
            kind,
          ],
        ];
      },
    );
  }

  /** Fills a connection. `charge` is called unless nothing is asked of it, or the same was asked before. */
  function addConnection(
    result: NodeSet,
    { type, nodes, args }: FieldSite,
    addCalls: (isRead: boolean, rows: number) => void,
  ): NodeSet {
    const names = new Set(type && fieldNames(reader.fieldsOf(type, nodes)));
    const isRead = names.has('nodes') || names.has('edges') || names.has('pageInfo');
    const selected = [isRead, names.has('totalCount'), names.has('pageInfo')];
    const length = pageLength(args);
    if (selected.includes(true) && costs.once(`${result.origin} ${selected.join()}`)) {
      const isWhole = names.has('totalCount') || typeof args['after'] === 'string';
      addCalls(isRead, isWhole ? Infinity : length + (names.has('pageInfo') ? 1 : 0));
    }
    return { ...result, count: capCount(result.count * length) };
  }

  /** What a field with a rule yields. */
  function applyRule(parent: NodeSet, rule: CostRule, site: FieldSite): readonly NodeSet[] {
    const { path, name, type, args } = site;
    if (rule.strategy === 'byReference') {
      const names = toList(args[rule.argument]).flatMap(rule.read);
      return nodesFromReferences(site, parent, names).map(([nodes, kind]) => {
        // Whose a chat is, its key does not say.
        const isOwn = customer !== undefined && (kind === 'chat' || kind === 'customerByUserId');
        if (!rule.isKeyKnown || isOwn) return addFetch(nodes, kind, path);
        if (kind !== 'customerByUserId') return nodes;
        const selected = fieldNames(reader.fieldsOf(nodes.type, site.nodes));
        return selected.every((field) => userIdOnly.has(field))
          ? { ...nodes, embeddedFields: userIdOnly }
          : addFetch(nodes, kind, path);
      });
    }
    if (type === undefined) return [];
    const { batchKey, batchCount, count } = parent;
    const origin = `${parent.origin}.${name}`;
    const result: NodeSet = {
      type,
      origin,
      count,
      batchKey,
      batchCount,
      embeddedFields: undefined,
    };
    const list = `${origin} ${argumentsKey(args)}`;
    const listed = { ...result, origin: list, batchKey: list };
    switch (rule.strategy) {
      case 'collection':
        return [
          addFetch({ ...result, count: assumedLength(assumptions, rule.length) }, rule.kind, path),
        ];
      case 'lookup': {
        const id = idText(args[rule.argument]);
        return [addFetch({ ...result, origin: `${rule.kind} ${id}`, ids: [id] }, rule.kind, path)];
      }
      case 'write': {
        const id = idText(args['id']);
        if (customer !== undefined) {
          addFetch(
            { ...result, origin: `chat ${id}`, ids: [id], embeddedFields: noFields },
            'chat',
            path,
          );
        }
        costs.add(path, 1);
        costs.once(`chat ${id}`);
        return [{ ...result, origin: path, batchKey: path }];
      }
      case 'page':
        return [
          addConnection(listed, site, (isRead) => {
            const isFromEnd = isRead && typeof args['last'] === 'number';
            costs.add(path, isWorst && isFromEnd && typeof args['before'] !== 'string' ? 2 : 1);
          }),
        ];
      case 'messages':
        return [
          addConnection({ ...listed, batchCount: count, chats: parent }, site, () => {
            const isMore = isWorst && customer !== undefined && costs.once('more messages');
            costs.add(path, count + (isMore ? maxExtraMessageReads : 0));
          }),
        ];
      case 'ownedChats': {
        const batch = `${batchKey}>${parent.type.name} ${JSON.stringify(args['orderBy'])}`;
        return [
          addConnection({ ...listed, batchKey: batch }, site, (_isRead, rows) => {
            costs.addToBatch(batch, path, { count, batchCount, rows }, (all) =>
              ownedChatsCalls(all, assumptions),
            );
          }),
        ];
      }
      case 'receivedMessage': {
        const chat = schema.getType('Chat');
        if (!isObjectType(chat)) return [result];
        return [
          {
            ...result,
            chats: { ...result, type: chat, origin: `${origin}.chat`, embeddedFields: noFields },
          },
        ];
      }
      case 'parentChat':
        return parent.chats === undefined ? [] : [{ ...parent.chats, batchKey, batchCount }];
      case 'partial': {
        const { embeds, length, mayBeMissing = false } = rule;
        const atMost = entityCosts.get(type.name)?.maximum;
        const maximum = atMost ? assumptions[atMost] : Infinity;
        return [
          {
            ...result,
            count: Math.min(capCount(count * assumedLength(assumptions, length)), maximum),
            embeddedFields: mayBeMissing && isWorst ? noFields : new Set(embeds),
            isPartlyFetched: mayBeMissing,
          },
        ];
      }
    }
  }

  /** What a field without a rule yields is carried by the parent. */
  const estimateField = (parent: NodeSet, site: FieldSite): readonly NodeSet[] => {
    const rule = costRules.get(`${parent.type.name}.${site.name}`);
    if (rule !== undefined) return applyRule(parent, rule, site);
    return site.type === undefined
      ? []
      : [{ ...parent, type: site.type, embeddedFields: undefined }];
  };

  return { fetch: addFetch, follow: estimateField, identify: addViewerLookup };
}

/** What the operation's fields cost by themselves; undefined for one too large. */
function fieldCosts(
  operation: OperationDefinitionNode,
  document: DocumentNode,
  options: CostOptions,
  assumptions: CostAssumptions,
): readonly FieldCost[] | undefined {
  const { schema, variables } = options;
  const reader = createSelectionReader(document, schema, {
    ...defaultsOf(operation),
    ...variables,
  });
  const costs = createCostAccumulator();
  const {
    fetch: addFetch,
    follow,
    identify,
  } = createFieldEstimator({ ...options, reader, costs, assumptions });

  /** Whether the size allowed for a walk to the end. */
  function visit(
    nodeSet: NodeSet,
    nodes: readonly (FieldNode | OperationDefinitionNode)[],
    path: readonly string[],
  ): boolean {
    const fields = reader.fieldsOf(nodeSet.type, nodes);
    const kind = kindToFetch(nodeSet.type.name, nodeSet.embeddedFields, fieldNames(fields));
    const fetched = kind === undefined ? nodeSet : addFetch(nodeSet, kind, path.join('.'));
    for (const [key, group] of fields) {
      if (reader.isExhausted() || path.length > maxDepth) return false;
      const [field] = group;
      const definition = field && nodeSet.type.getFields()[field.name.value];
      if (field === undefined || definition === undefined) continue;
      const named = getNamedType(definition.type);
      const at = [...path, key];
      const site = {
        path: at.join('.'),
        name: field.name.value,
        type: isObjectType(named) ? named : undefined,
        args: reader.argumentsOf(field),
        nodes: group,
      };
      if (!follow(fetched, site).every((child) => visit(child, group, at))) return false;
    }
    return !reader.isExhausted();
  }

  const type = schema.getRootType(operation.operation);
  if (!isObjectType(type)) return [];
  const [first] = reader.fieldsOf(type, [operation]).keys();
  if (first !== undefined) identify(first);
  const root = {
    type,
    origin: '',
    count: 1,
    batchKey: '',
    batchCount: 1,
    embeddedFields: undefined,
  };
  return visit(root, [operation], []) ? costs.fields() : undefined;
}

const sum = (fields: readonly FieldCost[] | undefined): number =>
  fields === undefined
    ? Infinity
    : fields.reduce((calls, field) => capCount(calls + field.calls), 0);

/** The calls an operation causes when nothing is known of the helpdesk but what `isCached` says. */
export function estimateCost(document: DocumentNode, options: CostOptions): OperationCost {
  const operation = getOperationAST(document, options.operationName);
  if (!operation) return { worst: 0, typical: 0, fields: [] };
  const worst = fieldCosts(operation, document, options, worstCase);
  return {
    worst: sum(worst),
    // Whoever only wants to know the worst does not pay for it.
    get typical() {
      return sum(fieldCosts(operation, document, options, typicalCase));
    },
    fields: worst ?? [],
  };
}
