import type { ReactNode } from 'react';
import { Fragment, useState } from 'react';
import { t } from '../../text/index.ts';

const imageUrl = /^https?:\/\/\S+\.(?:png|jpe?g|gif|webp|avif)(?:\?\S*)?$/i;
const allowedUrl = /^(?:https?:\/\/|mailto:)/i;

/** An image of the conversation, or a link to it if it cannot be loaded. */
function Picture({ url, alt }: { readonly url: string; readonly alt: string }) {
  const [isBroken, setIsBroken] = useState(false);
  const name = alt === '' ? t.image : alt;
  return (
    <a className="picture" href={url} rel="noreferrer" target="_blank">
      {isBroken ? (
        url
      ) : (
        <img
          src={url}
          alt={name}
          loading="lazy"
          referrerPolicy="no-referrer"
          onError={() => setIsBroken(true)}
        />
      )}
    </a>
  );
}

function Link({ url, children }: { readonly url: string; readonly children: ReactNode }) {
  if (!allowedUrl.test(url)) return children;
  return (
    <a href={url} rel="noreferrer" target="_blank">
      {children}
    </a>
  );
}

interface Rule {
  /** Lengths are limited, so that the time is linear in the length of any text. */
  readonly pattern: RegExp;
  readonly show: (parts: readonly string[]) => ReactNode;
}

/** The inline syntax, in the order of precedence. Anything else is shown as it is. */
const inlineRules: readonly Rule[] = [
  { pattern: /`([^`\n]+)`/g, show: ([, code]) => <code>{code}</code> },
  {
    pattern: /!\[([^\]\n]{0,500})\]\((https?:\/\/[^\s)]+)\)/g,
    show: ([, alt = '', url = '']) => <Picture url={url} alt={alt} />,
  },
  {
    pattern: /\[([^\]\n]{1,500})\]\(((?:[^\s()]|\([^\s()]*\))+)\)/g,
    show: ([, label = '', url = '']) => <Link url={url}>{inline(label)}</Link>,
  },
  {
    pattern: /https?:\/\/[^\s<>]*[^\s<>.,;:!?)\]'"*_]/g,
    show: ([url = '']) =>
      imageUrl.test(url) ? <Picture url={url} alt="" /> : <Link url={url}>{url}</Link>,
  },
  {
    pattern: /(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g,
    show: ([address = '']) => <Link url={`mailto:${address}`}>{address}</Link>,
  },
  {
    pattern: /\*\*(\S(?:[^\n]{0,500}?\S)?)\*\*/g,
    show: ([, text = '']) => <strong>{inline(text)}</strong>,
  },
  { pattern: /~~(\S(?:[^\n]{0,500}?\S)?)~~/g, show: ([, text = '']) => <del>{inline(text)}</del> },
  {
    pattern: /(?<![\w*])\*(?!\s)([^*\n]{1,500}?)(?<!\s)\*(?![\w*])/g,
    show: ([, text = '']) => <em>{inline(text)}</em>,
  },
  {
    pattern: /(?<!\w)_(?!\s)([^_\n]{1,500}?)(?<!\s)_(?!\w)/g,
    show: ([, text = '']) => <em>{inline(text)}</em>,
  },
];

/** Applies the rules to the text, each to what the rules before it have left. */
function partsOf(text: string, rules: readonly Rule[]): readonly ReactNode[] {
  const [rule, ...others] = rules;
  if (rule === undefined || text === '') return [text];
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(rule.pattern)) {
    parts.push(...partsOf(text.slice(end, match.index), others), rule.show(match));
    end = match.index + match[0].length;
  }
  return [...parts, ...partsOf(text.slice(end), others)];
}

const inline = (text: string): ReactNode =>
  partsOf(text, inlineRules).map((part, index) => <Fragment key={index}>{part}</Fragment>);

const lines = (text: string, prefix: RegExp): readonly string[] =>
  text.split('\n').map((line) => line.replace(prefix, ''));

function Block({ text }: { readonly text: string }) {
  if (text.startsWith('```')) {
    return (
      <pre>
        <code>{text.replace(/^```[^\n]*\n?/, '').replace(/\n?```$/, '')}</code>
      </pre>
    );
  }
  if (/^(?:[-*+] .*(?:\n|$))+$/.test(text)) {
    return (
      <ul>
        {lines(text, /^[-*+] /).map((line, index) => (
          <li key={index}>{inline(line)}</li>
        ))}
      </ul>
    );
  }
  if (/^(?:\d+[.)] .*(?:\n|$))+$/.test(text)) {
    return (
      <ol>
        {lines(text, /^\d+[.)] /).map((line, index) => (
          <li key={index}>{inline(line)}</li>
        ))}
      </ol>
    );
  }
  if (/^(?:> ?.*(?:\n|$))+$/.test(text)) {
    return <blockquote>{inline(lines(text, /^> ?/).join('\n'))}</blockquote>;
  }
  const heading = /^#{1,6} ([^\n]+)$/.exec(text)?.[1];
  if (heading !== undefined) return <strong className="heading">{inline(heading)}</strong>;
  return <p>{inline(text)}</p>;
}

/** A block of code, a heading, or lines without an empty line between them. */
const blocks = /```[\s\S]*?(?:```|$)|#{1,6} .+(?:\n|$)|(?:(?!```|#{1,6} ).+(?:\n|$))+/g;

/** The common subset of Markdown, as React elements: no HTML of a message reaches the page. */
export function Markdown({ text }: { readonly text: string }) {
  return (text.match(blocks) ?? []).map((block, index) => (
    <Block key={index} text={block.replace(/\n$/, '')} />
  ));
}
