import { eventSchema } from './event-schema.js';
import { NumberActivatedV1, NumberReleasedV1 } from '@strowger/contracts-provisioning';
import { AlertRecipientsChangedV1 } from '@strowger/contracts-hierarchy';
import { DeliveryReceivedV1 } from '@strowger/contracts-ingestion';
import { isE164, type CloudEvent } from '@strowger/kernel';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { IsDefined } from 'class-validator';

const ID = '01936f1e-7d5b-7c3a-9a51-0c8d3f5f6a01';

function accepts(type: Parameters<typeof eventSchema>[0]): (event: unknown) => boolean {
  return new Ajv2020({ strict: false, validateFormats: false }).compile(eventSchema(type));
}

const activated: CloudEvent<NumberActivatedV1> = {
  specversion: '1.0',
  id: ID,
  type: 'provisioning.number.activated.v1',
  source: '/provisioning',
  subject: ID,
  sequence: 3,
  time: '2026-11-20T10:00:00.000Z',
  datacontenttype: 'application/json',
  tenantid: ID,
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data: {
    numberId: ID,
    e164: '+12015550123',
    platformId: ID,
    friendlyName: '2015550123',
    owner: { kind: 'user', id: ID, name: 'Ann', systemProviderId: ID, resellerId: ID, groupId: ID },
  },
};
const withData = (data: object): object => ({ ...activated, data: { ...activated.data, ...data } });

it('takes an event as it travels, and one with fields of a later day', () => {
  const valid = accepts(NumberActivatedV1);
  expect(valid(activated)).toBe(true);
  expect(valid({ ...withData({ region: 'NJ' }), laterextension: 'x' })).toBe(true);
});

it.each([
  ['another type', { ...activated, type: 'provisioning.number.released.v1' }],
  ['another owner', { ...activated, source: '/routing' }],
  ['no sequence', { ...activated, sequence: undefined }],
  ['a number that is not E.164', withData({ e164: '2015550123' })],
  ['a missing field', withData({ platformId: undefined })],
  ['an owner of an unknown kind', withData({ owner: { ...activated.data.owner, kind: 'queue' } })],
  ['a missing field of the owner', withData({ owner: { kind: 'user', id: ID } })],
])('refuses %s', (_, event) => {
  expect(accepts(NumberActivatedV1)(JSON.parse(JSON.stringify(event)))).toBe(false);
});

it.each(['+12015550123', '+4930901820', '2015550123', '+0123456789', '+1201555012345678', '+1 201 555'])(
  'takes %s for E.164 exactly when the rule does',
  (e164) => {
    expect(accepts(NumberActivatedV1)(withData({ e164 }))).toBe(isE164(e164));
  },
);

it('knows the classes of a list', () => {
  const { AlertRecipientsChangedV1: changed, AlertRecipient } = eventSchema(AlertRecipientsChangedV1).$defs!;
  expect(changed!.properties!['recipients']).toEqual({ type: 'array', items: { $ref: '#/$defs/AlertRecipient' } });
  expect(AlertRecipient!.required).toEqual(['portalUserId', 'email', 'name']);
});

it.each([
  [
    {
      type: 'message.received',
      carrierMessageId: 'm',
      from: '+12015550199',
      to: '+12015550123',
      text: 'hi',
      carrierAccountId: 'AC1',
    },
    true,
  ],
  [{ type: 'receipt.received', carrierMessageId: 'm', status: 'delivered' }, true],
  [{ type: 'receipt.received', carrierMessageId: 'm' }, false],
  [{ type: 'call.received', carrierMessageId: 'm' }, false],
])('decides what a hook may say: %j', (fact, valid) => {
  const data: DeliveryReceivedV1 = {
    deliveryId: ID,
    endpointId: ID,
    platformId: ID,
    systemProviderId: ID,
    kind: 'restcomm',
    receivedAt: activated.time,
    raw: { method: 'POST', contentType: 'application/json', query: '', bodyBase64: 'e30=' },
    facts: [fact as DeliveryReceivedV1['facts'][number]],
  };
  const event = { ...activated, type: DeliveryReceivedV1.type, source: '/ingestion', data };
  expect(accepts(DeliveryReceivedV1)(event)).toBe(valid);
});

it('does not require optional fields, and gives times one form', () => {
  expect(eventSchema(NumberReleasedV1).$defs!['NumberReleasedV1']!.required).not.toContain('deleteMessages');
  expect(eventSchema(DeliveryReceivedV1).$defs!['DeliveryReceivedV1']!.properties!['receivedAt']).toEqual({
    type: 'string',
    format: 'date-time',
  });
});

it('names a field whose rules leave its type open', () => {
  class OpenV1 {
    static readonly type = 'x.thing.opened.v1';
    anything!: unknown;
  }
  IsDefined()(OpenV1.prototype, 'anything');
  expect(() => eventSchema(OpenV1)).toThrow('OpenV1.anything');
});
