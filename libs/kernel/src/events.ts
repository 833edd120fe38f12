/** A class that describes one past fact; its static `type` is the CloudEvents type and the subject. */
export interface EventClass<T extends object = object> {
  new (): T;
  readonly type: string;
}

/** Administrators may do everything in their scope, support reads, an agent sees only what is theirs. */
export type ActorRole = 'administrator' | 'support' | 'agent';

/** Who did it, for the history log. Travels with requests and facts; never holds a credential. */
export interface Actor {
  /** `interface-user`: a back office at the SOAP door; `api-key`: a REST integrator. */
  kind: 'portal-user' | 'interface-user' | 'api-key' | 'client' | 'system';
  id: string;
  name: string;
  /**
   * What they may do in their scope: a portal user's role; `administrator` for interface users, and for an API key
   * where it may write; absent for clients and the system.
   */
  role?: ActorRole;
  /** Address the request came from, when there was one. */
  ip?: string;
}

export const SYSTEM_ACTOR: Actor = { kind: 'system', id: 'system', name: 'Strowger' };

/** CloudEvents 1.0 structured JSON: an outbox row, a message and a dead letter are the same bytes. */
export interface CloudEvent<T = unknown> {
  specversion: '1.0';
  /** Outbox id and `Nats-Msg-Id`. */
  id: string;
  type: string;
  /** `/provisioning` */
  source: string;
  /** The aggregate's id. */
  subject: string;
  /** The aggregate's version: consumers drop older ones. */
  sequence: number;
  time: string;
  datacontenttype: 'application/json';
  tenantid?: string;
  correlationid?: string;
  causationid?: string;
  traceparent?: string;
  data: T;
}

/** A fact an entity states about itself; the outbox turns it into a CloudEvent. */
export interface Fact<T extends object = object> {
  type: string;
  subject: string;
  sequence: number;
  /** System provider the fact belongs to. */
  tenantId?: string;
  data: T;
}

/** Builds a fact with its data as an instance of its contract class. */
export function factOf<T extends object>(
  contract: EventClass<T>,
  about: { subject: string; sequence: number; tenantId?: string },
  data: T,
): Fact<T> {
  return { type: contract.type, ...about, data: Object.assign(new contract(), data) };
}
