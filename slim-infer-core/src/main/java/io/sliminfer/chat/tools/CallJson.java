package io.sliminfer.chat.tools;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;

/** Calls written as JSON: {@code {"name": "weather", "arguments": {"city": "Bern"}}}, or a list of these. */
final class CallJson {

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .build();

    /** What is wrong with a text that should be a call. */
    static final class Malformed extends Exception {

        private static final long serialVersionUID = 1L;

        Malformed(String problem) {
            super(problem);
        }
    }

    private CallJson() {}

    /** A call from an object with {@code name}, {@code arguments} or {@code parameters}, and perhaps {@code id}; other fields do not count. */
    static ToolCall call(String json) throws Malformed {
        List<ToolCall> calls = calls(json);
        if (calls.size() != 1 || !json.stripLeading().startsWith("{")) {
            throw new Malformed("a JSON object is expected");
        }
        return calls.get(0);
    }

    /** Calls from an object or a list of objects. */
    static List<ToolCall> calls(String json) throws Malformed {
        List<ToolCall> calls = new ArrayList<>();
        try (JsonParser parser = MAPPER.createParser(json)) {
            JsonToken first = parser.nextToken();
            if (first == JsonToken.START_OBJECT) {
                calls.add(call(fields(parser, json)));
            } else if (first == JsonToken.START_ARRAY) {
                while (parser.nextToken() == JsonToken.START_OBJECT) {
                    calls.add(call(fields(parser, json)));
                }
                if (parser.currentToken() != JsonToken.END_ARRAY) {
                    throw new Malformed("the list holds something else than calls");
                }
            }
            if (calls.isEmpty()) {
                throw new Malformed("there is no call in it");
            }
            if (parser.nextToken() != null) {
                throw new Malformed("something follows the call's JSON");
            }
            return calls;
        } catch (JacksonException e) {
            throw new Malformed("it is not valid JSON");
        }
    }

    /** A JSON object as the model wrote it. */
    static String object(String json) throws Malformed {
        try (JsonParser parser = MAPPER.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new Malformed("the arguments are not a JSON object");
            }
            parser.skipChildren();
            if (parser.nextToken() != null) {
                throw new Malformed("something follows the arguments");
            }
            return json.strip();
        } catch (JacksonException e) {
            throw new Malformed("the arguments are not valid JSON");
        }
    }

    /** Fields of the object that has just begun: strings as their value, all else as the JSON that it is. */
    static Map<String, String> fields(String json) throws Malformed {
        try (JsonParser parser = MAPPER.createParser(json)) {
            parser.nextToken();
            return fields(parser, json);
        } catch (JacksonException e) {
            throw new Malformed("it is not valid JSON");
        }
    }

    private static Map<String, String> fields(JsonParser parser, String json) {
        Map<String, String> fields = new HashMap<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (value == JsonToken.VALUE_STRING) {
                fields.put(name, parser.getString());
                continue;
            }
            int from = (int) parser.currentTokenLocation().getCharOffset();
            parser.skipChildren();
            fields.put(name, json.substring(from, (int) parser.currentLocation().getCharOffset()));
        }
        return fields;
    }

    private static ToolCall call(Map<String, String> fields) throws Malformed {
        String name = fields.get("name");
        if (name == null || name.isBlank()) {
            throw new Malformed("it has no name");
        }
        String id = fields.get("id");
        return new ToolCall(
                id == null || id.isBlank() ? CallIds.next() : id, name, arguments(fields.get("arguments"), fields));
    }

    /** Models leave arguments out where there are none, and some write the object as a string. */
    private static String arguments(@Nullable String arguments, Map<String, String> fields) throws Malformed {
        String written = arguments == null ? fields.get("parameters") : arguments;
        return written == null || written.equals("null") ? "{}" : object(written);
    }
}
