/** The authenticated client. A customer is identified by the id of HelpCrunch, by the account's own user id, or by both. */
export type Viewer =
  | { readonly role: 'ALL' }
  | { readonly role: 'AGENT'; readonly agentId: string | undefined }
  | { readonly role: 'CUSTOMER'; readonly id: string; readonly userId: string | undefined }
  | { readonly role: 'CUSTOMER'; readonly id: undefined; readonly userId: string };

export type CustomerViewer = Extract<Viewer, { role: 'CUSTOMER' }>;

/** The customer that the viewer is. */
export interface CustomerIdentity {
  /** Null when HelpCrunch does not know it. */
  id(): Promise<string | null>;
  /** Whether this is the viewer's user id. */
  hasUserId(userId: string): Promise<boolean>;
}
