import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** As much JSON as plans and transcripts need; Java brings none. */
final class Json {
  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** Maps, lists, strings, booleans, integers, null. */
  static Object read(String text) {
    return new Json(text).value();
  }

  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    append(out, value);
    return out.toString();
  }

  private static void append(StringBuilder out, Object value) {
    if (value instanceof Map<?, ?> map) {
      String separator = "{";
      for (var entry : map.entrySet()) {
        append(out.append(separator), entry.getKey());
        append(out.append(':'), entry.getValue());
        separator = ",";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof List<?> list) {
      String separator = "[";
      for (Object item : list) {
        append(out.append(separator), item);
        separator = ",";
      }
      out.append(list.isEmpty() ? "[]" : "]");
    } else if (value instanceof String string) quote(out, string);
    else out.append(value);
  }

  private static void quote(StringBuilder out, String string) {
    out.append('"');
    for (char c : string.toCharArray())
      if (c == '"' || c == '\\' || c < ' ' || c > '~') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    out.append('"');
  }

  private char next() {
    while (Character.isWhitespace(text.charAt(at))) at++;
    return text.charAt(at);
  }

  private boolean ends(char end) {
    if (next() == ',') at++;
    if (next() != end) return false;
    at++;
    return true;
  }

  private Object value() {
    switch (next()) {
      case '{': {
        at++;
        Map<String, Object> map = new LinkedHashMap<>();
        while (!ends('}')) {
          next();
          String name = string();
          next();
          at++;
          map.put(name, value());
        }
        return map;
      }
      case '[': {
        at++;
        List<Object> list = new ArrayList<>();
        while (!ends(']')) list.add(value());
        return list;
      }
      case '"':
        return string();
      default: {
        int from = at;
        while (at < text.length() && "-+.truefalsn0123456789".indexOf(text.charAt(at)) >= 0) at++;
        String word = text.substring(from, at);
        if (word.equals("null")) return null;
        return word.equals("true") || word.equals("false") ? (Object) Boolean.valueOf(word) : (Object) Integer.valueOf(word);
      }
    }
  }

  private String string() {
    StringBuilder out = new StringBuilder();
    for (at++; text.charAt(at) != '"'; at++) {
      if (text.charAt(at) != '\\') out.append(text.charAt(at));
      else if (text.charAt(++at) != 'u') out.append("\"\\/\b\f\n\r\t".charAt("\"\\/bfnrt".indexOf(text.charAt(at))));
      else {
        out.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
        at += 4;
      }
    }
    at++;
    return out.toString();
  }
}
