import { PROVISION_OPERATIONS, type Provision } from '@strowger/contracts-hierarchy';

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';

/** What the class of the contract says, without class-validator: that takes longer than all the rest of a repeated call. */
export function isProvision(given: unknown): given is Provision {
  if (typeof given !== 'object' || given === null) return false;
  const body = given as Partial<Provision>;
  return (
    typeof body.operation === 'string' &&
    Object.hasOwn(PROVISION_OPERATIONS, body.operation) &&
    typeof body.parameters === 'object' &&
    body.parameters !== null &&
    Object.values(body.parameters).every((value) => isText(value) || ['number', 'boolean'].includes(typeof value)) &&
    typeof body.userName === 'string' &&
    typeof body.password === 'string' &&
    isText(body.address) &&
    isText(body.forwardedFor) &&
    isText(body.userAgent) &&
    typeof body.requestId === 'string'
  );
}
