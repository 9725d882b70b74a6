import { boolean, operationFiles, publicUrl } from '../parsers.ts';
import { setting } from '../setting.ts';

export const mcp = {
  mcp: {
    isEnabled: setting('MCP', boolean, {
      defaultText: '`true` in demo mode, otherwise `false`',
      description: 'Serves tools for AI agents at `POST /mcp` ([mcp.md](mcp.md)).',
    }),
    operations: setting('MCP_OPERATIONS', operationFiles, {
      defaultText: 'the operations of the package',
      description:
        'Operations that agents can execute, each as a tool: a manifest in the format of Apollo or Relay (`.json`), or a pattern of GraphQL files.',
    }),
    allowsWrites: setting('MCP_WRITES', boolean, {
      default: false,
      description:
        '`true` also serves mutations, to agents only ([mcp.md](mcp.md#security)). `false`: tools only read.',
    }),
  },
  publicUrl: setting('PUBLIC_URL', publicUrl, {
    description:
      'Address by which clients reach the gateway, for the protected-resource metadata of MCP (RFC 9728).',
  }),
};
