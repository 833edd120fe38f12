/** `node --import` this, and the process knows the paper carrier as if it stood in the registry. */
import { addCarrier } from '../../registry.js';
import { paper } from './index.js';

addCarrier(paper);
