/** Hierarchy itself, for specs of services whose rules are half its own. */
export { AppModule } from './app.module.js';
export { HierarchyConfig } from './config.js';
export { MIGRATIONS } from './migrations/index.js';
