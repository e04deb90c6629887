package io.sliminfer.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Chat templates and special tokens of a folder, found as transformers finds them.
 *
 * @param chatTemplates by name; the usual one is {@code default}
 * @param specialTokens text of {@code bos_token} and the like, as chat templates see them
 */
record TokenizerFiles(Map<String, String> chatTemplates, Map<String, String> specialTokens) {

    static final String DEFAULT_TEMPLATE = "default";

    private static final String CONFIG = "tokenizer_config.json";
    private static final String SPECIAL_TOKENS = "special_tokens_map.json";
    private static final String TEMPLATE_FILE = "chat_template.jinja";
    private static final String TEMPLATE_FOLDER = "additional_chat_templates";
    private static final String TEMPLATE_SUFFIX = ".jinja";
    private static final long BYTES_MAX = 64 << 20;

    private static final List<String> SPECIAL_NAMES =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    static TokenizerFiles read(Path folder) {
        JsonFields config = readIfThere(folder.resolve(CONFIG));
        Map<String, String> templates = templateFiles(folder);
        if (templates.isEmpty() && config != null) {
            templates = templatesOf(config);
        }
        return new TokenizerFiles(
                Collections.unmodifiableMap(templates), Collections.unmodifiableMap(specialTokens(folder, config)));
    }

    private static @Nullable JsonFields readIfThere(Path file) {
        return Files.exists(file) ? Json.readObject(file, BYTES_MAX) : null;
    }

    /** Files win over the field: if there is any, the field does not count. */
    private static Map<String, String> templateFiles(Path folder) {
        Map<String, String> templates = new TreeMap<>();
        Path extra = folder.resolve(TEMPLATE_FOLDER);
        if (Files.isDirectory(extra)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(extra, "*" + TEMPLATE_SUFFIX)) {
                for (Path file : files) {
                    String name = Json.fileName(file);
                    templates.put(name.substring(0, name.length() - TEMPLATE_SUFFIX.length()), text(file));
                }
            } catch (IOException e) {
                throw new ModelFormatException(extra + " cannot be read: " + e, e);
            }
        }
        if (Files.exists(folder.resolve(TEMPLATE_FILE))) {
            templates.put(DEFAULT_TEMPLATE, text(folder.resolve(TEMPLATE_FILE)));
        }
        return templates;
    }

    private static String text(Path file) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Json.bytes(file, BYTES_MAX)))
                    .toString();
            // Python opens the file as text, which turns every line end into \n.
            return text.replace("\r\n", "\n").replace('\r', '\n');
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(Json.fileName(file) + ": is not UTF-8.", e);
        }
    }

    private static Map<String, String> templatesOf(JsonFields config) {
        Map<String, String> templates = new LinkedHashMap<>();
        JsonNode value = config.get("chat_template");
        if (value.isString()) {
            templates.put(DEFAULT_TEMPLATE, value.stringValue());
        } else if (value.isArray()) {
            for (JsonNode entry : value) {
                if (!entry.path("name").isString() || !entry.path("template").isString()) {
                    throw config.wrong("chat_template", "a string, or a list of {name, template}, is expected");
                }
                templates.put(
                        entry.path("name").stringValue(), entry.path("template").stringValue());
            }
        } else if (config.has("chat_template")) {
            throw config.wrong("chat_template", "a string, or a list of {name, template}, is expected");
        }
        return templates;
    }

    private static Map<String, String> specialTokens(Path folder, @Nullable JsonFields config) {
        Map<String, String> tokens = new LinkedHashMap<>();
        if (config != null) {
            addTokens(config, tokens);
        }
        // The older file counts, and wins, only where tokenizer_config.json does not describe the added tokens itself.
        if (config == null || !config.states("added_tokens_decoder")) {
            JsonFields map = readIfThere(folder.resolve(SPECIAL_TOKENS));
            if (map != null) {
                addTokens(map, tokens);
            }
        }
        return tokens;
    }

    private static void addTokens(JsonFields fields, Map<String, String> tokens) {
        for (String name : SPECIAL_NAMES) {
            if (!fields.has(name)) {
                continue;
            }
            JsonNode value = fields.get(name);
            JsonNode text = value.isObject() ? value.path("content") : value;
            if (!text.isString()) {
                throw fields.wrong(name, "a string, or an object with a string content, is expected");
            }
            tokens.put(name, text.stringValue());
        }
    }
}
