import java.io.StringReader;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jws.WebMethod;
import javax.jws.WebParam;
import javax.xml.datatype.XMLGregorianCalendar;
import javax.xml.namespace.QName;
import javax.xml.transform.Source;
import javax.xml.transform.stream.StreamSource;
import javax.xml.ws.Service;
import javax.xml.ws.soap.SOAPFaultException;
import provision.ProvisionV3;

/** java JaxWs PLAN TRANSCRIPT: makes the plan's calls through what wsimport made into the package `provision`. */
public final class JaxWs {
  public static void main(String[] args) throws Exception {
    Map<?, ?> plan = (Map<?, ?>) Json.read(Files.readString(Path.of(args[0])));
    boolean is12 = plan.get("binding").equals("soap12");
    ProvisionV3 service = new ProvisionV3();
    Object port = is12 ? service.getProvisionV3Soap12() : service.getProvisionV3Soap();
    StringBuilder transcript = new StringBuilder();
    for (Object step : (List<?>) plan.get("steps"))
      transcript.append(Json.write(said(service, port, is12, (Map<?, ?>) step))).append('\n');
    Files.writeString(Path.of(args[1]), transcript, StandardCharsets.UTF_8);
  }

  private static Map<String, Object> said(ProvisionV3 service, Object port, boolean is12, Map<?, ?> step) {
    try {
      Object unknown = step.get("unknown");
      if (unknown != null) return Map.of("result", unknown(service, is12, (String) unknown));
      return Map.of("result", plain(call(port, (String) step.get("call"), (Map<?, ?>) step.get("args"))));
    } catch (Exception thrown) {
      Throwable error = thrown instanceof InvocationTargetException ? thrown.getCause() : thrown;
      if (error instanceof SOAPFaultException fault)
        return Map.of("fault", Map.of("code", fault.getFault().getFaultCode(), "text", fault.getFault().getFaultString()));
      return Map.of("error", error.toString());
    }
  }

  /** The generated methods take the parameters one by one; annotations have their names on the wire. */
  private static Object call(Object port, String name, Map<?, ?> given) throws Exception {
    Class<?> contract = port.getClass().getInterfaces()[0];
    for (Method method : contract.getMethods()) {
      WebMethod web = method.getAnnotation(WebMethod.class);
      if (web == null || !name.equals(web.operationName().isEmpty() ? method.getName() : web.operationName())) continue;
      Annotation[][] annotations = method.getParameterAnnotations();
      Object[] values = new Object[annotations.length];
      for (int at = 0; at < values.length; at++) values[at] = argument(annotations[at], method.getParameterTypes()[at], given);
      return method.invoke(port, values);
    }
    throw new IllegalStateException("the generated interface has no method " + name);
  }

  private static Object argument(Annotation[] annotations, Class<?> type, Map<?, ?> given) {
    for (Annotation annotation : annotations)
      if (annotation instanceof WebParam parameter) {
        Object value = given.get(parameter.name());
        if (value != null) return value;
      }
    return type == int.class ? Integer.valueOf(0) : type == boolean.class ? Boolean.FALSE : null;
  }

  /** Below the generated classes, which have no such method. */
  private static Object unknown(Service service, boolean is12, String name) {
    String namespace = service.getServiceName().getNamespaceURI();
    QName port = new QName(namespace, is12 ? "ProvisionV3Soap12" : "ProvisionV3Soap");
    var dispatch = service.createDispatch(port, Source.class, Service.Mode.PAYLOAD);
    return String.valueOf(dispatch.invoke(new StreamSource(new StringReader("<" + name + " xmlns=\"" + namespace + "\"/>"))));
  }

  /** Of a reply: what JSON has. */
  private static Object plain(Object value) throws Exception {
    if (value == null || value instanceof String || value instanceof Boolean || value instanceof Integer) return value;
    if (value instanceof XMLGregorianCalendar date) return date.toXMLFormat();
    if (value instanceof List<?> list) {
      List<Object> items = new ArrayList<>();
      for (Object item : list) items.add(plain(item));
      return items;
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    for (Method getter : value.getClass().getMethods()) {
      String name = getter.getName();
      if (getter.getParameterCount() > 0 || name.equals("getClass")) continue;
      int prefix = name.startsWith("get") ? 3 : name.startsWith("is") ? 2 : 0;
      if (prefix == 0) continue;
      // An array is a class of its own with a single list.
      if (value.getClass().getSimpleName().startsWith("ArrayOf")) return plain(getter.invoke(value));
      fields.put(named(name.substring(prefix)), plain(getter.invoke(value)));
    }
    return fields;
  }

  /** isIsTrial reads the field isTrial. */
  private static String named(String property) {
    return Character.toLowerCase(property.charAt(0)) + property.substring(1);
  }
}
