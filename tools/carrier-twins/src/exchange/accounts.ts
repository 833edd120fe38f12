/** Whose tokens Message Exchange knows: the accounts are those of the carrier that it stands beside. */
import { accountOf } from '../restcomm/control.js';
import { restcomm } from '../restcomm/index.js';
import type { World } from '../world.js';

export { DEMO_ACCOUNT } from '../restcomm/seed.js';
export type { Account } from '../restcomm/types.js';

export const accountsIn = (world: World) => restcomm.in(world);

/** @throws ControlError for an account that is not there */
export const assertAccount = (world: World, sid: string): void => void accountOf(restcomm.in(world), sid);
