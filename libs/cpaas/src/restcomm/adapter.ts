import { type Clock, InvalidInput, SystemClock } from '@strowger/kernel';
import { CarrierHttp, type CarrierHttpOptions } from '../http.js';
import { MANIFESTS } from '../manifests.js';
import type { CarrierPort } from '../port.js';
import { Applications } from './applications.js';
import { RestcommClient } from './client.js';
import { RestcommMessages } from './messages.js';
import { RestcommNumbers } from './numbers.js';

export interface RestcommOptions extends CarrierHttpOptions {
  /** Where a person gets the application to import; named in the error when it is missing. */
  connectorDownloadUrl?: string;
  clock?: Clock;
}

export interface ClosableCarrier extends CarrierPort {
  /** Ends idle connections, after calls in flight. */
  close(): Promise<void>;
}

/** The adapter for Restcomm. One per process: it keeps connections open per carrier address. */
export function restcomm(options: RestcommOptions = {}): ClosableCarrier {
  const { connectorDownloadUrl = 'https://portal.unityclient.com/UnitySmsConnector.zip', clock = new SystemClock() } =
    options;
  const http = new CarrierHttp(options);
  const client = new RestcommClient(http);
  const numbers = new RestcommNumbers(client);
  const messages = new RestcommMessages(client, clock);
  const applications = new Applications(client, clock, connectorDownloadUrl);

  return {
    kind: 'restcomm',
    manifest: MANIFESTS.restcomm,
    async verify(access) {
      // An unknown account in the path answers 500, which would look like an outage (carrier-restcomm §1.2).
      if (!/^AC[0-9a-f]{32}$/.test(access.accountSid)) {
        const message =
          'The Account SID is AC followed by 32 characters, 0 to 9 and a to f. Copy it from the Restcomm portal.';
        throw new InvalidInput([{ field: 'account', rule: 'account-sid', message }]);
      }
      const { sid, name, warnings } = await applications.ask(access);
      return { accountSid: access.accountSid, applicationSid: sid, applicationName: name, warnings };
    },
    findNumber: (access, e164) => numbers.find(access, e164),
    registerNumber: (access, e164, { friendlyName } = {}) =>
      applications.use(access, (application) => numbers.register(access, e164, friendlyName, application)),
    bindNumber: (access, sid, bindOptions = {}) =>
      applications.use(access, (application) => numbers.bind(access, sid, application, bindOptions)),
    readNumber: (access, sid) => numbers.read(access, sid),
    removeNumber: (access, sid) => numbers.remove(access, sid),
    restoreNumber: (access, sid, snapshot) => numbers.restore(access, sid, snapshot),
    unbindNumber: (access, sid) => numbers.unbind(access, sid),
    sendMessage: (access, request) => messages.send(access, request),
    findSentMessage: (access, probe) => messages.findSent(access, probe),
    readMessage: (access, id) => messages.read(access, id),
    listInbound: (access, { sinceDays }, known) => messages.listInbound(access, sinceDays, known),
    close: () => http.close(),
  };
}
