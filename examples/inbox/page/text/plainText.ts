const maxLength = 300;

/** The beginning of Markdown in one line, for lists. */
export const plainText = (markdown: string): string =>
  markdown
    .slice(0, maxLength)
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*|__|~~|`+/g, '')
    .replace(/^\s*(?:#{1,6}|>|[-*+]|\d+\.)\s+/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
