// ESLint rule: rejects words that the house style replaces by a standard term, in identifiers and comments.

/** The word, and what to write instead. */
const identifierWords = {
  acquaintance: 'verified key',
  crave: 'request',
  crew: 'waiters',
  errand: 'request',
  hunger: 'waiting',
  hungry: 'waiting',
  keepsake: 'cache entry',
  mended: 'repaired',
  nobody: 'anonymous',
  roster: 'collection',
  sighting: 'dependency',
  stranger: 'unverified client',
  strangers: 'unverified clients',
  told: 'reported',
  untold: 'unreported',
  whoever: 'client',
};

const commentPhrases = [
  [/\b(?:un)?told\b/, 'reported'],
  [/\bwho(?:so)?ever\b/, 'the client that'],
  [/\b(?:nobody|somebody|everybody)\b/, 'the client, caller or user that is meant'],
  [/\bthose who\b/, 'the clients that'],
  [/\b(?:hence|lest|thereof|therein|thus|whence|whither)\b/, 'a plain conjunction'],
  [/\b(?:for good|once and for all)\b/, 'permanently'],
  [/\bin a row\b/, 'consecutively'],
  [/\bof its own accord\b/, 'unsolicited'],
  [/\bthe helpdesk\b/, 'HelpCrunch'],
  [/\b(?:acquaintance|crew|errand|hunger|hungry|keepsake|mended|strangers?)\b/, 'a standard term'],
];

const wordsOf = (identifier) =>
  identifier
    .split(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_$]/)
    .map((word) => word.toLowerCase());

export const standardTerms = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: { term: '"{{word}}" is not a standard term. Write, for example: {{instead}}.' },
  },
  create(context) {
    const checkIdentifier = (node) => {
      for (const word of wordsOf(node.name)) {
        if (Object.hasOwn(identifierWords, word)) {
          const data = { word, instead: identifierWords[word] };
          context.report({ node, messageId: 'term', data });
        }
      }
    };
    return {
      Program() {
        for (const comment of context.sourceCode.getAllComments()) {
          const text = comment.value.replace(/\s*\n\s*\*?\s*/g, ' ').toLowerCase();
          for (const [pattern, instead] of commentPhrases) {
            const [word] = pattern.exec(text) ?? [];
            if (word !== undefined) {
              context.report({ loc: comment.loc, messageId: 'term', data: { word, instead } });
            }
          }
        }
      },
      Identifier: checkIdentifier,
      PrivateIdentifier: checkIdentifier,
    };
  },
};
