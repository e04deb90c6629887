package io.sliminfer.grammar.json;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.function.Function;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A random JSON Schema and random documents that it describes, in the grammar's notation: properties in the schema's order, bounded
 * white space, canonical escapes but in free strings. Made without the grammar.
 */
final class RandomSchema {

    private static final JsonMapper MAPPER = JsonMapper.builder().build();
    private static final int DEPTH_MAX = 3;

    /** A pattern or format and a text of it. */
    private record Text(String keyword, String value, Function<Random, String> sample) {}

    private static final List<Text> TEXTS = List.of(
            new Text(
                    "pattern",
                    "^[A-Z]{2}-[0-9]{3}$",
                    r -> letter(r, 'A') + letter(r, 'A') + String.format("-%03d", r.nextInt(1000))),
            new Text("pattern", "^(?:foo|ba[rz])+$", r -> r.nextBoolean() ? "foobaz" : "bar"),
            new Text("pattern", "x\\d", r -> free(r, 3) + "x7" + free(r, 2)),
            new Text("pattern", "^\\S*$|^a b$", r -> r.nextBoolean() ? "a b" : "\"q\"\\"),
            new Text("pattern", "^[^a-c\\s]{1,5}é?$", r -> r.nextBoolean() ? "😀zé" : "\"d"),
            new Text("pattern", "^\\w+(\\.\\w+)*$", r -> "a.b_c.D9".substring(0, 1 + 2 * r.nextInt(3))),
            new Text("format", "date", r -> date(r).toString()),
            new Text("format", "time", r -> time(r) + "Z"),
            new Text("format", "date-time", r -> date(r) + "T" + time(r) + (r.nextBoolean() ? "Z" : "+02:00")),
            new Text("format", "duration", r -> "P" + r.nextInt(40) + "DT" + r.nextInt(24) + "H" + r.nextInt(60) + "M"),
            new Text("format", "uuid", r -> new UUID(r.nextLong(), r.nextLong()).toString()),
            new Text("format", "email", r -> "a" + r.nextInt(100) + ".b+c@mail-" + r.nextInt(9) + ".example.org"),
            new Text("format", "hostname", r -> "www" + r.nextInt(10) + ".ex-ample.org"),
            new Text("format", "ipv4", r -> r.nextInt(256) + "." + r.nextInt(256) + ".0." + r.nextInt(256)),
            new Text("format", "ipv6", r -> List.of(
                            "::", "::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "1::", "2001:db8::ff00:42:8329")
                    .get(r.nextInt(6))),
            new Text("format", "uri", r -> "https://ex.org:80" + r.nextInt(100) + "/a%20b/c?d=e&f#g"),
            new Text("format", "uri-reference", r -> r.nextBoolean() ? "/a/b?c" : "http://h"));

    private final Random random;
    private final ObjectNode root;
    private final Shape shape;
    private boolean recursive;

    /** A schema and its documents. */
    private interface Shape {
        ObjectNode schema();

        /** @param depth how far recursion may go on */
        String document(int depth);
    }

    RandomSchema(Random random) {
        this.random = random;
        this.shape = shape(DEPTH_MAX);
        this.root = shape.schema();
        if (recursive) {
            ObjectNode node = MAPPER.createObjectNode();
            node.put("type", "object");
            ObjectNode properties = node.putObject("properties");
            properties.putObject("value").put("type", "integer");
            ObjectNode next = properties.putObject("next");
            next.putArray("anyOf").addObject().put("type", "null");
            ((ArrayNode) next.get("anyOf")).addObject().put("$ref", "#/$defs/Node");
            properties.putObject("all").put("type", "array").putObject("items").put("$ref", "#/$defs/Node");
            node.putArray("required").add("value").add("next");
            node.put("additionalProperties", false);
            root.putObject("$defs").set("Node", node);
        }
    }

    String schema() {
        return root.toString();
    }

    /** A text that the schema describes. */
    String document() {
        return shape.document(4);
    }

    private Shape shape(int depth) {
        return switch (random.nextInt(depth > 0 ? 13 : 7)) {
            case 0 -> simple();
            case 1 -> integer();
            case 2 -> number();
            case 3, 4 -> string();
            case 5 -> enumeration();
            case 6 -> text();
            case 7 -> array(depth);
            case 8, 9 -> object(depth);
            case 10 -> anyOf(depth);
            case 11 -> random.nextInt(3) == 0 ? node() : map(depth);
            default -> random.nextBoolean() ? allOf(depth) : tuple(depth);
        };
    }

    private ObjectNode type(String... types) {
        ObjectNode schema = MAPPER.createObjectNode();
        if (types.length == 1) {
            schema.put("type", types[0]);
        } else {
            ArrayNode all = schema.putArray("type");
            for (String type : types) {
                all.add(type);
            }
        }
        return schema;
    }

    private record Fixed(ObjectNode schema, Function<Integer, String> documents) implements Shape {
        @Override
        public String document(int depth) {
            return documents.apply(depth);
        }
    }

    private Shape simple() {
        return switch (random.nextInt(4)) {
            case 0 -> new Fixed(type("null"), depth -> "null");
            case 1 -> new Fixed(type("boolean"), depth -> String.valueOf(random.nextBoolean()));
            case 2 -> new Fixed(type("boolean", "null"), depth -> random.nextBoolean() ? "null" : "true");
            default -> new Fixed(MAPPER.createObjectNode(), depth -> anyValue(3));
        };
    }

    private String anyValue(int depth) {
        return switch (random.nextInt(depth > 0 ? 6 : 4)) {
            case 0 -> "null";
            case 1 -> anyNumber();
            case 2 -> quotedFreely(free(random, 6));
            case 3 -> "false";
            case 4 -> list(random.nextInt(3), i -> anyValue(depth - 1), "[", "]");
            default ->
                list(
                        random.nextInt(3),
                        i -> quotedFreely(i + free(random, 3)) + colon() + anyValue(depth - 1),
                        "{",
                        "}");
        };
    }

    private String anyNumber() {
        return switch (random.nextInt(5)) {
            case 0 -> String.valueOf(random.nextLong());
            case 1 -> BigDecimal.valueOf(random.nextInt(), random.nextInt(9)).toPlainString();
            case 2 ->
                random.nextInt(1000) + "." + random.nextInt(1000) + "E" + (random.nextBoolean() ? "-" : "+")
                        + random.nextInt(99);
            case 3 -> "-0.0";
            default -> "9999999999999999999.9999999999999999999e99";
        };
    }

    private Shape integer() {
        ObjectNode schema = type("integer");
        if (random.nextInt(3) == 0) {
            if (random.nextBoolean()) {
                schema.put("format", random.nextBoolean() ? "int32" : "int64");
            }
            return new Fixed(schema, depth -> String.valueOf(random.nextInt()));
        }
        long low = random.nextInt(2000) - 1000;
        long high = low + random.nextInt(random.nextBoolean() ? 20 : 100_000);
        int step = random.nextInt(3) == 0 ? 1 + random.nextInt(12) : 1;
        boolean exclusive = random.nextInt(3) == 0;
        schema.put(exclusive ? "exclusiveMinimum" : "minimum", exclusive ? low - 1 : low);
        boolean bounded = step > 1 || random.nextInt(4) > 0; // the validator divides in double
        if (bounded) {
            schema.put("maximum", high);
        }
        if (step > 1) {
            schema.put("multipleOf", step);
        }
        long first = Math.floorDiv(low + step - 1, step);
        long last = Math.floorDiv(high, step);
        if (first > last) { // nothing between them
            schema.remove("multipleOf");
            return new Fixed(schema, depth -> String.valueOf(high));
        }
        return new Fixed(
                schema, depth -> String.valueOf(step * (first + (long) (random.nextDouble() * (last - first + 1)))));
    }

    private Shape number() {
        ObjectNode schema = type("number");
        if (random.nextInt(4) == 0) {
            return new Fixed(schema, depth -> anyNumber());
        }
        int scale = random.nextInt(4);
        BigDecimal low = BigDecimal.valueOf(random.nextInt(4000) - 2000, scale);
        BigDecimal high =
                low.add(BigDecimal.valueOf(1 + random.nextInt(random.nextBoolean() ? 9 : 9000), random.nextInt(4)));
        boolean exclusiveLow = random.nextBoolean();
        boolean exclusiveHigh = random.nextBoolean();
        schema.put(exclusiveLow ? "exclusiveMinimum" : "minimum", low);
        schema.put(exclusiveHigh ? "exclusiveMaximum" : "maximum", high);
        if (random.nextInt(3) == 0) {
            BigDecimal step =
                    new BigDecimal(List.of("0.01", "0.25", "0.5", "0.003").get(random.nextInt(4)));
            BigInteger first = low.divide(step, 0, java.math.RoundingMode.FLOOR)
                    .toBigInteger()
                    .add(BigInteger.ONE);
            BigInteger last = high.divide(step, 0, java.math.RoundingMode.CEILING)
                    .toBigInteger()
                    .subtract(BigInteger.ONE);
            if (first.compareTo(last) <= 0) {
                schema.put("multipleOf", step);
                int count = last.subtract(first).add(BigInteger.ONE).intValueExact();
                return new Fixed(
                        schema,
                        depth -> plain(
                                step.multiply(new BigDecimal(first.add(BigInteger.valueOf(random.nextInt(count)))))));
            }
        }
        return new Fixed(schema, depth -> {
            BigDecimal share = BigDecimal.valueOf(1 + random.nextInt(999_998), 6);
            BigDecimal value = low.add(high.subtract(low).multiply(share));
            if (!exclusiveLow && random.nextInt(5) == 0) {
                value = low;
            } else if (!exclusiveHigh && random.nextInt(5) == 0) {
                value = high.setScale(high.scale() + random.nextInt(3));
            }
            return plain(value);
        });
    }

    private static String plain(BigDecimal value) {
        return value.toPlainString();
    }

    private Shape string() {
        ObjectNode schema = random.nextInt(4) == 0 ? type("string", "null") : type("string");
        int min = random.nextInt(3) == 0 ? random.nextInt(4) : 0;
        int max = random.nextInt(3) == 0 ? min + random.nextInt(30) : -1;
        if (min > 0) {
            schema.put("minLength", min);
        }
        if (max >= 0) {
            schema.put("maxLength", max);
        }
        return new Fixed(schema, depth -> quotedFreely(free(random, min, max < 0 ? min + 20 : max)));
    }

    private Shape text() {
        Text text = TEXTS.get(random.nextInt(TEXTS.size()));
        ObjectNode schema = type("string").put(text.keyword(), text.value());
        if (random.nextInt(4) == 0) {
            schema.put("maxLength", 60);
        }
        return new Fixed(schema, depth -> quoted(text.sample().apply(random)));
    }

    private Shape enumeration() {
        List<String> values =
                List.of("\"red\"", "\"a \\\" b\"", "\"\"", "1", "-2.5", "null", "true", "\"é😀\"", "{\"k\":[1]}", "[]");
        int from = random.nextInt(values.size());
        int to = from + 1 + random.nextInt(values.size() - from);
        ObjectNode schema = MAPPER.createObjectNode();
        if (to == from + 1) {
            schema.set("const", MAPPER.readTree(values.get(from)));
        } else {
            ArrayNode all = schema.putArray("enum");
            values.subList(from, to).forEach(value -> all.add(MAPPER.readTree(value)));
        }
        return new Fixed(schema, depth -> values.get(from + random.nextInt(to - from)));
    }

    private Shape array(int depth) {
        Shape item = shape(depth - 1);
        ObjectNode schema = type("array");
        schema.set("items", item.schema());
        int min = random.nextInt(3) == 0 ? random.nextInt(4) : 0;
        int max = random.nextInt(3) == 0 ? min + random.nextInt(4) : -1;
        if (min > 0) {
            schema.put("minItems", min);
        }
        if (max >= 0) {
            schema.put("maxItems", max);
        }
        return new Fixed(
                schema,
                left -> list(
                        min + random.nextInt((max < 0 ? min + 3 : max) - min + 1),
                        i -> item.document(left - 1),
                        "[",
                        "]"));
    }

    private Shape tuple(int depth) {
        List<Shape> items = List.of(shape(depth - 1), shape(depth - 1));
        ObjectNode schema = type("array");
        ArrayNode prefix = schema.putArray("prefixItems");
        items.forEach(item -> prefix.add(item.schema()));
        schema.put("items", false);
        return new Fixed(
                schema, left -> list(random.nextInt(3), i -> items.get(i).document(left - 1), "[", "]"));
    }

    private Shape object(int depth) {
        Map<String, Shape> properties = properties(depth, "");
        ObjectNode schema = type("object");
        ObjectNode described = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        properties.forEach((name, shape) -> {
            described.set(name, shape.schema());
            if (random.nextBoolean()) {
                required.add(name);
            }
        });
        int more = random.nextInt(3);
        if (more == 0) {
            schema.put("additionalProperties", false);
        } else if (more == 1) {
            schema.put("additionalProperties", true);
        }
        return new Fixed(schema, left -> {
            List<String> members = members(properties, required, left);
            for (int i = more == 1 ? random.nextInt(3) : 0; i > 0; i--) {
                members.add(quoted("more" + i + "\t\"") + colon() + anyValue(1));
            }
            return list(members.size(), members::get, "{", "}");
        });
    }

    private Map<String, Shape> properties(int depth, String prefix) {
        List<String> names = List.of("name", "na", "id", "a\"b\\", "é中", "", "tags\n", "x");
        Map<String, Shape> properties = new LinkedHashMap<>();
        for (String name : names) {
            if (random.nextInt(3) == 0) {
                properties.put(prefix + name, shape(depth - 1));
            }
        }
        return properties;
    }

    private List<String> members(Map<String, Shape> properties, ArrayNode required, int left) {
        List<String> members = new ArrayList<>();
        properties.forEach((name, shape) -> {
            boolean needed =
                    required.valueStream().anyMatch(value -> value.stringValue().equals(name));
            if (needed || random.nextBoolean()) {
                members.add(quoted(name) + colon() + shape.document(left - 1));
            }
        });
        return members;
    }

    private Shape map(int depth) {
        Shape value = shape(depth - 1);
        ObjectNode schema = type("object");
        schema.set("additionalProperties", value.schema());
        return new Fixed(
                schema,
                left -> list(
                        random.nextInt(4),
                        i -> quotedFreely(i + free(random, 4)) + colon() + value.document(left - 1),
                        "{",
                        "}"));
    }

    private Shape anyOf(int depth) {
        List<Shape> shapes = List.of(shape(depth - 1), shape(depth - 1), shape(depth - 1));
        ObjectNode schema = MAPPER.createObjectNode();
        ArrayNode all = schema.putArray("anyOf");
        shapes.forEach(shape -> all.add(shape.schema()));
        return new Fixed(schema, left -> shapes.get(random.nextInt(3)).document(left - 1));
    }

    private Shape allOf(int depth) {
        Map<String, Shape> first = properties(depth, "1");
        Map<String, Shape> second = properties(depth, "2");
        ObjectNode schema = type("object");
        ArrayNode all = schema.putArray("allOf");
        ArrayNode required = MAPPER.createArrayNode();
        for (Map<String, Shape> half : List.of(first, second)) {
            ObjectNode part = all.addObject();
            ObjectNode described = part.putObject("properties");
            ArrayNode ownRequired = part.putArray("required");
            half.forEach((name, shape) -> {
                described.set(name, shape.schema());
                if (random.nextBoolean()) {
                    ownRequired.add(name);
                    required.add(name);
                }
            });
        }
        Map<String, Shape> both = new LinkedHashMap<>(first);
        both.putAll(second);
        return new Fixed(schema, left -> {
            List<String> members = members(both, required, left);
            return list(members.size(), members::get, "{", "}");
        });
    }

    private Shape node() {
        recursive = true;
        ObjectNode schema = MAPPER.createObjectNode().put("$ref", "#/$defs/Node");
        return new Fixed(schema, this::nodeDocument);
    }

    private String nodeDocument(int depth) {
        List<String> members = new ArrayList<>();
        members.add("\"value\"" + colon() + random.nextInt());
        members.add("\"next\"" + colon() + (depth > 0 && random.nextBoolean() ? nodeDocument(depth - 1) : "null"));
        if (random.nextBoolean()) {
            members.add("\"all\"" + colon()
                    + list(depth > 0 ? random.nextInt(3) : 0, i -> nodeDocument(depth - 1), "[", "]"));
        }
        return list(members.size(), members::get, "{", "}");
    }

    private String list(int count, java.util.function.IntFunction<String> item, String open, String close) {
        StringBuilder list = new StringBuilder(open).append(space());
        for (int i = 0; i < count; i++) {
            list.append(i > 0 ? "," + space() : "").append(item.apply(i)).append(space());
        }
        return list.append(close).toString();
    }

    private String space() {
        return switch (random.nextInt(8)) {
            case 0 -> " ";
            case 1 -> "\n" + " ".repeat(random.nextInt(9));
            case 2 -> "\r\n\t\t";
            default -> "";
        };
    }

    private String colon() {
        return (random.nextInt(4) == 0 ? " :" : ":") + space();
    }

    private static String letter(Random random, char first) {
        return String.valueOf((char) (first + random.nextInt(26)));
    }

    private static LocalDate date(Random random) {
        return LocalDate.ofEpochDay(random.nextInt(40_000));
    }

    /** Always with seconds, which {@link LocalTime} leaves out if they are zero. */
    private static String time(Random random) {
        LocalTime time = LocalTime.ofNanoOfDay(random.nextLong(86_400) * 1_000_000_000);
        return String.format("%tH:%tM:%tS", time, time, time)
                + (random.nextBoolean() ? "" : "." + random.nextInt(1000));
    }

    private static String free(Random random, int max) {
        return free(random, 0, max);
    }

    private static String free(Random random, int min, int max) {
        String[] characters = {
            "a", "b", "Z", " ", "\"", "\\", "/", "\n", "\u0001", "\u007f", "é", "中", "😀", "{", "]", ",", "0"
        };
        StringBuilder text = new StringBuilder();
        for (int i = min + random.nextInt(max - min + 1); i > 0; i--) {
            text.append(characters[random.nextInt(characters.length)]);
        }
        return text.toString();
    }

    private static String quoted(String text) {
        return MAPPER.writeValueAsString(text);
    }

    /** A string in which some characters are escapes that need not be. */
    private String quotedFreely(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '/' && random.nextBoolean()) {
                json.append("\\/");
            } else if (!Character.isSurrogate(c) && random.nextInt(6) == 0) {
                json.append(String.format(random.nextBoolean() ? "\\u%04x" : "\\u%04X", (int) c));
            } else if (c < 0x20 || c == '"' || c == '\\') {
                String quoted = quoted(String.valueOf(c));
                json.append(quoted, 1, quoted.length() - 1);
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString().replace("😀", random.nextInt(6) == 0 ? "\\ud83D\\uDe00" : "😀");
    }
}
