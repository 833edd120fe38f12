/** The WSDL that the clients of reference/provisioning-soap-api.md §5 were tried with; from its §2.3. */
export const SKELETON = `<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"
    xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/"
    xmlns:s="http://www.w3.org/2001/XMLSchema" xmlns:tns="@NS@" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" targetNamespace="@NS@">
  <wsdl:types>
    <s:schema elementFormDefault="qualified" targetNamespace="@NS@">
      <s:element name="AddSystemProvider">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="loginUserName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="loginPassword" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="newSystemProviderServerHostName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="newSystemProviderId" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="newSystemProviderName" type="s:string" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:element name="AddSystemProviderResponse">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="AddSystemProviderResult" type="tns:ProvisionResponse" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:element name="AddResellerLicenseSubPurchase">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="loginUserName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="loginPassword" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="serverHostName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="resellerId" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="applicationName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="licenseType" type="s:string" />
            <s:element minOccurs="1" maxOccurs="1" name="numberOfLicenses" type="s:int" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:element name="AddResellerLicenseSubPurchaseResponse">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="AddResellerLicenseSubPurchaseResult" type="tns:ProvisionResponse" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:element name="GetUserLicenses">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="loginUserName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="loginPassword" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="serverHostName" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="resellerId" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="groupId" type="s:string" />
            <s:element minOccurs="0" maxOccurs="1" name="broadworksUserId" type="s:string" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:element name="GetUserLicensesResponse">
        <s:complexType>
          <s:sequence>
            <s:element minOccurs="0" maxOccurs="1" name="GetUserLicensesResult" type="tns:UserLicensesResponse" />
          </s:sequence>
        </s:complexType>
      </s:element>
      <s:complexType name="ProvisionResponse">
        <s:sequence>
          <s:element minOccurs="1" maxOccurs="1" name="success" type="s:boolean" />
          <s:element minOccurs="0" maxOccurs="1" name="errorMessage" type="s:string" />
          <s:element minOccurs="0" maxOccurs="1" name="errorCode" type="s:string" />
        </s:sequence>
      </s:complexType>
      <s:complexType name="UserLicensesResponse">
        <s:complexContent mixed="false">
          <s:extension base="tns:ProvisionResponse">
            <s:sequence>
              <s:element minOccurs="0" maxOccurs="1" name="licenses" type="tns:ArrayOfUserLicense" />
            </s:sequence>
          </s:extension>
        </s:complexContent>
      </s:complexType>
      <s:complexType name="ArrayOfUserLicense">
        <s:sequence>
          <s:element minOccurs="0" maxOccurs="unbounded" name="UserLicense" nillable="true" type="tns:UserLicense" />
        </s:sequence>
      </s:complexType>
      <s:complexType name="UserLicense">
        <s:sequence>
          <s:element minOccurs="0" maxOccurs="1" name="applicationName" type="s:string" />
          <s:element minOccurs="0" maxOccurs="1" name="licenseType" type="s:string" />
          <s:element minOccurs="1" maxOccurs="1" name="isTrial" type="s:boolean" />
          <s:element minOccurs="1" maxOccurs="1" name="assignedDate" type="s:dateTime" />
          <s:element minOccurs="1" maxOccurs="1" name="expiryDate" nillable="true" type="s:dateTime" />
        </s:sequence>
      </s:complexType>
      <s:element name="ProvisionResponse" nillable="true" type="tns:ProvisionResponse" />
      <s:element name="UserLicensesResponse" nillable="true" type="tns:UserLicensesResponse" />
    </s:schema>
  </wsdl:types>
  <wsdl:message name="AddSystemProviderSoapIn"><wsdl:part name="parameters" element="tns:AddSystemProvider" /></wsdl:message>
  <wsdl:message name="AddSystemProviderSoapOut"><wsdl:part name="parameters" element="tns:AddSystemProviderResponse" /></wsdl:message>
  <wsdl:message name="AddResellerLicenseSubPurchaseSoapIn"><wsdl:part name="parameters" element="tns:AddResellerLicenseSubPurchase" /></wsdl:message>
  <wsdl:message name="AddResellerLicenseSubPurchaseSoapOut"><wsdl:part name="parameters" element="tns:AddResellerLicenseSubPurchaseResponse" /></wsdl:message>
  <wsdl:message name="GetUserLicensesSoapIn"><wsdl:part name="parameters" element="tns:GetUserLicenses" /></wsdl:message>
  <wsdl:message name="GetUserLicensesSoapOut"><wsdl:part name="parameters" element="tns:GetUserLicensesResponse" /></wsdl:message>
  <wsdl:message name="AddSystemProviderHttpPostIn">
    <wsdl:part name="loginUserName" type="s:string" /><wsdl:part name="loginPassword" type="s:string" />
    <wsdl:part name="newSystemProviderServerHostName" type="s:string" /><wsdl:part name="newSystemProviderId" type="s:string" />
    <wsdl:part name="newSystemProviderName" type="s:string" />
  </wsdl:message>
  <wsdl:message name="AddSystemProviderHttpPostOut"><wsdl:part name="Body" element="tns:ProvisionResponse" /></wsdl:message>
  <wsdl:message name="AddResellerLicenseSubPurchaseHttpPostIn">
    <wsdl:part name="loginUserName" type="s:string" /><wsdl:part name="loginPassword" type="s:string" />
    <wsdl:part name="serverHostName" type="s:string" /><wsdl:part name="resellerId" type="s:string" />
    <wsdl:part name="applicationName" type="s:string" /><wsdl:part name="licenseType" type="s:string" />
    <wsdl:part name="numberOfLicenses" type="s:string" />
  </wsdl:message>
  <wsdl:message name="AddResellerLicenseSubPurchaseHttpPostOut"><wsdl:part name="Body" element="tns:ProvisionResponse" /></wsdl:message>
  <wsdl:message name="GetUserLicensesHttpPostIn">
    <wsdl:part name="loginUserName" type="s:string" /><wsdl:part name="loginPassword" type="s:string" />
    <wsdl:part name="serverHostName" type="s:string" /><wsdl:part name="resellerId" type="s:string" />
    <wsdl:part name="groupId" type="s:string" /><wsdl:part name="broadworksUserId" type="s:string" />
  </wsdl:message>
  <wsdl:message name="GetUserLicensesHttpPostOut"><wsdl:part name="Body" element="tns:UserLicensesResponse" /></wsdl:message>
  <wsdl:portType name="ProvisionV3Soap">
    <wsdl:operation name="AddSystemProvider">
      <wsdl:documentation>Create a child system provider. All parameters are mandatory except newSystemProviderName</wsdl:documentation>
      <wsdl:input message="tns:AddSystemProviderSoapIn" /><wsdl:output message="tns:AddSystemProviderSoapOut" />
    </wsdl:operation>
    <wsdl:operation name="AddResellerLicenseSubPurchase">
      <wsdl:input message="tns:AddResellerLicenseSubPurchaseSoapIn" /><wsdl:output message="tns:AddResellerLicenseSubPurchaseSoapOut" />
    </wsdl:operation>
    <wsdl:operation name="GetUserLicenses">
      <wsdl:input message="tns:GetUserLicensesSoapIn" /><wsdl:output message="tns:GetUserLicensesSoapOut" />
    </wsdl:operation>
  </wsdl:portType>
  <wsdl:portType name="ProvisionV3HttpPost">
    <wsdl:operation name="AddSystemProvider">
      <wsdl:input message="tns:AddSystemProviderHttpPostIn" /><wsdl:output message="tns:AddSystemProviderHttpPostOut" />
    </wsdl:operation>
    <wsdl:operation name="AddResellerLicenseSubPurchase">
      <wsdl:input message="tns:AddResellerLicenseSubPurchaseHttpPostIn" /><wsdl:output message="tns:AddResellerLicenseSubPurchaseHttpPostOut" />
    </wsdl:operation>
    <wsdl:operation name="GetUserLicenses">
      <wsdl:input message="tns:GetUserLicensesHttpPostIn" /><wsdl:output message="tns:GetUserLicensesHttpPostOut" />
    </wsdl:operation>
  </wsdl:portType>
  <wsdl:binding name="ProvisionV3Soap" type="tns:ProvisionV3Soap">
    <soap:binding transport="http://schemas.xmlsoap.org/soap/http" />
    <wsdl:operation name="AddSystemProvider">
      <soap:operation soapAction="@NS@AddSystemProvider" style="document" />
      <wsdl:input><soap:body use="literal" /></wsdl:input><wsdl:output><soap:body use="literal" /></wsdl:output>
    </wsdl:operation>
    <wsdl:operation name="AddResellerLicenseSubPurchase">
      <soap:operation soapAction="@NS@AddResellerLicenseSubPurchase" style="document" />
      <wsdl:input><soap:body use="literal" /></wsdl:input><wsdl:output><soap:body use="literal" /></wsdl:output>
    </wsdl:operation>
    <wsdl:operation name="GetUserLicenses">
      <soap:operation soapAction="@NS@GetUserLicenses" style="document" />
      <wsdl:input><soap:body use="literal" /></wsdl:input><wsdl:output><soap:body use="literal" /></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:binding name="ProvisionV3Soap12" type="tns:ProvisionV3Soap">
    <soap12:binding transport="http://schemas.xmlsoap.org/soap/http" />
    <wsdl:operation name="AddSystemProvider">
      <soap12:operation soapAction="@NS@AddSystemProvider" style="document" />
      <wsdl:input><soap12:body use="literal" /></wsdl:input><wsdl:output><soap12:body use="literal" /></wsdl:output>
    </wsdl:operation>
    <wsdl:operation name="AddResellerLicenseSubPurchase">
      <soap12:operation soapAction="@NS@AddResellerLicenseSubPurchase" style="document" />
      <wsdl:input><soap12:body use="literal" /></wsdl:input><wsdl:output><soap12:body use="literal" /></wsdl:output>
    </wsdl:operation>
    <wsdl:operation name="GetUserLicenses">
      <soap12:operation soapAction="@NS@GetUserLicenses" style="document" />
      <wsdl:input><soap12:body use="literal" /></wsdl:input><wsdl:output><soap12:body use="literal" /></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:binding name="ProvisionV3HttpPost" type="tns:ProvisionV3HttpPost">
    <http:binding verb="POST" />
    <wsdl:operation name="AddSystemProvider">
      <http:operation location="/AddSystemProvider" />
      <wsdl:input><mime:content type="application/x-www-form-urlencoded" /></wsdl:input><wsdl:output><mime:mimeXml part="Body" /></wsdl:output>
    </wsdl:operation>
    <wsdl:operation name="AddResellerLicenseSubPurchase">
      <http:operation location="/AddResellerLicenseSubPurchase" />
      <wsdl:input><mime:content type="application/x-www-form-urlencoded" /></wsdl:input><wsdl:output><mime:mimeXml part="Body" /></wsdl:output>
    </wsdl:operation>
    <wsdl:operation name="GetUserLicenses">
      <http:operation location="/GetUserLicenses" />
      <wsdl:input><mime:content type="application/x-www-form-urlencoded" /></wsdl:input><wsdl:output><mime:mimeXml part="Body" /></wsdl:output>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="ProvisionV3">
    <wsdl:port name="ProvisionV3Soap" binding="tns:ProvisionV3Soap"><soap:address location="@URL@" /></wsdl:port>
    <wsdl:port name="ProvisionV3Soap12" binding="tns:ProvisionV3Soap12"><soap12:address location="@URL@" /></wsdl:port>
    <wsdl:port name="ProvisionV3HttpPost" binding="tns:ProvisionV3HttpPost"><http:address location="@URL@" /></wsdl:port>
  </wsdl:service>
</wsdl:definitions>
`;
