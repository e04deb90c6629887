package io.sliminfer.benchmarks.grammar;

import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.json.JsonGrammars;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A format and a document of it.
 *
 * @param grammar compiled anew at each call
 */
record SchemaCase(String name, Supplier<Grammar> grammar, String document) {

    private static final String ORDER =
            """
            {"type":"object","properties":{"customer":{"type":"string"},"items":{"type":"array","items":{"type":"object","properties":{
            "name":{"type":"string"},"count":{"type":"integer","format":"int32"},"price":{"type":["number","null"]}},
            "required":["name","count"],"additionalProperties":false}},"priority":{"enum":["LOW","MEDIUM","HIGH"]},
            "due":{"type":"string","format":"date"},"paid":{"type":"boolean"}},"required":["customer","items","priority","due","paid"],
            "additionalProperties":false}""";
    private static final String TREE =
            """
            {"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"title":{"type":"string","maxLength":80},
            "children":{"type":"array","items":{"$ref":"#/$defs/Node"}}},"required":["title","children"],"additionalProperties":false}}}""";
    private static final String CONTACT =
            """
            {"type":"object","properties":{"id":{"type":"string","format":"uuid"},"email":{"type":"string","format":"email"},
            "code":{"type":"string","pattern":"^[A-Z]{2,3}-[0-9]{4,8}$"},"score":{"type":"number","minimum":0,"maximum":1},
            "seen":{"type":"string","format":"date-time"}},"required":["id","email","code","score","seen"],"additionalProperties":{"type":"string"}}""";

    static List<SchemaCase> all() {
        String wide = IntStream.range(0, 100)
                .mapToObj(i -> "\"field_%d\":{\"type\":[\"string\",\"null\"]}".formatted(i))
                .collect(Collectors.joining(
                        ",", "{\"type\":\"object\",\"properties\":{", "},\"additionalProperties\":false}"));
        String wideDocument = IntStream.range(0, 100)
                .filter(i -> i % 3 == 0)
                .mapToObj(i -> "\"field_%d\": \"value number %d\"".formatted(i, i))
                .collect(Collectors.joining(", ", "{", "}"));
        String item = "{\"name\": \"Espresso machine, stainless steel\", \"count\": 2, \"price\": 249.9}";
        return List.of(
                new SchemaCase(
                        "JSON object",
                        JsonGrammars::object,
                        "{\"report\": {\"title\": \"Quarterly figures\", \"rows\": [1, 2.5, {\"note\": \"größer\"}], \"final\": true}}"),
                ofSchema(
                        "order of items",
                        ORDER,
                        "{\"customer\": \"Ada Lovelace\", \"items\": [" + item + ", " + item
                                + "],\n \"priority\": \"HIGH\", \"due\": \"2026-12-24\", \"paid\": false}"),
                ofSchema(
                        "recursive tree",
                        TREE,
                        "{\"title\": \"The history of computing machines\", \"children\": [{\"title\": \"Analytical engine\", \"children\": []}, {\"title\": \"Colossus\", \"children\": [{\"title\": \"Mark 2\", \"children\": []}]}]}"),
                ofSchema(
                        "formats, pattern, map",
                        CONTACT,
                        "{\"id\": \"123e4567-e89b-12d3-a456-426614174000\", \"email\": \"ada@example.org\", \"code\": \"AB-12345\", \"score\": 0.875, \"seen\": \"2026-11-05T12:30:00Z\", \"remark\": \"calls on Mondays\"}"),
                ofSchema("100 optional properties", wide, wideDocument));
    }

    private static SchemaCase ofSchema(String name, String schema, String document) {
        return new SchemaCase(name, () -> JsonGrammars.schema(schema), document);
    }
}
