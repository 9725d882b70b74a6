import type { DocumentNode, FieldNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { getNamedType, getOperationAST, isObjectType } from 'graphql';
import type { CustomerViewer } from '../../lib/viewer.ts';
import { maxOverlappedSize, maxSearchReads } from '../../lib/listReader.ts';
import { maxInboxPages } from '../../lib/paging.ts';
import { maxExtraMessageReads } from '../../lib/visibility.ts';
import type {
  CostCase,
  CostRule,
  FetchKind,
  IsCached,
  LengthOf,
} from '../../resources/declarations.ts';
import { entitiesByType, idsPerCall } from '../../resources/registry.ts';
import { costRuleOf } from '../schema/fields.ts';
import type { EstimatedField, FieldSite, NodeSet, RuleOf } from './nodes.ts';
import { groupReferences, idText } from './references.ts';
import type { FieldCost, OperationCost } from './rules.ts';
import {
  argumentsKey,
  assumedLength,
  batchCalls,
  capCount,
  CostAccumulator,
  hasCursor,
  isFromUnknownEnd,
  kindToFetch,
  ownedChatsCalls,
  pageLength,
  toList,
} from './rules.ts';
import type { ArgumentValues, SelectionReader } from './selection.ts';
import { createSelectionReader, defaultsOf, fieldNames } from './selection.ts';

export interface CostOptions {
  readonly schema: GraphQLSchema;
  readonly operationName?: string | null | undefined;
  /** As the client sent them. */
  readonly variables?: ArgumentValues | undefined;
  readonly isCached?: IsCached | undefined;
  readonly lengthOf?: LengthOf | undefined;
  /** The viewer, if it is a customer: verifying what it owns costs calls. */
  readonly customer?: CustomerViewer | undefined;
}

/** A deeper operation is not estimated. */
const maxDepth = 100;

const noFields: ReadonlySet<string> = new Set();

/** The fields that a reference by userId contains. */
const userIdOnly: ReadonlySet<string> = new Set(['__typename', 'userId']);

/** Adds up what the fields of one operation cost. */
class CostEstimator {
  readonly #options: CostOptions;
  readonly #reader: SelectionReader;
  readonly #costCase: CostCase;
  readonly #costs = new CostAccumulator();

  constructor(options: CostOptions, reader: SelectionReader, costCase: CostCase) {
    this.#options = options;
    this.#reader = reader;
    this.#costCase = costCase;
  }

  /** Undefined for an operation that is too large. */
  estimate(operation: OperationDefinitionNode): readonly FieldCost[] | undefined {
    const type = this.#options.schema.getRootType(operation.operation);
    if (!isObjectType(type)) return [];
    const [first] = this.#reader.fieldsOf(type, [operation]).keys();
    if (first !== undefined) this.#addViewerLookup(first);
    const root = {
      type,
      identityKey: '',
      count: 1,
      batchKey: '',
      maxBatches: 1,
      embeddedFields: undefined,
    };
    return this.#visit(root, [operation], []) ? this.#costs.fields() : undefined;
  }

  get #isWorst(): boolean {
    return this.#costCase === 'worst';
  }

  #isCached(kind: FetchKind, id?: string): boolean {
    return this.#options.isCached?.(kind, id) ?? false;
  }

  /** False when the operation is too large. */
  #visit(
    nodeSet: NodeSet,
    nodes: readonly (FieldNode | OperationDefinitionNode)[],
    path: readonly string[],
  ): boolean {
    const reader = this.#reader;
    const fields = reader.fieldsOf(nodeSet.type, nodes);
    const kind = kindToFetch(nodeSet.type.name, nodeSet.embeddedFields, fieldNames(fields));
    const fetched = kind === undefined ? nodeSet : this.#fetch(nodeSet, kind, path.join('.'));
    for (const [key, group] of fields) {
      if (reader.isExhausted() || path.length > maxDepth) return false;
      const [field] = group;
      const definition = field && nodeSet.type.getFields()[field.name.value];
      if (field === undefined || definition === undefined) continue;
      const named = getNamedType(definition.type);
      const fieldPath = [...path, key];
      const site = {
        path: fieldPath.join('.'),
        name: field.name.value,
        type: isObjectType(named) ? named : undefined,
        args: reader.argumentsOf(field),
        nodes: group,
      };
      const children = this.#childrenOf(fetched, site);
      if (!children.every((child) => this.#visit(child, group, fieldPath))) return false;
    }
    return !reader.isExhausted();
  }

  /** A customer that is known by its userId alone is looked up before the first field. */
  #addViewerLookup(path: string): void {
    const { customer } = this.#options;
    if (customer === undefined || customer.id !== undefined) return;
    if (!this.#isCached('customerByUserId', customer.userId)) this.#costs.add(path, 1);
  }

  #fetch(nodes: NodeSet, kind: FetchKind, path: string): NodeSet {
    const { identityKey, ids, count, batchKey, maxBatches, isPartlyFetched = false } = nodes;
    const costs = this.#costs;
    const size = idsPerCall[kind];
    if (size === Infinity) {
      if (costs.once(kind) && !this.#isCached(kind)) costs.add(path, 1);
    } else if (costs.once(`${kind} of ${identityKey}`)) {
      const missing = ids?.filter((id) => costs.once(`${kind} ${id}`) && !this.#isCached(kind, id));
      costs.addToBatch(
        `${kind} ${batchKey}`,
        { path, count: missing?.length ?? count, maxBatches, rows: 0 },
        (total) => batchCalls(total, size),
      );
    }
    return {
      ...nodes,
      embeddedFields: undefined,
      batchKey: `${batchKey}>${kind}`,
      maxBatches: maxBatches + (isPartlyFetched && this.#isWorst ? 1 : 0),
    };
  }

  #childrenOf(parent: NodeSet, site: FieldSite): readonly NodeSet[] {
    const { name, type, args } = site;
    const rule = costRuleOf(`${parent.type.name}.${name}`);
    if (rule?.strategy === 'byReference') return this.#references(parent, rule, site);
    if (type === undefined) {
      // A text that is computed from something else, which may have to be fetched.
      if (rule?.strategy === 'collection') this.#fetch(parent, rule.kind, site.path);
      return [];
    }
    if (rule === undefined) return [{ ...parent, type, embeddedFields: undefined }];
    const { batchKey, maxBatches, count } = parent;
    const identityKey = `${parent.identityKey}.${name}`;
    const objects = { type, identityKey, count, batchKey, maxBatches, embeddedFields: undefined };
    const listKey = `${identityKey} ${argumentsKey(args)}`;
    const list = { ...objects, identityKey: listKey, batchKey: listKey };
    const nodes = this.#applyRule(rule, { parent, site, objects, list });
    return nodes === undefined ? [] : [nodes];
  }

  #applyRule(
    rule: Exclude<CostRule, RuleOf<'byReference'>>,
    field: EstimatedField,
  ): NodeSet | undefined {
    const { parent, site, objects } = field;
    switch (rule.strategy) {
      case 'collection': {
        const known = this.#options.lengthOf?.(rule.kind);
        const count = known ?? assumedLength(rule.length, this.#costCase);
        return this.#fetch({ ...objects, count }, rule.kind, site.path);
      }
      case 'lookup': {
        const id = idText(site.args[rule.argument]);
        return this.#fetch(
          { ...objects, identityKey: `${rule.kind} ${id}`, ids: [id] },
          rule.kind,
          site.path,
        );
      }
      case 'write':
        return this.#write(rule, field);
      case 'page':
        return this.#page(field);
      case 'inbox':
        return this.#inbox(field);
      case 'messages':
        return this.#messages(field);
      case 'ownedChats':
        return this.#ownedChats(field);
      case 'chatEvent':
        this.#addEventChat(field, rule.filters);
        return objects;
      case 'receivedMessage':
        this.#addEventChat(field, []);
        return this.#receivedMessage(field);
      case 'parentChat':
        return (
          parent.chats && {
            ...parent.chats,
            batchKey: parent.batchKey,
            maxBatches: parent.maxBatches,
          }
        );
      case 'partial':
        return this.#partial(rule, field);
    }
  }

  #references(
    { batchKey, maxBatches }: NodeSet,
    rule: RuleOf<'byReference'>,
    { path, args, nodes }: FieldSite,
  ): readonly NodeSet[] {
    const references = groupReferences(toList(args[rule.argument]).flatMap(rule.read));
    return references.flatMap(({ type: typename, kind, ids }) => {
      const type = this.#options.schema.getType(typename);
      if (!isObjectType(type)) return [];
      const named = {
        type,
        identityKey: `${path} ${typename} ${kind}`,
        ids,
        count: ids.length,
        batchKey,
        maxBatches,
        embeddedFields: noFields,
      };
      // The key of a chat does not contain its owner, so a fetch verifies it.
      const isVerified =
        this.#options.customer !== undefined && (kind === 'chat' || kind === 'customerByUserId');
      if (!rule.isKeyKnown || isVerified) return this.#fetch(named, kind, path);
      if (kind !== 'customerByUserId') return named;
      const selected = fieldNames(this.#reader.fieldsOf(type, nodes));
      return selected.every((field) => userIdOnly.has(field))
        ? { ...named, embeddedFields: userIdOnly }
        : this.#fetch(named, kind, path);
    });
  }

  /** Expands a connection. `addCalls` is called unless nothing is selected, or the same was selected before. */
  #connection(
    list: NodeSet,
    { type, nodes, args }: FieldSite,
    addCalls: (readsRows: boolean, rows: number) => void,
  ): NodeSet {
    const names = new Set(type && fieldNames(this.#reader.fieldsOf(type, nodes)));
    const readsRows = names.has('nodes') || names.has('edges') || names.has('pageInfo');
    const selected = [readsRows, names.has('totalCount'), names.has('pageInfo')];
    const length = pageLength(args);
    if (selected.includes(true) && this.#costs.once(`${list.identityKey} ${selected.join()}`)) {
      const isWhole = names.has('totalCount') || typeof args['after'] === 'string';
      addCalls(readsRows, isWhole ? Infinity : length + (names.has('pageInfo') ? 1 : 0));
    }
    return { ...list, count: capCount(list.count * length) };
  }

  #page({ site, list }: EstimatedField): NodeSet {
    return this.#connection(list, site, (readsRows) => {
      this.#costs.add(site.path, this.#pageCalls(site, readsRows));
    });
  }

  /** The calls for one page of a list. All pages with cursors share those that find rows that have moved. */
  #pageCalls({ path, args }: FieldSite, readsRows: boolean): number {
    if (!readsRows) return 1;
    if (hasCursor(args)) {
      if (this.#isWorst && this.#costs.once('search reads')) this.#costs.add(path, maxSearchReads);
      if (pageLength({ ...args, filter: undefined }) > maxOverlappedSize) return 2;
    }
    return this.#isWorst && isFromUnknownEnd(args) ? 2 : 1;
  }

  #inbox({ site, objects, list }: EstimatedField): NodeSet {
    const addCalls = (): void => {
      if (this.#costs.once('inbox') && !this.#isCached('inbox'))
        this.#costs.add(site.path, this.#isWorst ? maxInboxPages : 1);
    };
    if (list.type.name === 'ChatConnection') return this.#connection(list, site, addCalls);
    addCalls();
    return objects;
  }

  #messages({ parent, site, list }: EstimatedField): NodeSet {
    const { count } = parent;
    return this.#connection({ ...list, maxBatches: count, chats: parent }, site, (readsRows) => {
      const isFiltered = this.#isWorst && this.#options.customer !== undefined;
      const extraReads = isFiltered && this.#costs.once('extra messages');
      const callsPerChat = this.#pageCalls(site, readsRows);
      this.#costs.add(site.path, count * callsPerChat + (extraReads ? maxExtraMessageReads : 0));
    });
  }

  #ownedChats({ parent, site, list }: EstimatedField): NodeSet {
    const { count, maxBatches } = parent;
    const order = JSON.stringify(site.args['orderBy']);
    const batchKey = `${parent.batchKey}>${parent.type.name} ${order}`;
    return this.#connection({ ...list, batchKey }, site, (readsRows, rows) => {
      this.#costs.addToBatch(batchKey, { path: site.path, count, maxBatches, rows }, (total) =>
        ownedChatsCalls(total, this.#costCase),
      );
      // The batch contains one call of each page.
      this.#costs.add(site.path, count * (this.#pageCalls(site, readsRows) - 1));
    });
  }

  #write(
    { kind, argument, calls, items, embeds }: RuleOf<'write'>,
    { site, objects }: EstimatedField,
  ): NodeSet {
    const { path, args } = site;
    const id = argument === undefined ? undefined : idText(args[argument]);
    const identityKey = `${kind} ${id ?? path}`;
    if (this.#options.customer !== undefined && id !== undefined) {
      this.#fetch({ ...objects, identityKey, ids: [id] }, kind, path);
    }
    this.#costs.add(path, typeof calls === 'number' ? calls : calls.of(args));
    this.#costs.once(identityKey);
    const written = {
      ...objects,
      identityKey: path,
      batchKey: path,
      count: items === undefined ? 1 : toList(args[items]).length,
      embeddedFields: embeds && new Set(embeds),
    };
    const type = this.#options.schema.getType('Chat');
    if (kind !== 'chat' || objects.type === type || !isObjectType(type)) return written;
    // A message, of whose chat only the id is known.
    return {
      ...written,
      chats: { ...written, type, identityKey: `${path}.chat`, embeddedFields: noFields },
    };
  }

  /** Webhooks may omit what decides whether a subscriber receives the event. */
  #addEventChat({ site, objects }: EstimatedField, filters: readonly string[]): void {
    const isDecidedByEvent =
      this.#options.customer === undefined &&
      filters.every((filter) => (site.args[filter] ?? null) === null);
    if (isDecidedByEvent || !this.#isWorst) return;
    if (this.#costs.once(`chat of ${objects.identityKey}.chat`)) this.#costs.add(site.path, 1);
  }

  #receivedMessage({ objects }: EstimatedField): NodeSet {
    const type = this.#options.schema.getType('Chat');
    if (!isObjectType(type)) return objects;
    const identityKey = `${objects.identityKey}.chat`;
    return { ...objects, chats: { ...objects, type, identityKey, embeddedFields: noFields } };
  }

  #partial(rule: RuleOf<'partial'>, { objects }: EstimatedField): NodeSet {
    const { embeds, length, mayBeMissing } = rule;
    const maxCount = entitiesByType.get(objects.type.name)?.count?.[this.#costCase] ?? Infinity;
    const count = capCount(objects.count * assumedLength(length, this.#costCase));
    return {
      ...objects,
      count: Math.min(count, maxCount),
      embeddedFields: mayBeMissing === true && this.#isWorst ? noFields : new Set(embeds),
      isPartlyFetched: mayBeMissing === true,
    };
  }
}

const sum = (fields: readonly FieldCost[] | undefined): number =>
  fields === undefined
    ? Infinity
    : fields.reduce((calls, field) => capCount(calls + field.calls), 0);

/** The upstream calls of an operation if nothing is cached except what `isCached` reports. */
export function estimateCost(document: DocumentNode, options: CostOptions): OperationCost {
  const operation = getOperationAST(document, options.operationName);
  if (!operation) return { worst: 0, typical: 0, fields: [] };
  const estimate = (costCase: CostCase) => {
    const variables = { ...defaultsOf(operation), ...options.variables };
    const reader = createSelectionReader(document, options.schema, variables);
    return new CostEstimator(options, reader, costCase).estimate(operation);
  };
  const worst = estimate('worst');
  return {
    worst: sum(worst),
    // Computed on access: the cost limit needs the worst case only.
    get typical() {
      return sum(estimate('typical'));
    },
    fields: worst ?? [],
  };
}
