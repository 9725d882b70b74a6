import type { Span, Tracing } from './tracing.ts';

const traceParentPattern =
  /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?$/;

/** Later versions than 00 may have more fields, and are passed on as version 00 (W3C Trace Context, section 3.2). */
function parseTraceParent(value: unknown) {
  const match = typeof value === 'string' ? traceParentPattern.exec(value) : null;
  if (match === null) return undefined;
  const [, version, traceId = '', parent = '', more] = match;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, traceparent: `00-${traceId}-${parent}` };
}

/** What every participant of a trace must be able to pass on. */
const maxTraceStateLength = 512;

const isTraceState = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= maxTraceStateLength && /^[\x20-\x7e]+$/.test(value);

/** Passes the trace of a request on to the log and to HelpCrunch without adding spans to it. */
export const createTracePropagation = (): Tracing => ({
  startRequestSpan(_name, { traceparent: given, tracestate }) {
    const parsed = parseTraceParent(given);
    if (parsed === undefined) return undefined;
    const { traceId, traceparent } = parsed;
    const span: Span = {
      traceId,
      child: () => span,
      record: () => undefined,
      headers: () => (isTraceState(tracestate) ? { traceparent, tracestate } : { traceparent }),
      end: () => undefined,
    };
    return span;
  },
  lostSpans: () => undefined,
  close: () => Promise.resolve(),
});
