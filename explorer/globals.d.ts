/** Set by Apollo's script. */
declare class EmbeddedSandbox {
  constructor(options: object);
}

/** Set by graphiql.js. */
declare const YogaGraphiQL: {
  renderYogaGraphiQL(element: HTMLElement | null, options: object): void;
};

/** Set by graphql-sse.js. */
declare const graphqlSse: {
  createClient(options: object): { subscribe(operation: unknown, sink: object): () => void };
};

interface Window {
  MonacoEnvironment: {
    globalAPI: boolean;
    getWorkerUrl(module: string, label: string): string;
  };
}
