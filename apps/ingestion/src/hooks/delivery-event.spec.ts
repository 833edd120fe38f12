import { isId } from '@strowger/kernel';
import { deliveryEvent } from './delivery-event.js';
import { deliveryIdAt } from './delivery-id.js';

const endpoint = {
  endpointId: 'e',
  platformId: 'p',
  systemProviderId: 's',
  kind: 'restcomm',
  carrierAccountId: 'AC1',
} as const;
const request = {
  method: 'POST',
  headers: {},
  query: '',
  rawBody: Buffer.from('raw'),
  receivedAt: new Date('2026-01-02T03:04:05.678Z'),
  account: 'AC1',
};
const fact = (text: string) =>
  ({ type: 'message.received', carrierMessageId: 'm', from: '1', to: '2', text, carrierAccountId: 'AC1' }) as const;
const dataOf = (bytes: Buffer) => (JSON.parse(bytes.toString()) as { data: Record<string, unknown> }).data;

describe('the event of a delivery', () => {
  it('leaves out facts that the stream would refuse, and keeps the raw body', () => {
    const parsed = { facts: [fact('x'.repeat(5000))] };
    const data = dataOf(deliveryEvent('id', endpoint, request, parsed, 2000).bytes);
    expect(data).toMatchObject({
      facts: [],
      unreadable: 'too-large',
      raw: { bodyBase64: Buffer.from('raw').toString('base64') },
    });
  });

  it('is marked when any of its facts names another account', () => {
    const facts = [fact('a'), { ...fact('b'), carrierAccountId: 'AC2' }];
    expect(deliveryEvent('id', endpoint, request, { facts }, 1e6).quarantine).toBe('account-mismatch');
    expect(deliveryEvent('id', endpoint, request, { facts: [fact('a')] }, 1e6).quarantine).toBeUndefined();
  });
});

it('a delivery’s id is a UUIDv7 of the time it was received', () => {
  const at = Date.parse('2026-01-02T03:04:05.678Z');
  const id = deliveryIdAt(at);
  expect(isId(id)).toBe(true);
  expect(id[14]).toBe('7');
  expect('89ab').toContain(id[19]);
  expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(at);
  expect(new Set(Array.from({ length: 1000 }, () => deliveryIdAt(at))).size).toBe(1000);
});
