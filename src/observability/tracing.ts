/** Must not contain ids of HelpCrunch, texts or names of people. */
type SpanAttributes = Readonly<Record<string, string | number>>;

export interface SpanEnd {
  readonly name?: string;
  readonly attributes?: SpanAttributes;
  /** An error code or kind. */
  readonly failure?: string | undefined;
}

/** A trace span of a request. */
export interface Span {
  /** For the lines of the request in the log. */
  readonly traceId: string;
  /** `call` is a request to another server. */
  child(kind: 'work' | 'call', name: string, attributes?: SpanAttributes): Span;
  /** Adds a child that ends now and took `durationMs`. */
  record(name: string, durationMs: number, ending: Omit<SpanEnd, 'name'>): void;
  /** Headers that propagate the trace context to another server. */
  headers(): Readonly<Record<string, string>>;
  /** Later calls have no effect. */
  end(ending?: SpanEnd): void;
}

export type TraceHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Tracing {
  /** The span of a request, which continues the trace of its headers; undefined if it belongs to no trace. */
  startRequestSpan(
    name: string,
    headers: TraceHeaders,
    attributes: SpanAttributes,
  ): Span | undefined;
  /** Spans that did not reach the collector, by reason; undefined if spans are not exported. */
  lostSpans(): Readonly<Record<string, number>> | undefined;
  /** Flushes pending spans. */
  close(): Promise<void>;
}

/** Identifies a request in every line of the log that belongs to it. */
export interface RequestIds {
  readonly requestId: string;
  /** Undefined if the request belongs to no trace. */
  readonly traceId: string | undefined;
}

/** The ids of a request or of its operation. */
export const requestIds = ({
  requestId,
  span,
}: {
  readonly requestId: string;
  readonly span?: Span | undefined;
}): RequestIds => ({ requestId, traceId: span?.traceId });

/** The attribute of spans that has the id of the request. */
export const requestIdAttribute = 'helpcrunch.request.id';
