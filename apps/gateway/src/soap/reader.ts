import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes';
import { readingError, SoapFault } from './faults.js';

/** An element with its namespaces resolved. */
export interface XmlNode {
  ns: string;
  local: string;
  /** Absent when there are none; namespace declarations are among them. */
  attributes?: readonly SaxesAttributeNS[];
  children: XmlNode[];
  /** All character data directly inside, CDATA sections too. */
  text: string;
  /** Where its start tag ends; lines count from 1. */
  line: number;
  column: number;
}

/**
 * What a document may be at most. Namespaces are resolved by walking up, so depth is what makes a small document cost
 * minutes; each limit stops the parser from inside, on the tag that breaks it.
 */
const MOST = { depth: 32, elements: 2000, attributes: 4096, textPerElement: 65_536 };

/** A limit or ban of ours, as opposed to the parser's own complaints. */
class Refused extends Error {}

const OPTIONS = { xmlns: true, position: false, defaultXMLVersion: '1.0', forceXMLVersion: true } as const;

/**
 * `on` adds a handler as a property with a computed name. V8 turns an object that gains more than a few of these into a
 * dictionary, and then every step of the parser takes four times as long; so the properties are there before.
 */
class Parser extends SaxesParser<typeof OPTIONS> {
  constructor() {
    super(OPTIONS);
    const handlers = this as unknown as Record<string, unknown>;
    handlers['xmldeclHandler'] = undefined;
    handlers['doctypeHandler'] = undefined;
    handlers['piHandler'] = undefined;
    handlers['openTagStartHandler'] = undefined;
    handlers['attributeHandler'] = undefined;
    handlers['openTagHandler'] = undefined;
    handlers['closeTagHandler'] = undefined;
    handlers['textHandler'] = undefined;
    handlers['cdataHandler'] = undefined;
  }
}

class Reader {
  private readonly parser = new Parser();
  private readonly open: XmlNode[] = [];
  private root?: XmlNode;
  private depth = 0;
  private elements = 0;
  private attributes = 0;

  constructor() {
    const { parser } = this;
    parser.on('opentagstart', () => this.count());
    parser.on('attribute', () => {
      if (++this.attributes > MOST.attributes) throw new Refused(`More than ${MOST.attributes} attributes.`);
    });
    parser.on('opentag', (tag) => this.start(tag));
    parser.on('closetag', () => {
      this.open.pop();
      this.depth--;
    });
    parser.on('text', (text) => this.add(text));
    parser.on('cdata', (text) => this.add(text));
    parser.on('doctype', () => {
      throw new Refused('For security reasons DTD is prohibited in this XML document.');
    });
    parser.on('processinginstruction', () => {
      throw new Refused('Processing instructions are not accepted.');
    });
    parser.on('xmldecl', ({ version }) => {
      if (version !== '1.0') throw new Refused(`Version number '${version ?? ''}' is invalid.`);
    });
  }

  get position(): { line: number; column: number } {
    return { line: this.parser.line, column: this.parser.column };
  }

  read(text: string): XmlNode {
    this.root = undefined;
    this.open.length = this.depth = this.elements = this.attributes = 0;
    this.parser.write(text).close();
    return this.root!;
  }

  private count(): void {
    if (++this.depth > MOST.depth) throw new Refused(`Elements are nested more than ${MOST.depth} deep.`);
    if (++this.elements > MOST.elements) throw new Refused(`More than ${MOST.elements} elements.`);
  }

  private start(tag: SaxesTagNS): void {
    const { line, column } = this.parser;
    const node: XmlNode = { ns: tag.uri, local: tag.local, children: [], text: '', line, column };
    let attributes: SaxesAttributeNS[] | undefined;
    for (const name in tag.attributes) (attributes ??= []).push(tag.attributes[name]!);
    if (attributes) node.attributes = attributes;
    const parent = this.open.at(-1);
    if (parent) parent.children.push(node);
    else this.root = node;
    this.open.push(node);
  }

  private add(text: string): void {
    const node = this.open.at(-1);
    if (!node) return;
    if (node.text.length + text.length > MOST.textPerElement)
      throw new Refused(`An element holds more than ${MOST.textPerElement} characters.`);
    node.text = node.text === '' ? text : node.text + text;
  }
}

/** Used again until a document breaks it: making one costs as much as reading a short envelope. */
let ready: Reader | undefined;

/**
 * A document as a bounded tree. No DTD, so no entities beside the five of XML; no processing instructions.
 * @throws SoapFault 400 that names line, column and reason
 */
export function readXml(text: string): XmlNode {
  const reader = ready ?? new Reader();
  ready = undefined;
  let root: XmlNode;
  try {
    root = reader.read(text);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new SoapFault('Client', readingError(sentence(error), reader.position), 400);
  }
  ready = reader;
  return root;
}

const sentence = ({ message }: Error): string =>
  (message.charAt(0).toUpperCase() + message.slice(1)).replace(/[^.!?]$/, '$&.').slice(0, 300);

/** The first attribute of that name. */
export const attributeOf = (node: XmlNode, ns: string, local: string): string | undefined =>
  node.attributes?.find((attribute) => attribute.local === local && attribute.uri === ns)?.value;
