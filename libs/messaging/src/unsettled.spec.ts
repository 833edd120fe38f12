import type { JsMsg } from '@nats-io/jetstream';
import { UnsettledMessages } from './unsettled.js';

const delivery = (seq: number, said: string[] = [], stream = 'S'): JsMsg =>
  ({ seq, info: { stream }, ack: () => said.push(`ack ${seq}`) }) as unknown as JsMsg;

describe('what a runner holds', () => {
  let unsettled: UnsettledMessages;
  beforeEach(() => (unsettled = new UnsettledMessages(10)));
  afterEach(() => unsettled.stop());

  it('is held once, however often and with any count it is delivered; acks go to the newest delivery', () => {
    const said: string[] = [];
    const entry = unsettled.add(delivery(1))!;
    unsettled.add(delivery(2));
    const again = { ...delivery(1), ack: () => said.push('the newest') } as unknown as JsMsg;
    expect(unsettled.add(again)).toBeUndefined();
    unsettled.settle(entry, (message) => message.ack());
    expect(said).toEqual(['the newest']);
    expect(unsettled.size).toBe(1);
  });

  it('is another message with the same sequence in another stream', () => {
    unsettled.add(delivery(1));
    expect(unsettled.add(delivery(1, [], 'REPLAY'))).toBeDefined();
  });

  it('may be settled in any order, and is new when it comes after that', () => {
    const said: string[] = [];
    const entries = [1, 2, 3, 4, 5].map((seq) => unsettled.add(delivery(seq, said))!);
    for (const at of [4, 0, 2, 1, 3]) unsettled.settle(entries[at]!, (message) => message.ack());
    expect([unsettled.size, said]).toEqual([0, ['ack 5', 'ack 1', 'ack 3', 'ack 2', 'ack 4']]);
    expect(unsettled.add(delivery(3))).toBeDefined();
  });

  it('gives way when its handler has stalled', () => {
    const stalled = unsettled.add(delivery(1))!;
    stalled.stalled = true;
    const next = unsettled.add(delivery(1));
    expect(next).toBeDefined();
    unsettled.settle(stalled, () => undefined);
    expect(unsettled.size).toBe(1);
    expect(unsettled.add(delivery(1))).toBeUndefined();
  });
});
