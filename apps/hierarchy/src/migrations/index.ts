import { M20261120Hierarchy } from './m20261120-hierarchy.js';

export const MIGRATIONS = [M20261120Hierarchy];
