/** What cases by hand are made of: requests that change nothing, and the replies there can be. */
import { elements, literally, Wire, XML } from './raw-http.mjs';

const UNKNOWN_HOST = 'nowhere.example';
const READ = 'Server was unable to read request\\. ---&gt; ';
const AT = 'There is an error in XML document \\(\\d+, \\d+\\)\\. ---&gt; ';

export class World extends Wire {
  /** @param target as of withTarget; `trapUrl`: where external entities point to */
  constructor(target, namespace, trapUrl) {
    super(namespace);
    const { userName, password } = target.login;
    Object.assign(this, { userName, password, trapUrl, host: target.host, url: new URL(target.url) });
    this.login = { loginUserName: userName, loginPassword: password };
    this.LOGIN = elements(this.login);
    /** Bound and checked, and only then refused for its provider. */
    this.reseller = { ...this.login, serverHostName: UNKNOWN_HOST, resellerId: 'r' };
  }

  ping(headers) {
    return this.soap11('Ping', this.LOGIN, { headers });
  }
  ping12(headers) {
    return this.soap12('Ping', this.LOGIN, { headers });
  }

  /** So the parameters were bound. */
  unknownHost(operation) {
    const text = `There is no system provider with the server host name '${UNKNOWN_HOST}'.`;
    return this.refused(operation, 'PROVIDER_NOT_FOUND', text);
  }
  missing(operation, name, version) {
    const text = `The parameter ${name} is mandatory and is missing or empty.`;
    return this.refused(operation, 'PARAMETER_MISSING', text, version);
  }
  invalid(operation, name, why) {
    return this.refused(operation, 'PARAMETER_INVALID', `The parameter ${name} ${why}.`);
  }
  /** A refusal whose text is not looked at. */
  withCode(code) {
    return { status: 200, type: XML, body: new RegExp(`<errorCode>${code}</errorCode>`) };
  }
  /** A reading fault; where in the document is not looked at. */
  badXml(reason, status = 500) {
    return this.faultLike('1.1', 'Client', `${READ}(?:${AT})?${literally(reason)}`, { status });
  }
}
