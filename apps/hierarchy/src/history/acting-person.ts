import type { ActingPerson } from '@strowger/contracts-hierarchy';
import type { Actor } from '@strowger/kernel';

/** The actor as facts name it. */
export const actingPerson = ({ kind, id, name, ip }: Actor): ActingPerson => ({
  kind,
  id,
  name,
  ...(ip ? { ip } : {}),
});
