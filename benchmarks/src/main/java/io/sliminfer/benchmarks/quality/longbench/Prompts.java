package io.sliminfer.benchmarks.quality.longbench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The tasks' prompts: ours, or LongBench's own from its {@code config/dataset2prompt.json}. Immutable. */
public final class Prompts {

    private static final Pattern FIELD = Pattern.compile("\\{(context|input)}");

    private final Map<LongBenchTask, String> templates;

    private Prompts(Map<LongBenchTask, String> templates) {
        this.templates = templates;
    }

    public static Prompts own() {
        Map<LongBenchTask, String> templates = new EnumMap<>(LongBenchTask.class);
        for (LongBenchTask task : LongBenchTask.values()) {
            templates.put(task, task.prompt());
        }
        return new Prompts(templates);
    }

    /**
     * Reads a JSON object of task names and templates with {@code {context}} and {@code {input}}.
     *
     * @throws IllegalArgumentException naming the file and the task that is missing or has no {@code {context}}
     */
    public static Prompts read(Path file) {
        JsonNode json;
        try {
            json = JsonMapper.shared().readTree(Files.readString(file));
        } catch (IOException e) {
            throw new IllegalArgumentException(file + " cannot be read: " + e, e);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + " is not JSON: " + e.getOriginalMessage(), e);
        }
        Map<LongBenchTask, String> templates = new EnumMap<>(LongBenchTask.class);
        for (LongBenchTask task : LongBenchTask.values()) {
            JsonNode template = json.path(task.label());
            if (!template.isString() || !template.stringValue().contains("{context}")) {
                throw new IllegalArgumentException(file + ": " + task.label()
                        + " is missing or has no {context}; LongBench's config/dataset2prompt.json is expected");
            }
            templates.put(task, template.stringValue());
        }
        return new Prompts(templates);
    }

    /** The prompt with its fields filled in; what is filled in is not looked at for fields. */
    String fill(LongBenchTask task, String context, String input) {
        String template = Objects.requireNonNull(templates.get(task));
        return FIELD.matcher(template)
                .replaceAll(field -> Matcher.quoteReplacement(field.group(1).equals("context") ? context : input));
    }
}
