/** The twins that are played, one line each. */
import { exchange } from './exchange/index.js';
import { restcomm } from './restcomm/index.js';
import type { TwinDefinition } from './twin.js';

export const TWINS: readonly TwinDefinition[] = [restcomm, exchange];
