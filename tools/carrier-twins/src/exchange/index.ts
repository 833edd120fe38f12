/** Message Exchange, SMS enablement beside a carrier, in both its dialects. Section signs refer to carrier-message-exchange. */
import { defineTwin } from '../twin.js';
import { EnablementBook, KIND } from './book.js';
import { canonicalOperation } from './canonical.js';
import { exchangeControl, numberViews } from './control.js';
import { restore, save } from './snapshot.js';
import { teleapiOperation } from './teleapi.js';

export const exchange = defineTwin({
  kind: KIND,
  title: 'Message Exchange',
  addresses: { 'Message Exchange': '/message-exchange', 'Message Exchange, TeleAPI dialect': '/teleapi' },
  routes: {
    '/message-exchange/': canonicalOperation,
    '/teleapi/': teleapiOperation,
  },
  switches: ({ jobDelayMs = 10_000 }) => ({ teleapiSubmit: 'documented' as const, jobDelayMs }),
  store: (world, switches) => new EnablementBook(world, switches),
  control: exchangeControl,
  state: (book) => ({ numbers: numberViews(book) }),
  page: (book) => [
    {
      caption: 'Numbers and their jobs',
      heads: ['Number', 'Status', 'Job', 'Reason', 'Updated'],
      rows: numberViews(book).map((row) => [
        row.number,
        row.status,
        row.jobId ?? '',
        row.failureReason ?? '',
        row.updatedAt,
      ]),
    },
  ],
  snapshot: { save, restore },
});
