/** What the load generator sends; every request is unique, and of the same length as its neighbors. */
export type RequestPlan =
  | { kind: 'hook'; path: string; account: string; run: string; numbers: string[]; remotes: string[] }
  | { kind: 'text'; tokens: string[]; run: string; numbers: string[]; remotes: string[] }
  | SoapPlan;

/** A license that each user has, assigned again and listed, in turns. */
export interface SoapPlan {
  kind: 'soap';
  path: string;
  namespace: string;
  login: { userName: string; password: string };
  serverHostName: string;
  users: string[];
}

/** Where the floor's server answers a constant envelope. */
export const SOAP_FLOOR_PATH = '/soap';
/** In every answer to a call that was done. */
export const SOAP_SUCCESS = '<success>true</success>';

export const SEQUENCE_DIGITS = 9;
/** Begins every inbound text; its sequence follows, by which the load generator knows a frame again. */
export const MARK = 'bench ';
/** No question mark: texts with one may have been damaged on their way and are read again from the carrier. */
const TEXT = 'Shall we say half past seven at the usual place tonight';

const digits = (sequence: number): string => String(sequence).padStart(SEQUENCE_DIGITS, '0');

/** The carrier's id of a delivery: `SM` and 32 hex digits, the first of them the run's. */
export const carrierMessageId = (run: string, sequence: number): string =>
  `SM${run}${sequence.toString(16).padStart(32 - run.length, '0')}`;

/** Turns: messages go round the owners, and each owner's round the remote parties. */
export const ownerOf = (sequence: number, owners: number): number => sequence % owners;
const remoteOf = (sequence: number, owners: number, remotes: number): number => Math.floor(sequence / owners) % remotes;

/** A function from sequence to the bytes of a whole request, ASCII only. */
export function requestsOf(plan: RequestPlan): (sequence: number) => string {
  if (plan.kind === 'soap') return soapCalls(plan);
  const { numbers, remotes, run } = plan;
  const to = (sequence: number): [string, string, number] => {
    const owner = ownerOf(sequence, numbers.length);
    return [numbers[owner]!, remotes[remoteOf(sequence, numbers.length, remotes.length)]!, owner];
  };
  if (plan.kind === 'hook') {
    const body = (sequence: number): string => {
      const [number, remote] = to(sequence);
      return `SmsSid=${carrierMessageId(run, sequence)}&AccountSid=${plan.account}&From=1${remote}&To=1${number}&Body=${MARK.trim()}+${digits(sequence)}+${TEXT.replaceAll(' ', '+')}`;
    };
    const type = 'application/x-www-form-urlencoded; charset=UTF-8';
    const head = headOf(plan.path, type, ['user-agent: a-carrier'], body(0).length);
    return (sequence) => head + body(sequence);
  }
  const body = (sequence: number): string => {
    const [number, remote] = to(sequence);
    return `{"from":"+1${number}","to":"+1${remote}","text":"answer ${digits(sequence)} ${TEXT}"}`;
  };
  const heads = plan.tokens.map((token) =>
    headOf('/v1/client/messages', 'application/json', [`authorization: Bearer ${token}`], body(0).length, false),
  );
  return (sequence) => {
    const owner = ownerOf(sequence, numbers.length);
    return `${heads[owner]!}idempotency-key: ${run}-${digits(sequence)}\r\n\r\n${body(sequence)}`;
  };
}

function soapCalls({ path, namespace, login, serverHostName, users }: SoapPlan): (sequence: number) => string {
  const requests = users.flatMap((broadworksUserId) => {
    const user = {
      loginUserName: login.userName,
      loginPassword: login.password,
      serverHostName,
      resellerId: 'bench',
      groupId: 'bench',
      broadworksUserId,
    };
    const product = { applicationName: 'UnityDesktop', licenseType: 'Pro' };
    return [call('AddUserLicense', { ...user, ...product }), call('GetUserLicenses', user)];
  });
  return (sequence) => requests[sequence % requests.length]!;

  function call(operation: string, parameters: Record<string, string>): string {
    const elements = Object.entries(parameters).map(([name, value]) => `<${name}>${value}</${name}>`);
    const body = `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><${operation} xmlns="${namespace}">${elements.join('')}</${operation}></soap:Body></soap:Envelope>`;
    return headOf(path, 'text/xml; charset=utf-8', [`soapaction: "${namespace}${operation}"`], body.length) + body;
  }
}

const headOf = (path: string, type: string, more: string[], length: number, whole = true): string =>
  [`POST ${path} HTTP/1.1`, 'host: 127.0.0.1', ...more, `content-type: ${type}`, `content-length: ${length}`, ''].join(
    '\r\n',
  ) + (whole ? '\r\n' : '');
