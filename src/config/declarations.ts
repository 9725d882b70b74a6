import { authentication } from './sections/authentication.ts';
import { caching } from './sections/caching.ts';
import { federation } from './sections/federation.ts';
import { operationLimits, clientLimits } from './sections/limits.ts';
import { mcp } from './sections/mcp.ts';
import { secretFiles } from './sections/secretFiles.ts';
import { server } from './sections/server.ts';
import { tracing } from './sections/tracing.ts';
import { upstream } from './sections/upstream.ts';
import type { SettingNamesOf, SettingDeclaration } from './setting.ts';
import { settingsIn } from './setting.ts';

/** The sections of the settings reference. */
export const sections = {
  Server: server,
  HelpCrunch: upstream,
  'Authentication and network': authentication,
  'Secrets in files': secretFiles,
  'Caching and Redis': caching,
  'Operation limits': operationLimits,
  'Client limits and subscriptions': clientLimits,
  Federation: federation,
  'AI agents': mcp,
  Tracing: tracing,
};

/** Every setting, in the structure of the configuration. */
export const declarations = {
  ...server,
  ...upstream,
  ...authentication,
  ...secretFiles,
  ...caching,
  ...operationLimits,
  ...clientLimits,
  ...federation,
  ...mcp,
  ...tracing,
};

export type SettingName = SettingNamesOf<typeof declarations>;

export const allSettings: readonly SettingDeclaration[] = settingsIn(declarations);
