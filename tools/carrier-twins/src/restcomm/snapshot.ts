/** What the state file keeps of Restcomm. */
import { isRecord } from '../twin.js';
import type { RestcommStore } from './store.js';
import type { Account, Application, Message, NumberRow } from './types.js';

interface Saved {
  accounts: Omit<Account, 'numbers'>[];
  applications: Application[];
  numbers: NumberRow[];
  /** Oldest first. */
  messages: Message[];
}

/** A load test's half million messages are not worth a file of gigabytes. */
const MESSAGES_KEPT = 5000;

export function save(store: RestcommStore): Saved {
  const messages: Message[] = [];
  for (const message of store.messages.newestFirst()) {
    if (messages.length >= MESSAGES_KEPT) break;
    messages.push(message);
  }
  return {
    accounts: [...store.accounts.values()].map(({ numbers: _numbers, ...account }) => account),
    applications: [...store.applications.values()],
    numbers: [...store.numbers.values()],
    messages: messages.reverse(),
  };
}

export function restore(store: RestcommStore, saved: unknown): void {
  if (!isSaved(saved)) return;
  for (const account of saved.accounts) store.restoreAccount({ ...account, numbers: new Map() });
  for (const app of saved.applications) store.applications.set(app.sid, app);
  for (const row of saved.numbers) store.addNumber(row);
  for (const message of saved.messages) {
    store.addMessage(message);
    if (message.status === 'sending' || message.status === 'sent') store.lifecycle.accepted(message);
  }
}

/** The rows are as they were saved: the file is the twins' own. */
const isSaved = (saved: unknown): saved is Saved =>
  isRecord(saved) && ['accounts', 'applications', 'numbers', 'messages'].every((name) => Array.isArray(saved[name]));
