// mono Client.exe PLAN TRANSCRIPT: makes the plan's calls through the proxies that `wsdl` made, one for each binding.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Web.Script.Serialization;
using System.Web.Services;
using System.Web.Services.Protocols;
using Fields = System.Collections.Generic.Dictionary<string, object>;

static class Client
{
    // The build puts the target namespace of the WSDL here: attributes need a constant.
    const string Namespace = "@NAMESPACE@", Actions = "@ACTIONS@";

    static int Main(string[] args)
    {
        var json = new JavaScriptSerializer { MaxJsonLength = int.MaxValue };
        var plan = (Fields)json.DeserializeObject(File.ReadAllText(args[0]));
        var binding = (string)plan["binding"];
        using (var transcript = new StreamWriter(args[1], false, new UTF8Encoding(false)))
            foreach (Fields step in (object[])plan["steps"])
                transcript.WriteLine(json.Serialize(Said(binding, (string)plan["url"], step)));
        return 0;
    }

    static Fields Said(string binding, string url, Fields step)
    {
        try
        {
            object unknown;
            if (step.TryGetValue("unknown", out unknown)) return Of("result", Plain(Unknown(binding, url)));
            return Of("result", Plain(Call(ProxyFor(binding), (string)step["call"], (Fields)step["args"])));
        }
        catch (Exception thrown)
        {
            var error = thrown is TargetInvocationException ? thrown.InnerException : thrown;
            if (error is SoapException soap) return Fault(soap.Code.Name, soap.Message);
            if (error is WebException web && web.Response is HttpWebResponse response)
                return Fault(((int)response.StatusCode).ToString(), Text(web.Message, response));
            return Of("error", error.GetType().Name + ": " + error.Message);
        }
    }

    /// Of a failed form post. The proxy may have read it already; then it stands in the message between two lines.
    static string Text(string message, HttpWebResponse response)
    {
        var said = Regex.Match(message, @"^--\s*(.*?)\s*^--", RegexOptions.Multiline | RegexOptions.Singleline);
        return said.Success ? said.Groups[1].Value : new StreamReader(response.GetResponseStream()).ReadToEnd().Trim();
    }

    static object ProxyFor(string binding)
    {
        switch (binding)
        {
            case "soap11": return new Soap11.ProvisionV3();
            case "soap12": return new Soap12.ProvisionV3();
            default: return new HttpPost.ProvisionV3();
        }
    }

    static object Call(object proxy, string name, Fields given)
    {
        var method = proxy.GetType().GetMethod(name);
        return method.Invoke(proxy, method.GetParameters().Select(parameter => Argument(parameter, given)).ToArray());
    }

    /// What is not given is null, 0 or false, which is what .NET callers send then.
    static object Argument(ParameterInfo parameter, Fields given)
    {
        object value;
        if (!given.TryGetValue(parameter.Name, out value))
            return parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null;
        // The proxy for forms has text only.
        return parameter.ParameterType == typeof(string) ? Convert.ToString(value) : value;
    }

    /// Of a reply: what JSON has.
    static object Plain(object value)
    {
        if (value == null || value is string || value is bool || value is int) return value;
        if (value is DateTime) return ((DateTime)value).ToUniversalTime().ToString("o");
        if (value is IEnumerable) return ((IEnumerable)value).Cast<object>().Select(Plain).ToArray();
        var fields = new Fields();
        foreach (var field in value.GetType().GetFields()) fields[field.Name] = Plain(field.GetValue(value));
        foreach (var property in value.GetType().GetProperties()) fields[property.Name] = Plain(property.GetValue(value, null));
        return fields;
    }

    static Fields Of(string name, object value) { return new Fields { { name, value } }; }
    static Fields Fault(string code, string text) { return Of("fault", new Fields { { "code", code }, { "text", text } }); }

    // A method the service does not have: proxies as `wsdl` would have made them.

    static object Unknown(string binding, string url)
    {
        if (binding == "form") new OtherPost { Url = url }.NoSuchMethod();
        else
            new OtherSoap
            {
                Url = url,
                SoapVersion = binding == "soap12" ? SoapProtocolVersion.Soap12 : SoapProtocolVersion.Soap11,
            }.NoSuchMethod();
        return null;
    }

    [WebServiceBinding(Name = "ProvisionV3Soap", Namespace = Namespace)]
    public class OtherSoap : SoapHttpClientProtocol
    {
        [SoapDocumentMethod(Actions + "NoSuchMethod", RequestNamespace = Namespace, ResponseNamespace = Namespace)]
        public string NoSuchMethod() { return (string)Invoke("NoSuchMethod", new object[0])[0]; }
    }

    public class OtherPost : HttpPostClientProtocol
    {
        [HttpMethod(typeof(XmlReturnReader), typeof(HtmlFormParameterWriter))]
        public string NoSuchMethod() { return (string)Invoke("NoSuchMethod", Url + "/NoSuchMethod", new object[0]); }
    }
}
