import type {
  DocumentNode,
  GraphQLFormattedError,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql';
import { Kind, OperationTypeNode } from 'graphql';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import { requestIds } from '../observability/tracing.ts';
import type { Context } from './context.ts';
import type { FieldUsage, LabelSource } from './fieldUsage.ts';
import type { ErrorCode } from './errorCodes.ts';
import { publicCodeOf } from './errors.ts';
import { fragmentsOf, rootSelections } from './limits/documentStructure.ts';
import type { HelpdeskViewerRole } from './generated.ts';

/** A completed operation for log and metrics. Every string comes from a bounded set. */
interface OperationReport {
  /** Its name, `anonymous`, or `other` for names beyond the limit. */
  readonly operation: string;
  /** Undefined where the document was rejected before its kind was known. */
  readonly kind: OperationTypeNode | undefined;
  /** Only if the gateway serves several. */
  readonly account: string | undefined;
  readonly viewer: HelpdeskViewerRole;
  /** `OK`, or the code of its first error. */
  readonly code: ReportCode;
  readonly calls: number;
  readonly cacheHits: number;
  readonly shared: number;
  /** Age of the oldest cached value served because HelpCrunch was unavailable. */
  readonly staleMs: number | undefined;
  readonly durationMs: number;
}

interface CompletedOperation {
  /** Undefined where the document was rejected before its operation was known. */
  readonly operation: OperationDefinitionNode | null | undefined;
  /** Contains the fragments of the operation. */
  readonly document?: DocumentNode | undefined;
  /** As the client has sent them. */
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** As the client receives them. */
  readonly errors?: readonly Pick<GraphQLFormattedError, 'extensions'>[] | undefined;
  readonly isClientDisconnected?: boolean;
}

/** Logs and counts a completed operation, on every endpoint. */
export type ReportOperation = (context: Context, outcome: CompletedOperation) => void;

const maxNameLength = 64;

const maxNames = 100;

/** Keeps the first operation names of each label source; all others become `other`, so that clients cannot create any number of metric labels. */
export function createNameLimiter() {
  const namesOf = { trusted: new Set<string>(), untrusted: new Set<string>() };
  return (name: string, source: LabelSource): string => {
    if (namesOf.trusted.has(name) || namesOf.untrusted.has(name)) return name;
    const names = namesOf[source];
    if (names.size >= maxNames || name.length > maxNameLength) return 'other';
    names.add(name);
    return name;
  };
}

interface ReporterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limitName: (name: string, source: LabelSource) => string;
  /** Whether HelpCrunch has accepted the account's key; always true for the gateway's own. */
  readonly isKeyVerified: (account: string) => boolean;
  /** The account in log and metrics; undefined unless there are several. */
  readonly accountLabel: (account: string) => string | undefined;
  readonly observe: (report: OperationReport) => void;
  readonly fieldUsage: FieldUsage;
}

/** The codes of operations that have not failed, in log and metrics. */
export const unfailedCodes = ['OK', 'CLIENT_DISCONNECTED'] as const;

type ReportCode = ErrorCode | (typeof unfailedCodes)[number];

interface MutationReport {
  readonly account: string | undefined;
  readonly outcome: CompletedOperation;
  readonly code: ReportCode;
}

function codeOf({ errors = [], isClientDisconnected = false }: CompletedOperation): ReportCode {
  const [first] = errors;
  if (first === undefined) return 'OK';
  if (isClientDisconnected) return 'CLIENT_DISCONNECTED';
  return publicCodeOf(first);
}

/** The names of the fields of the root type, those in fragments included. */
function rootFieldsOf(operation: SelectionSetNode, document: DocumentNode | undefined): string[] {
  const selections = rootSelections(operation, document ? fragmentsOf(document) : new Map());
  const names = [...selections].flatMap((selection) =>
    selection.kind === Kind.FIELD ? [selection.name.value] : [],
  );
  return [...new Set(names)];
}

/** The audit log: who changed what, from where. */
function logMutation(log: Log, context: Context, { account, outcome, code }: MutationReport): void {
  const { viewer, viewerId, address } = context;
  const { operation, document } = outcome;
  const { requestId, traceId } = requestIds(context);
  log.info('mutation', {
    requestId,
    traceId,
    account,
    fields: operation ? rootFieldsOf(operation.selectionSet, document) : [],
    viewer: viewer.role,
    viewerId,
    address,
    code,
  });
}

export const createReporter =
  ({
    clock,
    log,
    limitName,
    isKeyVerified,
    accountLabel,
    observe,
    fieldUsage,
  }: ReporterOptions): ReportOperation =>
  (context, outcome) => {
    const { viewer, usage, startedAtMs, span } = context;
    const { operation, document, variables } = outcome;
    const { application } = context;
    const name = operation?.name?.value;
    const account = accountLabel(context.account);
    const isTrusted = viewer.role !== 'CUSTOMER' && isKeyVerified(context.account);
    const source = isTrusted ? 'trusted' : 'untrusted';
    const report: OperationReport = {
      operation: operation ? (name === undefined ? 'anonymous' : limitName(name, source)) : 'other',
      kind: operation?.operation,
      account,
      viewer: viewer.role,
      code: codeOf(outcome),
      calls: usage.calls,
      cacheHits: usage.cacheHits,
      shared: usage.shared,
      staleMs: usage.staleMs === undefined ? undefined : Math.round(usage.staleMs),
      durationMs: Math.round((clock.monotonic() - startedAtMs) * 100) / 100,
    };
    observe(report);
    if (operation) fieldUsage.record({ operation, document, variables, application, source });
    span?.end({
      name: `${report.kind ?? 'operation'} ${report.operation}`,
      attributes: {
        'graphql.operation.name': report.operation,
        ...(report.kind === undefined ? {} : { 'graphql.operation.type': report.kind }),
        'helpcrunch.upstream.calls': report.calls,
        'helpcrunch.cache.hits': report.cacheHits,
      },
      failure: report.code === 'OK' ? undefined : report.code,
    });
    const { requestId, traceId } = requestIds(context);
    log.info('operation', { requestId, traceId, ...report });
    if (report.kind === OperationTypeNode.MUTATION) {
      logMutation(log, context, { account, outcome, code: report.code });
    }
  };
