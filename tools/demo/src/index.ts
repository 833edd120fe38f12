export { STORY } from './story.js';
export { World, type Addresses, type SunkMail } from './world.js';
