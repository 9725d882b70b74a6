import type { Clock } from '../lib/clock.ts';

/** The kinds of objects, each with its own file. */
export const exportKinds = ['agents', 'departments', 'customers', 'chats', 'messages'] as const;

export type ExportKind = (typeof exportKinds)[number];

/** Conditions of the schema's types `ChatFilter` and `CustomerFilter`. The filter of chats also applies to their messages. */
export interface ExportFilter {
  readonly chats?: Readonly<Record<string, unknown>>;
  readonly customers?: Readonly<Record<string, unknown>>;
}

export interface ExportProgress {
  /** `list`: the lists are read. `follow`: they have been read, and changes are added. */
  readonly phase: 'list' | 'follow';
  /** Whether all changes that are known are in the files. Always false in the phase `list`. */
  readonly isUpToDate: boolean;
  /** Lines by kind, those of earlier runs included. */
  readonly lines: Readonly<Record<ExportKind, number>>;
  /** Calls to HelpCrunch, those of earlier runs included. */
  readonly calls: number;
  readonly callsPerMinute: number;
  /** The ids of chats whose messages could not be read. */
  readonly skippedChats: readonly string[];
  /** Estimated remaining time of the phase `list`; null if it is not known. */
  readonly remainingMs: number | null;
}

export interface ExportOptions {
  /** The GraphQL endpoint of the gateway. Without a path, `/graphql` is added. */
  readonly url: string;
  /** Where the files are written. It is created if it does not exist. */
  readonly directory: string;
  /** Sent as `Authorization: Bearer`. A function is called before each request, so that it can return a renewed token. */
  readonly token?: string | (() => string | Promise<string>);
  /** The default are all kinds that the viewer may read. */
  readonly kinds?: readonly ExportKind[];
  readonly filter?: ExportFilter;
  /** Only chats created, and customers seen, at or after this time. */
  readonly since?: Date;
  /** Whether to continue with live changes until `signal` is aborted. */
  readonly follow?: boolean;
  /** Whether to compress the files. */
  readonly gzip?: boolean;
  /** Stops the export. It can be resumed. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
  /** The default is the system clock. */
  readonly clock?: Clock;
}

export interface ExportSummary {
  readonly lines: Readonly<Record<ExportKind, number>>;
  /** Calls to HelpCrunch of all runs. */
  readonly calls: number;
}

/** Why an export ended early, with the exit code of the command. All except `INVALID_OPTIONS`, `STATE` and `REJECTED` can be resumed as they are. */
export const exportExitCodes = {
  /** Invalid options. */
  INVALID_OPTIONS: 1,
  /** The directory contains another export, or files that this export did not write, or is in use. */
  STATE: 2,
  /** The gateway or HelpCrunch rejected the credentials. */
  CREDENTIALS: 3,
  /** A file could not be written or read. */
  OUTPUT: 4,
  /** The gateway could not be reached, or failed repeatedly. */
  UNAVAILABLE: 5,
  /** The gateway rejected a request that no retry changes, such as an invalid filter. */
  REJECTED: 6,
  /** Some chats, their messages or customers could not be read; everything else is exported. */
  INCOMPLETE: 7,
  /** `signal` was aborted. */
  INTERRUPTED: 130,
} as const;

export type ExportErrorCode = keyof typeof exportExitCodes;

/** The message says what to do, and contains no token. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
  readonly code: ExportErrorCode;

  constructor(code: ExportErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
