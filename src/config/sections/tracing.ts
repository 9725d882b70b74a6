import { boolean, httpUrl, oneOf } from '../parsers.ts';
import { setting } from '../setting.ts';

const traceProtocol = oneOf('http/json', 'http/protobuf');

export const tracing = {
  tracing: {
    isDisabled: setting('OTEL_SDK_DISABLED', boolean, {
      default: false,
      description: '`true` disables tracing.',
    }),
    exporter: setting('OTEL_TRACES_EXPORTER', oneOf('otlp', 'none'), {
      defaultText: '`otlp` with an endpoint, otherwise `none`',
      description: 'Exporter of traces ([operations.md](operations.md)).',
    }),
    endpoint: setting('OTEL_EXPORTER_OTLP_ENDPOINT', httpUrl, {
      description: 'Base URL of the OTLP collector.',
    }),
    tracesEndpoint: setting('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', httpUrl, {
      description: 'URL to which traces are sent; overrides the base URL.',
    }),
    protocol: setting('OTEL_EXPORTER_OTLP_PROTOCOL', traceProtocol, {
      defaultText: '`http/json`',
      description: 'Protocol of the collector.',
    }),
    tracesProtocol: setting('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', traceProtocol, {
      defaultText: '`OTEL_EXPORTER_OTLP_PROTOCOL`',
      description: 'Protocol of the collector for traces.',
    }),
  },
};
