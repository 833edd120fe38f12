import { PROVISION_RESULTS, PROVISION_TYPES, type FieldType, type ResultName } from '@strowger/contracts-hierarchy';
import { ENVELOPE_END, ENVELOPE_START, type SoapVersion } from './faults.js';
import type { Operation } from './registry.js';
import { escapeAttribute, escapeText, XML_DECLARATION, XSD, XSI } from './xml.js';

/** What a call came to: what the operation answers, or a refusal the caller can act on. */
export type Outcome = { data: object | undefined } | { code: string; message: string };

export type Fields = Record<string, FieldType>;
export const resultFields = (name: ResultName): Fields => PROVISION_RESULTS[name];
export const typeFields = (name: string): Fields => PROVISION_TYPES[name as keyof typeof PROVISION_TYPES];

/** Writes elements in the order of their types, compact when `step` is empty. */
class Writer {
  constructor(
    private readonly newline: string,
    private readonly step: string,
  ) {}

  result(name: ResultName, outcome: Outcome, extended: boolean, pad: string): string {
    if ('code' in outcome) {
      const code = extended ? this.leaf('errorCode', outcome.code, pad) : '';
      return this.leaf('success', 'false', pad) + this.leaf('errorMessage', outcome.message, pad) + code;
    }
    const fields = resultFields(name);
    return this.leaf('success', 'true', pad) + this.fields(fields, (outcome.data ?? {}) as Row, pad);
  }

  private fields(fields: Fields, row: Row, pad: string): string {
    let xml = '';
    for (const name in fields) xml += this.field(name, fields[name]!, row[name], pad);
    return xml;
  }

  private field(name: string, type: FieldType, value: unknown, pad: string): string {
    if (type.endsWith('[]')) return this.array(name, type.slice(0, -2), (value ?? []) as readonly unknown[], pad);
    switch (type) {
      case 'string':
        return value === undefined || value === null ? '' : this.leaf(name, value as string, pad);
      case 'int?':
      case 'dateTime?':
        if (value === undefined || value === null) return `${pad}<${name} xsi:nil="true" />${this.newline}`;
        return this.leaf(name, String(value as string | number), pad);
      case 'int':
      case 'boolean':
      case 'dateTime':
        return this.leaf(name, String(value as string | number | boolean), pad);
      default:
        return value ? this.nested(name, this.fields(typeFields(type), value as Row, pad + this.step), pad) : '';
    }
  }

  private array(name: string, item: string, rows: readonly unknown[], pad: string): string {
    let xml = '';
    const inner = pad + this.step;
    for (const row of rows)
      xml +=
        item === 'string'
          ? this.leaf('string', row as string, inner)
          : this.nested(item, this.fields(typeFields(item), row as Row, inner + this.step), inner);
    return this.nested(name, xml, pad);
  }

  nested(name: string, inner: string, pad: string): string {
    if (inner === '') return `${pad}<${name} />${this.newline}`;
    return `${pad}<${name}>${this.newline}${inner}${pad}</${name}>${this.newline}`;
  }

  private leaf(name: string, value: string, pad: string): string {
    return value === ''
      ? `${pad}<${name} />${this.newline}`
      : `${pad}<${name}>${escapeText(value)}</${name}>${this.newline}`;
  }
}

type Row = Record<string, unknown>;
const compact = new Writer('', '');
const indented = new Writer('\n', '  ');

/** Replies in the formats of the bindings. */
export class Replies {
  /** Start and end of the replies of an operation, by version, namespace and name. */
  private readonly frames = new Map<string, readonly [start: string, end: string]>();

  constructor(private readonly extendedResult: boolean) {}

  soap(version: SoapVersion, namespace: string, { name, result }: Operation, outcome: Outcome): string {
    const key = `${version} ${name} ${namespace}`;
    let frame = this.frames.get(key);
    if (!frame) {
      frame = [
        `${ENVELOPE_START[version]}<${name}Response xmlns="${escapeAttribute(namespace)}"><${name}Result>`,
        `</${name}Result></${name}Response>${ENVELOPE_END}`,
      ];
      this.frames.set(key, frame);
    }
    return frame[0] + compact.result(result, outcome, this.extendedResult, '') + frame[1];
  }

  /** Root is the type of the result; indented, as browsers show it. */
  form(namespace: string, result: ResultName, outcome: Outcome): string {
    const fields = indented.result(result, outcome, this.extendedResult, '  ');
    return `${XML_DECLARATION}\n<${result} xmlns:xsd="${XSD}" xmlns:xsi="${XSI}" xmlns="${escapeAttribute(namespace)}">\n${fields}</${result}>`;
  }
}
