import { restcomm } from './adapter.js';
import { ManualClock } from '@strowger/kernel';
import type { CarrierExchange } from '../http.js';
import type { RestcommAccess } from './access.js';
import { type Reply, scriptedCarrier, type SeenRequest } from '../scripted-carrier.fixtures.js';

export const AC = 'AC0123456789abcdef0123456789abcdef';
export const TOKEN = 'auth-token-0123456789';
export const NUMBER = '+12012010580';
export const NOW = new Date('2026-11-20T10:00:00Z');

/** The adapter in front of a scripted Restcomm: tests set `script` and look at what was asked. */
export class ScriptedRestcomm {
  readonly clock = new ManualClock(NOW);
  readonly port = restcomm({ connectMs: 500, readMs: 300, retryMs: 1, clock: this.clock });
  script: (request: SeenRequest) => Reply = () => ({ status: 404 });
  exchanges: CarrierExchange[] = [];
  access!: RestcommAccess;
  private carrier!: Awaited<ReturnType<typeof scriptedCarrier>>;

  get seen(): SeenRequest[] {
    return this.carrier.seen;
  }
  async start(): Promise<void> {
    this.carrier = await scriptedCarrier((request) => this.script(request));
  }
  forget(): void {
    this.carrier.seen.length = 0;
    this.exchanges = [];
    this.access = {
      baseUrl: `${this.carrier.origin}/restcomm/2012-04-24`,
      accountSid: AC,
      authToken: TOKEN,
      onExchange: (exchange) => this.exchanges.push(exchange),
    };
  }
  async stop(): Promise<void> {
    await this.port.close();
    await this.carrier.close();
  }
}
