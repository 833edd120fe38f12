import { startTwins, TWINS } from '@strowger/carrier-twins';
import {
  paper as paperTwin,
  PAPER_ACCOUNT,
  paperClient,
  SUSPENDED_PAPER_ACCOUNT,
} from '@strowger/carrier-twins/testing';
import type { CarrierAccess } from '../../carrier.js';
import { hookReceiver } from '../hook-receiver.fixtures.js';
import { type CarrierWorld, conformsToCarrierPort } from '../kit.js';
import { PaperCredentials } from './credentials.js';
import { paper } from './index.js';

let next = 4000;

async function paperWorld(): Promise<CarrierWorld> {
  const twins = await startTwins({ twins: [...TWINS, paperTwin], sentDelayMs: 1, deliveredDelayMs: 5 });
  const control = paperClient(twins.control);
  const receiver = await hookReceiver(paper, PAPER_ACCOUNT.account);
  const api = paper.connect({ connectMs: 1000, readMs: 400, retryMs: 1 });
  const accessTo = ({ account, apiKey, apiSecret, signingKey }: PaperCredentials): CarrierAccess => ({
    baseUrl: `${twins.url}/paper/v1`,
    credentials: Object.assign(new PaperCredentials(), { account, apiKey, apiSecret, signingKey }),
    settings: {},
    api,
  });
  const operations = { register: 'numbers.put', send: 'messages.send', verify: 'account.get' };
  return {
    ...receiver,
    carrier: paper,
    access: accessTo(PAPER_ACCOUNT),
    wrongSecret: accessTo({ ...PAPER_ACCOUNT, apiSecret: 'wrong' }),
    unusable: { 'platform-account-suspended': accessTo(SUSPENDED_PAPER_ACCOUNT) },
    newNumber: () => `+1201201${next++}`,
    heldFor: async (e164) => (await control.numbers()).find(({ number }) => number === e164.slice(1)) ?? null,
    loseAnswer: async (operation, effect) => {
      await twins.control.addFault({
        carrier: 'paper',
        match: { path: operations[operation] },
        do: `timeout-${effect}`,
      });
    },
    receive: async ({ from, to, body }) => (await control.inbound({ from, to, text: body })).id,
    close: async () => {
      await api.close();
      await receiver.close();
      await twins.stop();
    },
  };
}

conformsToCarrierPort(paper, paperWorld);
