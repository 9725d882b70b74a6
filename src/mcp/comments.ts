import type { ASTNode } from 'graphql';
import { TokenKind } from 'graphql';

/**
 * The comment in the lines directly before a node, as one line; undefined if there is none. Executable documents have no
 * descriptions in this version of graphql-js.
 */
export function commentBefore({ loc }: ASTNode): string | undefined {
  const lines: string[] = [];
  let line = loc?.startToken.line ?? 0;
  for (let token = loc?.startToken.prev; token?.kind === TokenKind.COMMENT; token = token.prev) {
    if (token.line !== line - 1) break;
    line = token.line;
    // A comment behind a token on the same line belongs to that token.
    if (token.prev?.line === line && token.prev.kind !== TokenKind.SOF) break;
    lines.unshift(token.value.trim());
  }
  const text = lines.join(' ').trim();
  return text === '' ? undefined : text;
}
