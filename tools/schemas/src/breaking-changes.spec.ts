import { breakingChanges } from './breaking-changes.js';
import type { JsonSchema } from './event-schema.js';

const owner: JsonSchema = {
  type: 'object',
  properties: { kind: { type: 'string', enum: ['user', 'media-stream'] }, name: { type: 'string' } },
  required: ['kind'],
};
const number: JsonSchema = {
  type: 'object',
  properties: {
    e164: { type: 'string', pattern: '^\\+' },
    note: { type: 'string' },
    owner: { $ref: '#/$defs/Owner' },
    former: { type: 'array', items: { $ref: '#/$defs/Owner' } },
  },
  required: ['e164', 'owner'],
};

/** The event of the specs, with changes to its definitions. */
const event = (changes: { Number?: object; Owner?: object } = {}): JsonSchema => ({
  $id: 'urn:strowger:event:x.number.activated.v1',
  type: 'object',
  properties: { type: { const: 'x.number.activated.v1' }, data: { $ref: '#/$defs/Number' } },
  required: ['type', 'data'],
  $defs: { Number: { ...number, ...changes.Number }, Owner: { ...owner, ...changes.Owner } },
});
const numberWith = (fields: Record<string, JsonSchema>, required = number.required): JsonSchema =>
  event({ Number: { properties: { ...number.properties, ...fields }, required } });
const ownerWith = (kind: JsonSchema): JsonSchema => event({ Owner: { properties: { ...owner.properties, kind } } });

describe('allowed without a new version', () => {
  it.each([
    ['no change', event()],
    ['a new optional field', numberWith({ region: { type: 'string' } })],
    ['a new optional field with a class of its own', numberWith({ previous: { $ref: '#/$defs/Owner' } })],
    ['one more value in an enum', ownerWith({ type: 'string', enum: ['user', 'media-stream', 'queue'] })],
    ['the values in another order', ownerWith({ type: 'string', enum: ['media-stream', 'user'] })],
    ['other words', numberWith({ note: { type: 'string', description: 'For people', examples: ['hi'] } })],
    ['fields in another order', event({ Number: { required: ['owner', 'e164'] } })],
  ])('%s', (_, after) => {
    expect(breakingChanges(event(), after)).toEqual([]);
  });

  it('a class with another name and the same fields', () => {
    const after = event();
    after.$defs = { Number: after.$defs!['Number']!, Holder: owner };
    after.$defs['Number'] = {
      ...number,
      properties: {
        ...number.properties,
        owner: { $ref: '#/$defs/Holder' },
        former: { type: 'array', items: { $ref: '#/$defs/Holder' } },
      },
    };
    expect(breakingChanges(event(), after)).toEqual([]);
  });
});

describe('breaking', () => {
  const { note: _note, ...withoutNote } = number.properties!;
  it.each([
    ['a removed field', event({ Number: { properties: withoutNote } }), ['data.note: removed or renamed']],
    [
      'a renamed field',
      event({ Number: { properties: { ...withoutNote, remark: { type: 'string' } } } }),
      ['data.note: removed or renamed'],
    ],
    ['another type', numberWith({ note: { type: 'integer' } }), ['data.note: type was "string", now "integer"']],
    [
      'another format of the same type',
      numberWith({ e164: { type: 'string', pattern: '^\\d' } }),
      ['data.e164: pattern was "^\\\\+", now "^\\\\d"'],
    ],
    [
      'a limit where there was none',
      numberWith({ note: { type: 'string', maxLength: 9 } }),
      ['data.note: maxLength was unset, now 9'],
    ],
    [
      'an optional field made required',
      numberWith({}, ['e164', 'owner', 'note']),
      ['data.note: was optional, now required'],
    ],
    ['a required field made optional', numberWith({}, ['e164']), ['data.owner: was required, now optional']],
    [
      'a new required field',
      numberWith({ region: { type: 'string' } }, ['e164', 'owner', 'region']),
      ['data.region: new and required'],
    ],
    [
      'fewer values in an enum',
      ownerWith({ type: 'string', enum: ['user'] }),
      ['data.owner.kind: "media-stream" no longer allowed'],
    ],
    [
      'an enum where any text was allowed',
      numberWith({ note: { type: 'string', enum: ['a'] } }),
      ['data.note: any value was allowed, now only "a"'],
    ],
    [
      'a list where there was one',
      numberWith({ owner: { type: 'array', items: owner } }),
      ['data.owner: type was "object", now "array"'],
    ],
    [
      'other elements in a list',
      numberWith({ former: { type: 'array', items: { type: 'string' } } }),
      ['data.former[]: type was "object", now "string"'],
    ],
    [
      'another event type',
      { ...event(), properties: { ...event().properties, type: { const: 'x.number.activated.v2' } } },
      ['type: const was "x.number.activated.v1", now "x.number.activated.v2"'],
    ],
  ])('%s', (_, after, findings) => {
    expect(breakingChanges(event(), after)).toEqual(findings);
  });

  describe('alternatives', () => {
    const message: JsonSchema = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };
    const receipt: JsonSchema = { type: 'object', properties: { status: { type: 'string' } } };
    const facts = (...oneOf: JsonSchema[]): JsonSchema => ({
      type: 'object',
      properties: { facts: { type: 'array', items: { oneOf } } },
    });

    it('may be more, and have new optional fields', () => {
      const wider = { ...message, properties: { ...message.properties, media: { type: 'string' } } };
      expect(breakingChanges(facts(message), facts(wider, receipt))).toEqual([]);
    });

    it('may not be fewer, nor change', () => {
      expect(breakingChanges(facts(message, receipt), facts(message))).toEqual([
        'facts[]: 2 alternatives before, 1 now',
      ]);
      expect(breakingChanges(facts(message), facts({ ...message, required: [] }))).toEqual([
        'facts[](1).text: was required, now optional',
      ]);
    });
  });

  it('a class that contains itself is compared once, and to the end', () => {
    const tree = (leaf: string): JsonSchema => ({
      type: 'object',
      properties: { data: { $ref: '#/$defs/Node' } },
      $defs: { Node: { type: 'object', properties: { leaf: { type: leaf }, child: { $ref: '#/$defs/Node' } } } },
    });
    expect(breakingChanges(tree('string'), tree('string'))).toEqual([]);
    expect(breakingChanges(tree('string'), tree('number'))).toEqual(['data.leaf: type was "string", now "number"']);
  });
});
