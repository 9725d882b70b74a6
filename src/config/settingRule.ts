import type { Facts } from './facts.ts';

/** A combination of settings that is wrong or risky although each value is valid. */
export interface SettingRule {
  /** Identifies the rule in tests. */
  readonly name: string;
  /** The variable that the message is about. */
  readonly variable: string;
  readonly applies: (facts: Facts) => boolean;
  /** What is wrong, and how to fix it. Never contains a value. */
  readonly message: string;
}
