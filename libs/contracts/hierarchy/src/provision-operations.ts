/**
 * The provisioning API's operations: one line of data per method, from which the WSDL, the help page, the binding of
 * parameters and the types of the handlers follow. Names and order are the wire's: reference/provisioning-soap-api.md §1.4, §1.5.
 */

/** How text is checked; `key` refuses outer white space, `constant` leaves every judgement to the catalogue. */
export type ParameterForm = 'key' | 'text' | 'constant' | 'secret' | 'whole-text' | 'flag-text';

export interface ParameterSpec {
  readonly type: 'string' | 'int' | 'boolean';
  readonly form?: ParameterForm;
  /** Most characters of text. */
  readonly max?: number;
  /** Least and greatest value of a number, also of one written as text. */
  readonly from?: number;
  readonly to?: number;
  /** Spellings accepted on input beside the name. */
  readonly aliases?: readonly string[];
}

const key = <N extends number>(max: N) => ({ type: 'string', form: 'key', max }) as const;
const text = <N extends number>(max: N) => ({ type: 'string', form: 'text', max }) as const;
const flagText = { type: 'string', form: 'flag-text', max: 5 } as const;
const wholeText = (from: number, to: number) => ({ type: 'string', form: 'whole-text', max: 11, from, to }) as const;
const secret = { type: 'string', form: 'secret', max: 256 } as const;

/** Every parameter by name; the same name means the same everywhere. */
export const PROVISION_PARAMETERS = {
  loginUserName: { ...text(255), aliases: ['loginUsername'] },
  loginPassword: secret,
  serverHostName: key(253),
  resellerId: key(30),
  resellerName: text(255),
  isEnterprise: { type: 'boolean' },
  groupId: key(30),
  groupName: text(255),
  broadworksUserId: key(161),
  userName: text(255),
  applicationName: { type: 'string', form: 'constant', max: 255 },
  licenseType: { type: 'string', form: 'constant', max: 255, aliases: ['licenseName'] },
  numberOfLicenses: { type: 'int', from: 0, to: 1_000_000 },
  newSystemProviderServerHostName: key(253),
  newSystemProviderId: key(255),
  newSystemProviderName: text(255),
  trialDurationDays: wholeText(0, 90),
  useTrialLicensesUntilExpiration: flagText,
  newServerHostName: key(253),
  serverHostNameToDelete: key(253),
  newResellerId: key(30),
  newResellerName: text(255),
  newGroupId: key(30),
  newGroupName: text(255),
  newBroadworksUserId: key(161),
  newUserName: text(255),
  pageNumber: wholeText(1, 1_000_000),
  pageSize: wholeText(1, 1000),
  portalUserName: key(255),
  newUserGroupId: key(30),
  newUserEmailAddress: key(254),
  newUserPassword: secret,
  newUserTimezone: text(64),
  newUserIsAgent: { type: 'boolean' },
  newPortalUserName: key(255),
  newIsAgent: flagText,
  queueName: key(255),
  newQueueName: key(255),
  mediaStreamName: key(255),
  newMediaStreamName: key(255),
  mediaStreamType: { type: 'string', form: 'constant', max: 32 },
  number: key(32),
  newNumber: key(32),
} as const satisfies Record<string, ParameterSpec>;

export type ParameterName = keyof typeof PROVISION_PARAMETERS;

/** Fields of the complex types in wire order. `?` after a date or number means nillable, `[]` an array. */
export const PROVISION_TYPES = {
  SystemProvider: {
    systemProviderId: 'string',
    systemProviderName: 'string',
    parentSystemProviderId: 'string',
    serverHostNames: 'string[]',
  },
  Reseller: { resellerId: 'string', resellerName: 'string', isEnterprise: 'boolean' },
  Group: { resellerId: 'string', groupId: 'string', groupName: 'string' },
  User: { resellerId: 'string', groupId: 'string', broadworksUserId: 'string', userName: 'string' },
  UserLicense: {
    applicationName: 'string',
    licenseType: 'string',
    isTrial: 'boolean',
    assignedDate: 'dateTime',
    expiryDate: 'dateTime?',
  },
  LicenseType: { applicationName: 'string', licenseType: 'string' },
  SystemProviderLicense: {
    applicationName: 'string',
    licenseType: 'string',
    isUnlimited: 'boolean',
    purchased: 'int?',
    committed: 'int',
    used: 'int',
    free: 'int?',
    expiryDate: 'dateTime?',
  },
  LicenseSubPurchase: {
    applicationName: 'string',
    licenseType: 'string',
    numberOfLicenses: 'int',
    committed: 'int',
    used: 'int',
    free: 'int',
  },
  PortalUser: {
    portalUserName: 'string',
    emailAddress: 'string',
    resellerId: 'string',
    groupId: 'string',
    timezone: 'string',
    isAgent: 'boolean',
    isLocked: 'boolean',
    lastSuccessfulLogin: 'dateTime?',
  },
  AgentAssociation: { resellerId: 'string', groupId: 'string', portalUserName: 'string' },
  Queue: { resellerId: 'string', groupId: 'string', queueName: 'string' },
  MediaStream: { queueName: 'string', mediaStreamName: 'string', mediaStreamType: 'string', number: 'string' },
} as const;

/** What the result types have beside `success`, `errorMessage`, `errorCode`; a type's name is the form reply's root. */
export const PROVISION_RESULTS = {
  ProvisionResponse: {},
  SystemProvidersResponse: { systemProviders: 'SystemProvider[]' },
  ResellersResponse: { resellers: 'Reseller[]' },
  ResellerResponse: { reseller: 'Reseller' },
  GroupsResponse: { groups: 'Group[]' },
  GroupResponse: { group: 'Group' },
  UsersResponse: { users: 'User[]', pageNumber: 'int', pageSize: 'int', hasMore: 'boolean' },
  UserResponse: { user: 'User' },
  UserLicensesResponse: { licenses: 'UserLicense[]' },
  LicenseTypesResponse: { licenseTypes: 'LicenseType[]' },
  SystemProviderLicensesResponse: { licenses: 'SystemProviderLicense[]' },
  LicenseSubPurchasesResponse: { subPurchases: 'LicenseSubPurchase[]' },
  PortalUsersResponse: { portalUsers: 'PortalUser[]' },
  AgentAssociationsResponse: { associations: 'AgentAssociation[]' },
  QueuesResponse: { queues: 'Queue[]' },
  MediaStreamsResponse: { mediaStreams: 'MediaStream[]' },
} as const;

type TypeName = keyof typeof PROVISION_TYPES;
export type ResultName = keyof typeof PROVISION_RESULTS;

/** A field's type as written above. */
export type FieldType =
  'string' | 'string[]' | 'int' | 'int?' | 'boolean' | 'dateTime' | 'dateTime?' | TypeName | `${TypeName}[]`;

type ValueOf<T> = T extends 'string'
  ? string | null | undefined
  : T extends 'boolean'
    ? boolean
    : T extends 'int'
      ? number
      : T extends 'int?'
        ? number | null
        : T extends 'dateTime'
          ? string
          : T extends 'dateTime?'
            ? string | null
            : T extends 'string[]'
              ? readonly string[]
              : T extends `${infer N extends TypeName}[]`
                ? readonly ObjectOf<N>[]
                : T extends TypeName
                  ? ObjectOf<T>
                  : never;
type FieldsOf<F> = { -readonly [K in keyof F]: ValueOf<F[K]> };
/** One complex type as TypeScript has it; dates are ISO 8601 text. */
export type ObjectOf<N extends TypeName> = FieldsOf<(typeof PROVISION_TYPES)[N]>;
/** What a handler answers for a result type. */
export type ResultOf<N extends ResultName> = FieldsOf<(typeof PROVISION_RESULTS)[N]>;

/** A parameter of an operation; `?` after the name makes it optional. */
type Line = ParameterName | `${ParameterName}?`;

export interface ProvisionOperation {
  readonly doc: string;
  /** After the two of the login. */
  readonly params: readonly Line[];
  readonly result: ResultName;
  /** Where the rule lives: hierarchy alone, or routing once hierarchy has said who asks and which ids are meant. */
  readonly by: 'hierarchy' | 'routing';
  /** May take longer than a few seconds: it ends everything below. */
  readonly slow?: true;
  /** It changes which provider lies below which, so what the gateway knows of that is old then. */
  readonly changesProviders?: true;
}

type Bare = Pick<ProvisionOperation, 'doc' | 'params'> & Partial<ProvisionOperation>;
const on = <const T extends Bare>(operation: T) =>
  ({ result: 'ProvisionResponse', by: 'hierarchy', ...operation }) as unknown as {
    readonly doc: string;
    readonly params: T['params'];
    readonly result: T extends { result: infer R extends ResultName } ? R : 'ProvisionResponse';
    readonly by: T extends { by: infer B extends 'routing' } ? B : 'hierarchy';
    readonly slow?: true;
    readonly changesProviders?: true;
  };

const RESELLER = ['serverHostName', 'resellerId'] as const;
const GROUP = [...RESELLER, 'groupId'] as const;
const USER = [...GROUP, 'broadworksUserId'] as const;
const PRODUCT = ['applicationName', 'licenseType'] as const;
const QUEUE = [...RESELLER, 'groupId?', 'queueName'] as const;
const STREAM = [...QUEUE, 'mediaStreamName'] as const;
const PORTAL = ['serverHostName', 'resellerId?', 'groupId?'] as const;
const APPLICATIONS =
  'Application names are UnityDesktop, UnityDesktopWeb, UnityAgent, UnityAgentWeb, UnitySupervisor, UnityReception, UnityWallboard, UnityMobile, UnityCrmIntegration, UnityDashboard, UnityContactCenterDesktop, UnityContactCenterAgent and UnityContactCenterSupervisor; GetLicenseTypes lists the license types of each.';
const STREAM_TYPES = 'Possible values for media stream type are WebChat/Callback/IMAP/SMS/Twitter/Facebook.';
const LEVEL = 'The queue belongs to the group if groupId is given, else to the reseller.';

// prettier-ignore
export const PROVISION_OPERATIONS = {
  // §1.4
  AddSystemProvider: on({ doc: 'Create a child system provider which can be managed through the portal by the parent provider. All parameters are mandatory except newSystemProviderName.', params: ['newSystemProviderServerHostName', 'newSystemProviderId', 'newSystemProviderName?'], changesProviders: true }),
  AddReseller: on({ doc: 'Add a reseller to a system provider. The system provider must already exist in the system. All parameters are mandatory except resellerName. Set isEnterprise for an enterprise; otherwise the reseller is a service provider.', params: [...RESELLER, 'resellerName?', 'isEnterprise'] }),
  AddGroup: on({ doc: 'Add a group to a reseller. The system provider and reseller must already exist in the system. All parameters are mandatory except groupName.', params: [...GROUP, 'groupName?'] }),
  AddUserWithHierarchy: on({ doc: 'Add a user together with the reseller and group it belongs to. Those that exist already are left as they are and no error occurs. All parameters are mandatory except resellerName, groupName and userName.', params: [...RESELLER, 'resellerName?', 'groupId', 'groupName?', 'broadworksUserId', 'userName?'] }),
  DeleteUser: on({ doc: 'Delete a user. Assigned licenses are unassigned and numbers are released.', params: USER, slow: true }),
  DeleteGroup: on({ doc: 'Delete a group with all active users, queues, media streams, portal users, agent associations and sub-purchases in it.', params: GROUP, slow: true }),
  DeleteReseller: on({ doc: 'Delete a reseller with all active groups and users in it.', params: RESELLER, slow: true }),
  AddUserLicense: on({ doc: `Assign a license to a user. This depends on sub-purchases and license consumption. If the user has the license already the current assignment is kept and the response is successful. ${APPLICATIONS}`, params: [...USER, ...PRODUCT] }),
  DeleteUserLicense: on({ doc: 'Unassign a license from a user. If the license is not assigned nothing changes and the response is successful.', params: [...USER, ...PRODUCT] }),
  DeleteUserLicenses: on({ doc: 'Unassign all licenses from a user. Trials are not touched.', params: USER }),
  GetUserLicenses: on({ doc: 'List the licenses and running trials of a user.', params: USER, result: 'UserLicensesResponse' }),
  AddResellerLicenseSubPurchase: on({ doc: `Add a sub-purchase to a reseller. This depends on sufficient licenses being available in the provider license pool. ${APPLICATIONS}`, params: [...RESELLER, ...PRODUCT, 'numberOfLicenses'] }),
  AddGroupLicenseSubPurchase: on({ doc: `Add a sub-purchase to a group. This depends on sufficient licenses being available in the provider and reseller license pool, as well as reseller license oversell permissions. ${APPLICATIONS}`, params: [...GROUP, ...PRODUCT, 'numberOfLicenses'] }),
  AddPortalUser: on({ doc: 'Add a portal user administration account. This user will have permission to log into the partner portal and perform administrative actions, with a password chosen by a link that is mailed to newUserEmailAddress: newUserPassword is checked, but not kept. If newUserGroupId is blank then the portal user belongs to the reseller, and to the system provider if resellerId is blank too. Set newUserIsAgent for an agent, who sees only the groups associated with it; the flag counts for portal users of a group or an enterprise only.', params: ['serverHostName', 'resellerId?', 'newUserGroupId?', 'newUserName', 'newUserEmailAddress', 'newUserPassword', 'newUserTimezone?', 'newUserIsAgent'] }),
  AddGroupAgentAssociation: on({ doc: 'Assign an existing portal user as an agent for a group. The portal user must exist at the reseller level.', params: [...GROUP, 'portalUserName'], by: 'routing' }),
  AddQueue: on({ doc: `Add a contact center queue to a group or reseller. The system provider and reseller must already exist in the system, as well as the group if the queue is being added at that level. ${LEVEL}`, params: QUEUE, by: 'routing' }),
  AddMediaStream: on({ doc: `Add a contact center media stream to a queue. The queue must already exist in the system. ${STREAM_TYPES} The number is mandatory for SMS.`, params: [...STREAM, 'mediaStreamType', 'number?'], by: 'routing' }),

  // §1.5
  GetSystemProviders: on({ doc: 'List your own system provider and those below it.', params: [], result: 'SystemProvidersResponse' }),
  UpdateSystemProvider: on({ doc: 'Change the name, trial duration (0 to 90 days) or use of trial licenses (true or false) of a system provider. An element that is left out leaves the value as it is; an empty one clears it, so that the inherited value counts.', params: ['serverHostName', 'newSystemProviderName?', 'trialDurationDays?', 'useTrialLicensesUntilExpiration?'] }),
  DeleteSystemProvider: on({ doc: 'Delete a child system provider. It must not have any resellers.', params: ['serverHostName'], slow: true, changesProviders: true }),
  AddServerHostName: on({ doc: 'Add a server host name to a system provider.', params: ['serverHostName', 'newServerHostName'] }),
  DeleteServerHostName: on({ doc: 'Remove a server host name from a system provider. The last one stays.', params: ['serverHostName', 'serverHostNameToDelete'] }),
  GetResellers: on({ doc: 'List the resellers of a system provider.', params: ['serverHostName'], result: 'ResellersResponse' }),
  GetReseller: on({ doc: 'Read a reseller.', params: RESELLER, result: 'ResellerResponse' }),
  UpdateReseller: on({ doc: 'Change the name or id of a reseller. What is below it stays.', params: [...RESELLER, 'newResellerName?', 'newResellerId?'] }),
  GetGroups: on({ doc: 'List the groups of a reseller.', params: RESELLER, result: 'GroupsResponse' }),
  GetGroup: on({ doc: 'Read a group.', params: GROUP, result: 'GroupResponse' }),
  UpdateGroup: on({ doc: 'Change the name or id of a group. What is below it stays.', params: [...GROUP, 'newGroupName?', 'newGroupId?'] }),
  AddUser: on({ doc: 'Add a user to a group. The system provider, reseller and group must already exist in the system.', params: [...USER, 'userName?'] }),
  GetUsers: on({ doc: 'List the users of a group, in pages of at most 1000.', params: [...GROUP, 'pageNumber?', 'pageSize?'], result: 'UsersResponse' }),
  GetUser: on({ doc: 'Read a user.', params: USER, result: 'UserResponse' }),
  UpdateUser: on({ doc: 'Change the name or id of a user, or move it to another group of the reseller. A move needs room for the licenses of the user there.', params: [...USER, 'newUserName?', 'newBroadworksUserId?', 'newGroupId?'] }),
  GetLicenseTypes: on({ doc: 'List the permitted combinations of application name and license type.', params: [], result: 'LicenseTypesResponse' }),
  GetSystemProviderLicenses: on({ doc: 'List what a system provider has purchased, committed, used and free of each license.', params: ['serverHostName'], result: 'SystemProviderLicensesResponse' }),
  GetResellerLicenseSubPurchases: on({ doc: 'List the sub-purchases of a reseller.', params: RESELLER, result: 'LicenseSubPurchasesResponse' }),
  UpdateResellerLicenseSubPurchase: on({ doc: 'Set the number of licenses of a sub-purchase of a reseller.', params: [...RESELLER, ...PRODUCT, 'numberOfLicenses'] }),
  DeleteResellerLicenseSubPurchase: on({ doc: 'Remove a sub-purchase of a reseller.', params: [...RESELLER, ...PRODUCT] }),
  GetGroupLicenseSubPurchases: on({ doc: 'List the sub-purchases of a group.', params: GROUP, result: 'LicenseSubPurchasesResponse' }),
  UpdateGroupLicenseSubPurchase: on({ doc: 'Set the number of licenses of a sub-purchase of a group.', params: [...GROUP, ...PRODUCT, 'numberOfLicenses'] }),
  DeleteGroupLicenseSubPurchase: on({ doc: 'Remove a sub-purchase of a group.', params: [...GROUP, ...PRODUCT] }),
  GetPortalUsers: on({ doc: 'List the portal users of a group, of a reseller if groupId is blank, or of a system provider if resellerId is blank too.', params: PORTAL, result: 'PortalUsersResponse' }),
  UpdatePortalUser: on({ doc: 'Change a portal user. An element that is left out leaves the value as it is. Another password, e-mail address or agent flag is set in the portal only.', params: [...PORTAL, 'portalUserName', 'newPortalUserName?', 'newUserEmailAddress?', 'newUserPassword?', 'newUserTimezone?', 'newIsAgent?'] }),
  DeletePortalUser: on({ doc: 'Delete a portal user. The last one that receives alerts stays while the system provider has a platform.', params: [...PORTAL, 'portalUserName'] }),
  GetGroupAgentAssociations: on({ doc: 'List the portal users associated as agents with a group.', params: GROUP, result: 'AgentAssociationsResponse', by: 'routing' }),
  DeleteGroupAgentAssociation: on({ doc: 'Remove a portal user as an agent of a group.', params: [...GROUP, 'portalUserName'], by: 'routing' }),
  GetQueues: on({ doc: 'List the queues of a group, or of a reseller if groupId is blank.', params: [...RESELLER, 'groupId?'], result: 'QueuesResponse', by: 'routing' }),
  UpdateQueue: on({ doc: `Rename a queue. ${LEVEL}`, params: [...QUEUE, 'newQueueName?'], by: 'routing' }),
  DeleteQueue: on({ doc: `Delete a queue with its media streams. ${LEVEL}`, params: QUEUE, by: 'routing' }),
  GetMediaStreams: on({ doc: 'List the media streams of a queue.', params: QUEUE, result: 'MediaStreamsResponse', by: 'routing' }),
  UpdateMediaStream: on({ doc: 'Change the name or number of a media stream.', params: [...STREAM, 'newMediaStreamName?', 'newNumber?'], by: 'routing' }),
  DeleteMediaStream: on({ doc: 'Delete a media stream.', params: STREAM, by: 'routing' }),
  Ping: on({ doc: 'Check the login and the access control list; nothing else happens.', params: [] }),
} as const satisfies Record<string, ProvisionOperation>;

export type OperationName = keyof typeof PROVISION_OPERATIONS;

type Definition<N extends OperationName> = (typeof PROVISION_OPERATIONS)[N];
type Names<N extends OperationName> = Definition<N>['params'][number];
type TypeOf<P extends ParameterName> = (typeof PROVISION_PARAMETERS)[P]['type'] extends 'int'
  ? number
  : (typeof PROVISION_PARAMETERS)[P]['type'] extends 'boolean'
    ? boolean
    : string;
/** What a handler is given: checked values; an optional one that was not sent is absent, one sent empty is ''. */
export type ParametersOf<N extends OperationName> = {
  [P in Extract<Names<N>, ParameterName>]: TypeOf<P>;
} & { [P in Names<N> as P extends `${infer Q extends ParameterName}?` ? Q : never]?: string };
/** What a handler of the operation answers. */
export type AnswerOf<N extends OperationName> = ResultOf<Definition<N>['result']>;
/** Operations whose rule lives there. */
export type OperationsBy<B extends 'hierarchy' | 'routing'> = {
  [N in OperationName]: Definition<N>['by'] extends B ? N : never;
}[OperationName];
