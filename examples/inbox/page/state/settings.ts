import { createStored, isObject } from './storage.ts';

export interface Settings {
  readonly notifications: boolean;
  readonly sound: boolean;
  /** Whether single characters are shortcuts, which interferes with speech input. */
  readonly shortcuts: boolean;
  /** The agent that uses this browser, if the token does not contain it. */
  readonly agentId: string | undefined;
}

function decode(stored: unknown): Settings {
  const { notifications, sound, shortcuts, agentId } = isObject(stored) ? stored : {};
  return {
    notifications: notifications === true,
    sound: sound === true,
    shortcuts: shortcuts !== false,
    agentId: typeof agentId === 'string' ? agentId : undefined,
  };
}

export const settings = createStored<Settings>('settings', decode);

export const changeSettings = (change: Partial<Settings>): void =>
  settings.set({ ...settings.get(), ...change });
