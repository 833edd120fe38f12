import { Env, EnvList, ServiceConfig } from '@strowger/config';
import { IsBoolean, IsInt, IsString, IsUrl, Matches, Max, Min, ValidateBy } from 'class-validator';
import { parseNetwork } from '@strowger/kernel';

const ANY_SIZE = { ipv4: 0, ipv6: 0 };
/** class-validator rule: a list of addresses and CIDR networks. */
export const IsNetworkList = (): PropertyDecorator =>
  ValidateBy({
    name: 'isNetworkList',
    validator: {
      validate: (value: unknown) =>
        Array.isArray(value) && value.every((text) => parseNetwork(String(text), ANY_SIZE).network !== undefined),
      defaultMessage: () => '$property must be a list of IP addresses or networks such as 192.0.2.0/24',
    },
  });

/** Settings of the provisioning SOAP API. */
export abstract class SoapConfig extends ServiceConfig {
  /** Where existing clients expect it; compared without case. */
  @Env('PROVISION_SOAP_PATH')
  @Matches(/^(?:\/[\w.~-]+)+$/, { message: '$property must be a path such as /KakapoProvision/ProvisionV3.asmx' })
  soapPath = '/KakapoProvision/ProvisionV3.asmx';
  /** Target namespace of the WSDL. Clients made from an older service's WSDL need the one they were made with. */
  @Env('PROVISION_SOAP_NAMESPACE') @Matches(/^[^\s"<>&]{1,200}$/) soapNamespace = 'http://strowger.dev/provision/';
  /** Accepted beside it, and answered in: for clients of several origins. */
  @EnvList('PROVISION_SOAP_MORE_NAMESPACES')
  @Matches(/^[^\s"<>&]{1,200}$/, { each: true })
  soapMoreNamespaces: string[] = [];
  /**
   * The address clients call, as the WSDL gives it out; one without a path gets PROVISION_SOAP_PATH. Several, when the
   * service has several names: a request gets the one whose host it asked for, otherwise the first. Without any,
   * GATEWAY_PUBLIC_URL and the path.
   */
  @EnvList('PROVISION_SOAP_PUBLIC_URL')
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] }, { each: true })
  soapPublicUrls: string[] = [];
  /** The HTTP POST binding and with it the help page's test form. */
  @Env('PROVISION_SOAP_FORM') @IsBoolean() soapForm = true;
  /** `errorCode` in WSDL and replies; off for clients that refuse elements their WSDL did not have. */
  @Env('PROVISION_SOAP_EXTENDED_RESULT') @IsBoolean() soapExtendedResult = true;
  /** Of one request. A call has less than 4 KiB; what a parser can be made to do grows with it. */
  @Env('PROVISION_SOAP_BODY_LIMIT_BYTES') @IsInt() @Min(4096) @Max(4_194_304) soapBodyLimitBytes = 262_144;
  @Env('PROVISION_SOAP_BODY_SECONDS') @IsInt() @Min(1) @Max(60) soapBodySeconds = 5;
  /** For an answer from behind; deletes, which may end thousands of users, have RPC_TIMEOUT_SECONDS. */
  @Env('PROVISION_SOAP_CALL_SECONDS') @IsInt() @Min(1) @Max(300) soapCallSeconds = 10;
  /** Requests a second from one address, looked at before anything is read; 0 sets no limit. */
  @Env('PROVISION_SOAP_RATE_PER_SECOND') @IsInt() @Min(0) @Max(1_000_000) soapRatePerSecond = 200;
  /** Requests an address may make at once after a pause. */
  @Env('PROVISION_SOAP_RATE_BURST') @IsInt() @Min(1) @Max(1_000_000) soapRateBurst = 1000;
  /** Addresses and networks that may open the help page; everybody when empty. The WSDL stays open. */
  @EnvList('PROVISION_SOAP_HELP_ADDRESSES') @IsString({ each: true }) @IsNetworkList() soapHelpAddresses: string[] = [];
  /** Refuses what did not come over TLS, ours or a trusted proxy's: the password has been sent by then, but only once. */
  @Env('PROVISION_SOAP_REQUIRE_TLS') @IsBoolean() soapRequireTls = false;
}
