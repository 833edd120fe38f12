/** Every carrier there is: one line each. Platform kinds, forms, webhooks, sagas and settings derive from it. */
import type { Carrier } from './carrier.js';
import { restcomm } from './restcomm/index.js';

const CARRIERS: readonly Carrier[] = [restcomm];

const byKind = new Map(CARRIERS.map((carrier) => [carrier.manifest.kind, carrier]));

export const carriers = (): Carrier[] => [...byKind.values()];

/** Undefined for a kind that this version doesn't know. */
export const carrierOf = (kind: string): Carrier | undefined => byKind.get(kind);

/** For carriers of the tests. */
export const addCarrier = (carrier: Carrier): void => void byKind.set(carrier.manifest.kind, carrier);
