/** Restcomm, played with its oddities. Section signs refer to carrier-restcomm. */
import { defineTwin } from '../twin.js';
import { restcommControl, stateOf } from './control.js';
import { page } from './page.js';
import { restcommOperation } from './routes.js';
import { seed } from './seed.js';
import { restore, save } from './snapshot.js';
import { RestcommStore } from './store.js';
import { defaultSwitches } from './switches.js';
import { KIND } from './types.js';

export const restcomm = defineTwin({
  kind: KIND,
  title: 'Restcomm',
  addresses: { Restcomm: '/restcomm/2012-04-24' },
  routes: {
    '/restcomm/2012-04-24/': restcommOperation,
    '/api/2012-04-24/': restcommOperation,
  },
  sends: ['messages.callback', 'inbound.webhook'],
  switches: defaultSwitches,
  store: (world, switches) => new RestcommStore(world, switches),
  seed,
  control: restcommControl,
  state: stateOf,
  page,
  snapshot: { save, restore },
});
