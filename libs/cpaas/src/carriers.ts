/** The carriers as one process uses them: connections made once, platforms opened with their credentials. */
import { AppError, type SecretBox } from '@strowger/kernel';
import type { Carrier, CarrierAccess, CarrierApi, ConnectOptions } from './carrier.js';
import { openCredentials } from './credentials.js';
import { carrierOf } from './registry.js';

/** A platform of a carrier that this version has no adapter for. */
export class CarrierUnknown extends AppError {
  constructor(kind: string) {
    super('unavailable', 'carrier-unknown', `This version knows no carrier of the kind '${kind}'.`, { kind });
  }
}

/** What opening needs beside the credentials. */
export type OpenOptions = Omit<CarrierAccess, 'credentials' | 'api'>;

/** A platform ready to be talked to; held in memory for the length of a use, never stored. */
export interface OpenCarrier {
  carrier: Carrier;
  access: CarrierAccess;
}

export class Carriers {
  private readonly apis = new Map<Carrier, CarrierApi>();

  constructor(
    private readonly options: ConnectOptions,
    private readonly box: SecretBox,
  ) {}

  /** @throws CarrierUnknown */
  carrier(kind: string): Carrier {
    const carrier = carrierOf(kind);
    if (!carrier) throw new CarrierUnknown(kind);
    return carrier;
  }

  /** @param credentials of the carrier's own class */
  open(kind: string, credentials: object, options: OpenOptions): OpenCarrier {
    const carrier = this.carrier(kind);
    if (!(credentials instanceof carrier.credentials)) throw new TypeError(`credentials of another kind than ${kind}`);
    let api = this.apis.get(carrier);
    if (!api) this.apis.set(carrier, (api = carrier.connect(this.options)));
    return { carrier, access: { ...options, credentials, api } };
  }

  /** @param context what the envelope is bound to */
  openSealed(kind: string, envelope: string, context: string, options: OpenOptions): OpenCarrier {
    return this.open(kind, openCredentials(this.carrier(kind).credentials, this.box, envelope, context), options);
  }

  async close(): Promise<void> {
    await Promise.all([...this.apis.values()].map((api) => api.close()));
  }
}
