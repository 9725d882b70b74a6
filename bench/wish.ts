export interface Wish {
  /** Whether the results go into the documentation. */
  readonly isWritten: boolean;
}
