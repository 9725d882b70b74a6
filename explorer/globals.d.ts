/** Set by Apollo's script. */
declare class EmbeddedSandbox {
  constructor(options: object);
}

/** Set by graphiql.js. */
declare const YogaGraphiQL: {
  renderYogaGraphiQL(element: HTMLElement | null, options: object): void;
};

interface Window {
  MonacoEnvironment: {
    globalAPI: boolean;
    getWorkerUrl(module: string, label: string): string;
  };
}
