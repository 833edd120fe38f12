/** Restcomm's REST API (carrier-restcomm §1–§4): connections and what is cached of it, for one process. */
import { InvalidInput, SystemClock } from '@strowger/kernel';
import type { CarrierAccess, ConnectOptions, KnownMessages, SendRequest, SentProbe } from '../carrier.js';
import { CarrierHttp } from '../http.js';
import type { NumberSnapshot, RestcommAccess, VerifiedAccount } from './access.js';
import { Applications } from './applications.js';
import { RestcommClient } from './client.js';
import type { RestcommCredentials } from './credentials.js';
import { RestcommMessages } from './messages.js';
import { RestcommNumbers } from './numbers.js';

export interface RestcommOptions extends ConnectOptions {
  /** Where a person gets the application to import; named in the error when it is missing. */
  connectorDownloadUrl?: string;
}

export type RestcommApi = ReturnType<typeof restcomm>;
export type Restcomm = CarrierAccess<RestcommCredentials, RestcommApi>;

/** One per process: it keeps connections open per carrier address. */
export function restcomm(options: RestcommOptions = {}) {
  const { connectorDownloadUrl = 'https://portal.unityclient.com/UnitySmsConnector.zip', clock = new SystemClock() } =
    options;
  const http = new CarrierHttp(options);
  const client = new RestcommClient(http);
  const numbers = new RestcommNumbers(client);
  const messages = new RestcommMessages(client, clock);
  const applications = new Applications(client, clock, connectorDownloadUrl);

  return {
    /** Credentials and application. Also throws ConnectorApplicationMissing, InvalidInput (malformed SID). */
    async verify(access: RestcommAccess): Promise<VerifiedAccount> {
      // An unknown account in the path answers 500, which would look like an outage (carrier-restcomm §1.2).
      if (!/^AC[0-9a-f]{32}$/.test(access.accountSid)) {
        const message =
          'The Account SID is AC followed by 32 characters, 0 to 9 and a to f. Copy it from the Restcomm portal.';
        throw new InvalidInput([{ field: 'account', rule: 'account-sid', message }]);
      }
      const { sid, name, warnings } = await applications.ask(access);
      return { accountSid: access.accountSid, applicationSid: sid, applicationName: name, warnings };
    },
    /** The number's record on this account; null when there is none. */
    findNumber: (access: RestcommAccess, e164: string) => numbers.find(access, e164),
    /** Records a number the customer owns already, bound at once. Also throws NumberHeldElsewhere, ConnectorApplicationMissing. */
    registerNumber: (access: RestcommAccess, e164: string, { friendlyName }: { friendlyName?: string } = {}) =>
      applications.use(access, (application) => numbers.register(access, e164, friendlyName, application)),
    /** Binds, clears every other setting, reads back and asserts. Also throws CarrierNumberMissing, NumberBindingFailed. */
    bindNumber: (
      access: RestcommAccess,
      sid: string,
      bindOptions: { fallbackUrl?: string; friendlyName?: string } = {},
    ) => applications.use(access, (application) => numbers.bind(access, sid, application, bindOptions)),
    /** Null when it is gone. */
    readNumber: (access: RestcommAccess, sid: string) => numbers.read(access, sid),
    /** Done when it is gone already. */
    removeNumber: (access: RestcommAccess, sid: string) => numbers.remove(access, sid),
    /** Puts settings back as a snapshot has them. Throws CarrierNumberMissing. */
    restoreNumber: (access: RestcommAccess, sid: string, snapshot: NumberSnapshot) =>
      numbers.restore(access, sid, snapshot),
    /** Takes the number off the application and leaves it on the account; done when it is gone already. */
    unbindNumber: (access: RestcommAccess, sid: string) => numbers.unbind(access, sid),
    sendMessage: (access: RestcommAccess, request: SendRequest) => messages.send(access, request),
    findSentMessage: (access: RestcommAccess, probe: SentProbe) => messages.findSent(access, probe),
    readMessage: (access: RestcommAccess, id: string) => messages.read(access, id),
    listInbound: (access: RestcommAccess, { sinceDays }: { sinceDays: number }, known: KnownMessages) =>
      messages.listInbound(access, sinceDays, known),
    close: () => http.close(),
  };
}

const opened = new WeakMap<Restcomm, RestcommAccess>();

/** The same one each time, because answers about applications are shared by the calls of one access. */
export function accessOf(access: Restcomm): RestcommAccess {
  let own = opened.get(access);
  if (!own) {
    const { baseUrl, credentials, settings, onExchange } = access;
    const { applicationName } = settings;
    own = { baseUrl, accountSid: credentials.account, authToken: credentials.secret, applicationName, onExchange };
    opened.set(access, own);
  }
  return own;
}
