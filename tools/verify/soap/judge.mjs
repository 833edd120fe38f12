/** The scenario as calls of one client, and what is to be said of the answers. Every client is judged the same. */
import { readFileSync } from 'node:fs';

const scenario = JSON.parse(readFileSync(new URL('scenario.json', import.meta.url), 'utf8'));

/** Methods of the WSDL that no step calls. */
export const methodsNotCalled = (wsdl) =>
  [...new Set([...wsdl.matchAll(/<wsdl:operation name="(\w+)"/g)].map(([, name]) => name))].filter(
    (name) => !scenario.steps.some(({ call }) => call === name),
  );

/**
 * @param ids `{ id, host }`; @param logins `{ main, lock? }`
 * @returns the steps to be made, each with its `args`, and those that can't be, each with a `reason`
 */
export function planOf({ ids, logins }) {
  const filled = JSON.parse(JSON.stringify(scenario).replaceAll(/\{(id|host)\}/g, (_, name) => ids[name]));
  const steps = [];
  const skipped = [];
  for (const step of filled.steps) {
    const login = logins[step.as ?? 'main'];
    if (!login) skipped.push({ ...step, reason: 'no account to lock: set SOAP_LOCK_USER_NAME and SOAP_LOCK_PASSWORD' });
    else if (step.unknown) steps.push(step);
    else {
      const args = { loginUserName: login.userName, loginPassword: login.password };
      Object.assign(args, filled.at[step.at ?? 'nobody'], step.with);
      for (const name of step.without ?? []) delete args[name];
      steps.push({ ...step, args });
    }
  }
  return { steps, skipped };
}

/**
 * @param said `{ result }`, `{ fault: { code, text } }` or `{ error }`: the client's own trouble
 * @param how `binding`, and `typed` false for a client that reads text only
 * @returns what is wrong, or undefined
 */
export function wrongWith(step, said, { binding, typed }) {
  if (!said) return 'the client ended before this call';
  if (step.unknown) return faultWrong(step.unknown, said, binding);
  if (!said.result) return `expected a reply, got ${JSON.stringify(said)}`;
  const { success, errorMessage, errorCode } = said.result;
  if (!step.refused) {
    if (String(success) !== 'true' || errorMessage || errorCode)
      return `expected success, got ${JSON.stringify(said.result)}`;
    return differs({ ...(typed && { success: true }), ...step.ok }, said.result, typed, '');
  }
  if (String(success) !== 'false' || (typed && success !== false))
    return `expected ${step.refused}, got ${JSON.stringify(said.result)}`;
  if (errorCode !== step.refused) return `expected ${step.refused}, got ${errorCode}: ${errorMessage}`;
  if (!errorMessage || !new RegExp(step.saying ?? '.', 's').test(errorMessage))
    return `expected a message like /${step.saying ?? '.'}/, got: ${errorMessage}`;
  return undefined;
}

/** The unknown method: a fault of the sender, as the binding has them. */
function faultWrong(method, { fault, ...rest }, binding) {
  if (!fault) return `expected a fault, got ${JSON.stringify(rest)}`;
  const [code, text] = {
    soap11: [/(^|:)Client$/, /^Server did not recognize/],
    soap12: [/(^|:)Sender$/, /^Unable to handle request without a valid action parameter/],
    form: [/^500$/, new RegExp(`^${method} Web Service method name is not valid\\.$`)],
  }[binding];
  return code.test(fault.code) && text.test(fault.text) ? undefined : `another fault: ${JSON.stringify(fault)}`;
}

const TEN_MINUTES = 600_000;

/** The first difference between what is expected and what there is; fields nobody expects are not looked at. */
function differs(expected, actual, typed, path) {
  const say = () => `${path.slice(1) || 'result'}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
  if (expected === null)
    return actual === null || actual === undefined || (!typed && actual === '') ? undefined : say();
  if (typeof expected !== 'object') {
    const same = typed ? expected === actual : String(expected) === String(actual);
    return same ? undefined : say();
  }
  if (expected.$now) return Math.abs(Date.parse(actual) - Date.now()) < TEN_MINUTES ? undefined : say();
  const isList = Array.isArray(expected) || '$length' in expected || '$has' in expected;
  if (isList !== Array.isArray(actual)) return say();
  if (!isList && (typeof actual !== 'object' || actual === null)) return say();
  const { $length = expected.length, $has, ...fields } = expected;
  if (isList && $length !== undefined && actual.length !== $length) return say();
  if ($has && actual.every((item) => differs($has, item, typed, path))) return say();
  for (const [name, value] of Object.entries(fields)) {
    const difference = differs(value, actual[name], typed, `${path}.${name}`);
    if (difference) return difference;
  }
  return undefined;
}
