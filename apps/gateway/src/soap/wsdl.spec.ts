import { readXml, type XmlNode } from './reader.js';
import { operationOf, OPERATIONS } from './registry.js';
import { SKELETON } from './wsdl-skeleton.fixtures.js';
import { wsdlOf } from './wsdl.js';

const options = {
  namespace: 'http://example.test/ns/',
  url: 'https://h.example/p.asmx?a&b',
  extendedResult: true,
  form: true,
};
/** White space between elements means nothing. */
const tight = (xml: string): string => xml.replaceAll(/\s+/g, ' ').replaceAll(/ ?(<|>|\/>) ?/g, '$1');

it('is the skeleton every client was tried with, when it has the same methods', () => {
  const address = 'https://h.example/p.asmx?a&amp;b';
  const skeleton = SKELETON.replaceAll('@NS@', options.namespace).replaceAll('@URL@', address);
  const by = 'hierarchy' as const;
  const auth = ['serverHostName', 'resellerId'] as const;
  const doc = 'Create a child system provider. All parameters are mandatory except newSystemProviderName';
  const named = ['newSystemProviderServerHostName', 'newSystemProviderId', 'newSystemProviderName?'] as const;
  const operations = [
    operationOf('AddSystemProvider', { doc, params: named, result: 'ProvisionResponse', by }),
    operationOf('AddResellerLicenseSubPurchase', {
      doc: '',
      params: [...auth, 'applicationName', 'licenseType', 'numberOfLicenses'],
      result: 'ProvisionResponse',
      by,
    }),
    operationOf('GetUserLicenses', {
      doc: '',
      params: [...auth, 'groupId', 'broadworksUserId'],
      result: 'UserLicensesResponse',
      by,
    }),
  ];
  expect(tight(wsdlOf(options, operations))).toBe(tight(skeleton));
});

const S = 'http://www.w3.org/2001/XMLSchema';
const attribute = (node: XmlNode, name: string): string | undefined =>
  node.attributes?.find(({ local }) => local === name)?.value;

describe('the whole', () => {
  const text = wsdlOf(options);
  // Larger than any request may be, so it is walked as text.
  const names = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name]) => name!);

  it('defines what it refers to, once', () => {
    const defined = names(/<s:(?:element|complexType) name="(\w+)"/g);
    const types = names(/<s:complexType name="(\w+)"/g);
    const elements = names(/<s:element name="(\w+)"/g);
    expect(new Set(types).size).toBe(types.length);
    expect(new Set(elements).size).toBe(elements.length);
    const refersTo = (pattern: RegExp, definitions: string[]): void => {
      const references = names(pattern);
      expect([pattern, references.length > 0]).toEqual([pattern, true]);
      expect(references.filter((name) => !definitions.includes(name))).toEqual([]);
    };
    refersTo(/type="tns:(\w+)" \/>/g, types);
    refersTo(/<wsdl:part name="\w+" element="tns:(\w+)"/g, elements);
    refersTo(/base="tns:(\w+)"/g, defined);
    const messages = names(/<wsdl:message name="(\w+)"/g);
    expect(new Set(messages).size).toBe(messages.length);
    refersTo(/message="tns:(\w+)"/g, messages);
  });

  it('has every method in all three bindings, with the action of its namespace', () => {
    for (const { name } of OPERATIONS) {
      expect(text.split(`<wsdl:operation name="${name}">`)).toHaveLength(6);
      expect(text.split(`soapAction="http://example.test/ns/${name}"`)).toHaveLength(3);
    }
    expect(OPERATIONS).toHaveLength(52);
  });

  it('is well-formed and keeps strings optional, numbers not', () => {
    const schema =
      /<s:schema[^]*?<s:element name="AddReseller">[^]*?<\/s:element>\n<s:element name="AddResellerResponse"/.exec(
        text,
      )![0];
    const element = schema.slice(schema.indexOf('<s:element name="AddReseller">'), schema.lastIndexOf('<s:element'));
    const root = readXml(element.replace('<s:element', `<s:element xmlns:s="${S}"`));
    const parts = root.children[0]!.children[0]!.children;
    expect(
      parts.map((part) => [attribute(part, 'name'), attribute(part, 'minOccurs'), attribute(part, 'type')]),
    ).toEqual([
      ['loginUserName', '0', 's:string'],
      ['loginPassword', '0', 's:string'],
      ['serverHostName', '0', 's:string'],
      ['resellerId', '0', 's:string'],
      ['resellerName', '0', 's:string'],
      ['isEnterprise', '1', 's:boolean'],
    ]);
  });

  it('has no errorCode and no form binding where these are off', () => {
    const bare = wsdlOf({ ...options, extendedResult: false, form: false });
    expect(bare).not.toContain('errorCode');
    expect(bare).not.toContain('HttpPost');
    expect(bare).not.toContain('http:address');
  });

  it('puts a slash between namespace and method', () => {
    expect(wsdlOf({ ...options, namespace: 'urn:x' })).toContain('soapAction="urn:x/Ping"');
  });
});
