export interface Rcml {
  replies: { to?: string; from?: string; body: string }[];
  /** Error codes of verbs that could not be carried out (§6.2). */
  problems: number[];
}

const NOTHING: Rcml = { replies: [], problems: [] };
const EMPTY = /^\s*(?:<\?xml[^>]*\?>)?\s*<Response\s*(?:\/>|>\s*<\/Response>)\s*$/;

/** Reads an answer's `<Response>`; undefined when it is not well-formed or has another root. Redirect and Email do nothing here. */
export function readRcml(body: string): Rcml | undefined {
  if (EMPTY.test(body)) return NOTHING;
  const verbs = parse(body);
  if (!verbs) return undefined;
  const rcml: Rcml = { replies: [], problems: [] };
  for (const { name, attributes, text } of verbs) {
    if (name === 'Redirect' || name === 'Email') continue;
    if (name !== 'Sms') {
      rcml.problems.push(14110);
    } else if (text.trim() === '') {
      rcml.problems.push(14103);
    } else if (attributes['from'] !== undefined && !/\d/.test(attributes['from'])) {
      rcml.problems.push(14102);
    } else {
      rcml.replies.push({ to: attributes['to'], from: attributes['from'], body: text.trim() });
    }
  }
  return rcml;
}

interface Verb {
  name: string;
  attributes: Record<string, string>;
  text: string;
}

/** Enough of an XML parser for balanced elements, attributes and text. */
function parse(body: string): Verb[] | undefined {
  const source = body.replace(/^\s*<\?xml[^>]*\?>/, '').replace(/<!--[\s\S]*?-->/g, '');
  const token = /<(\/?)([A-Za-z][\w.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;
  const open: string[] = [];
  const verbs: Verb[] = [];
  let at = 0;
  let rootSeen = false;
  for (let found = token.exec(source); found; found = token.exec(source)) {
    at = token.lastIndex;
    const [, closing, name, attributes, selfClosing, text] = found;
    if (text !== undefined) {
      if (open.length === 0 && text.trim() !== '') return undefined;
      if (/&(?!#?\w+;)/.test(text)) return undefined;
      if (open.length >= 2) verbs.at(-1)!.text += unescape(text);
      continue;
    }
    if (closing) {
      if (open.pop() !== name) return undefined;
      continue;
    }
    if (open.length === 0 && (rootSeen || name !== 'Response')) return undefined;
    if (open.length === 1) verbs.push({ name: name!, attributes: attributesOf(attributes ?? ''), text: '' });
    rootSeen = true;
    if (!selfClosing) open.push(name!);
  }
  return at === source.length && open.length === 0 && rootSeen ? verbs : undefined;
}

function attributesOf(source: string): Record<string, string> {
  const found = source.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
  return Object.fromEntries([...found].map(([, name, double, single]) => [name!, unescape(double ?? single ?? '')]));
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const unescape = (text: string): string => text.replace(/&(\w+);/g, (all, name: string) => ENTITIES[name] ?? all);
