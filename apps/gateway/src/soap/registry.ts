import {
  PROVISION_OPERATIONS,
  PROVISION_PARAMETERS,
  type OperationName,
  type ParameterName,
  type ParameterSpec,
  type ProvisionOperation,
  type ResultName,
} from '@strowger/contracts-hierarchy';

export interface Parameter extends ParameterSpec {
  readonly name: ParameterName;
  readonly mandatory: boolean;
}

/** One method of the web service, as everything at this door needs it. */
export interface Operation {
  readonly name: OperationName;
  readonly doc: string;
  /** In wire order, the login first. */
  readonly params: readonly Parameter[];
  readonly result: ResultName;
  readonly by: ProvisionOperation['by'];
  readonly slow: boolean;
  readonly changesProviders: boolean;
  /** Position of a parameter by any spelling accepted. */
  readonly positions: ReadonlyMap<string, number>;
}

export function operationOf(name: OperationName, definition: ProvisionOperation): Operation {
  const { doc, params: lines, result, by, slow = false, changesProviders = false } = definition;
  const params = ['loginUserName', 'loginPassword', ...lines].map((line): Parameter => {
    const parameter = line.replace('?', '') as ParameterName;
    return { name: parameter, mandatory: !line.endsWith('?'), ...PROVISION_PARAMETERS[parameter] };
  });
  const positions = new Map<string, number>();
  params.forEach((parameter, at) => {
    for (const spelling of [parameter.name, ...(parameter.aliases ?? [])]) positions.set(spelling, at);
  });
  return { name, doc, params, result, by, slow, changesProviders, positions };
}

/** Every method, in the order of the reference. */
export const OPERATIONS: readonly Operation[] = Object.entries(PROVISION_OPERATIONS).map(([name, definition]) =>
  operationOf(name as OperationName, definition),
);

export const OPERATION_BY_NAME: ReadonlyMap<string, Operation> = new Map(OPERATIONS.map((o) => [o.name, o]));

/** Methods as the help page lists them: sorted by code unit. */
export const SORTED_OPERATIONS: readonly Operation[] = OPERATIONS.toSorted((a, b) => (a.name < b.name ? -1 : 1));
