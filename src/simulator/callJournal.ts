export interface SimulatorCall {
  readonly method: string;
  /** Without `/v1`, with the query. */
  readonly path: string;
  /** Undefined when there was none; the text itself when it was not JSON. */
  readonly body: unknown;
  /** 0 when the call got no status. */
  readonly status: number;
}

interface CallJournal {
  /** The latest calls, oldest first. */
  readonly calls: readonly SimulatorCall[];
  add(call: SimulatorCall, bodyLength: number): void;
}

const maxCalls = 10_000;

// A parsed body takes several times its text: long benchmarks must not fill the memory with them.
const maxBodyCharacters = 4_000_000;

/** Keeps the latest calls, within a bound of number and of size. */
export function createCallJournal(): CallJournal {
  let kept: { readonly call: SimulatorCall; readonly bodyLength: number }[] = [];
  let first = 0;
  let bodyCharacters = 0;
  return {
    get calls() {
      return kept.slice(first).map(({ call }) => call);
    },
    add(call, bodyLength) {
      kept.push({ call, bodyLength });
      bodyCharacters += bodyLength;
      while (kept.length - first > maxCalls || bodyCharacters > maxBodyCharacters) {
        bodyCharacters -= kept[first]?.bodyLength ?? 0;
        first += 1;
      }
      if (first * 2 > kept.length) {
        kept = kept.slice(first);
        first = 0;
      }
    },
  };
}
