import { type Faults, isLoss } from './faults.js';

/** One kind of thing that a carrier sends by itself, with whatever fault hits it. */
export class Outgoing {
  private readonly held: (() => Promise<void>)[] = [];

  constructor(
    private readonly faults: Faults,
    private readonly carrier: string,
    private readonly name: string,
  ) {}

  /**
   * Posts `times` times; `garbled` asks for text in ISO-8859-1 that does not say so. What a fault holds back leaves after
   * the next one. Resolves to false when a fault lost it.
   */
  async send(
    { number, accountSid, times = 1 }: { number: string; accountSid: string; times?: number },
    post: (garbled: boolean) => Promise<void>,
  ): Promise<boolean> {
    const fault = this.faults.takeOutgoing(this.carrier, this.name, number, accountSid);
    if (fault && isLoss(fault)) return false;
    const garbled = fault?.do === 'wrong-charset';
    if (fault?.do === 'reorder') {
      this.held.push(() => post(garbled));
      return true;
    }
    if (fault?.do === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 1000));
    for (let left = times + (fault?.do === 'duplicate' ? 1 : 0); left > 0; left -= 1) await post(garbled);
    for (const held of this.held.splice(0)) await held();
    return true;
  }

  clear(): void {
    this.held.length = 0;
  }
}
