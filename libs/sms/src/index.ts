export * from './encoding.js';
export * from './keywords.js';
export * from './message-state.js';
export * from './numbers.js';
export * from './receipts.js';
