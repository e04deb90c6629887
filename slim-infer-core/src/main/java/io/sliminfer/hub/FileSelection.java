package io.sliminfer.hub;

import io.sliminfer.format.ShardIndex;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Which files of a repository a model folder needs. Only names known here are taken, and shards by plain names that the index gives:
 * no name of a server becomes a path unchecked.
 */
final class FileSelection {

    static final String CONFIG = "config.json";
    static final String TOKENIZER = "tokenizer.json";
    static final String WEIGHTS = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

    private static final List<String> OPTIONAL = List.of(
            "generation_config.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "chat_template.jinja",
            "slim-infer.json");

    private static final Pattern TEMPLATE = Pattern.compile("additional_chat_templates/[\\w-]+\\.jinja");
    private static final Pattern OTHER_WEIGHTS = Pattern.compile(".*\\.(bin|pth|pt|gguf|onnx|h5|msgpack|safetensors)");
    private static final Pattern SPLIT = Pattern.compile("(.*)-\\d{5}-of-(\\d{5})\\.gguf");
    private static final int PARTS_MAX = 4096;
    private static final int NAMED_MAX = 3;

    private FileSelection() {}

    /**
     * All but the weights; the index is among them if weights are in shards.
     *
     * @throws HubException if this is no model that can be run
     */
    static List<RemoteFile> small(HubModel model, RemoteListing listing) {
        if (!listing.has(WEIGHTS) && !listing.has(INDEX)) {
            throw noSafetensors(model, listing);
        }
        for (String name : List.of(CONFIG, TOKENIZER)) {
            if (!listing.has(name)) {
                throw new HubException(
                        model + " has no " + name + " at commit " + listing.commit() + ".",
                        "Choose a repository with config.json, tokenizer.json and safetensors weights"
                                + " (adapters and files for other programs alone are not enough).");
            }
        }
        List<RemoteFile> files = new ArrayList<>();
        Stream<String> needed = Stream.of(CONFIG, TOKENIZER);
        Stream<String> index = listing.has(WEIGHTS) ? Stream.of() : Stream.of(INDEX);
        Stream<String> optional = OPTIONAL.stream().filter(listing::has);
        Stream<String> templates =
                listing.names().stream().filter(name -> TEMPLATE.matcher(name).matches());
        Stream.of(needed, index, optional, templates)
                .flatMap(names -> names)
                .forEach(name -> files.add(listing.file(name)));
        return files;
    }

    private static HubException noSafetensors(HubModel model, RemoteListing listing) {
        List<String> others = listing.names().stream()
                .filter(name -> OTHER_WEIGHTS.matcher(name).matches())
                .toList();
        String found = others.isEmpty() ? "" : " (it has " + shown(others) + ")";
        boolean gguf = others.stream().anyMatch(name -> name.endsWith(".gguf"));
        return new HubException(
                model + " has neither " + WEIGHTS + " nor " + INDEX + found + ".",
                gguf
                        ? "Name one of its GGUF files: hf:" + model.id() + "/FILE.gguf."
                        : "Choose a repository or revision with safetensors weights or GGUF files; other forms are not downloaded.");
    }

    /**
     * The weights.
     *
     * @param snapshot folder in which the index lies by now
     */
    static List<RemoteFile> weights(RemoteListing listing, Path snapshot) {
        return listing.has(WEIGHTS)
                ? List.of(listing.file(WEIGHTS))
                : ShardIndex.read(snapshot.resolve(INDEX)).shards().stream()
                        .map(listing::file)
                        .toList();
    }

    /**
     * A GGUF file, or all parts of a split one.
     *
     * @param file path in the repository
     * @throws HubException if it is not there
     */
    static List<RemoteFile> gguf(HubModel model, String file, RemoteListing listing) {
        if (!listing.has(file)) {
            List<String> others = listing.names().stream()
                    .filter(name -> name.endsWith(".gguf"))
                    .toList();
            throw new HubException(
                    model.id() + " has no file " + file + " at commit " + listing.commit() + ".",
                    others.isEmpty()
                            ? "It has no GGUF files: name the repository alone, or another one."
                            : "Use one of " + shown(others) + ".");
        }
        return parts(file).stream().map(listing::file).toList();
    }

    private static String shown(List<String> names) {
        return names.stream().limit(NAMED_MAX).collect(Collectors.joining(", "))
                + (names.size() > NAMED_MAX ? " and " + (names.size() - NAMED_MAX) + " more" : "");
    }

    private static List<String> parts(String file) {
        Matcher split = SPLIT.matcher(file);
        if (!split.matches()) {
            return List.of(file);
        }
        return IntStream.rangeClosed(1, Integer.parseInt(split.group(2)))
                .limit(PARTS_MAX)
                .mapToObj(part -> "%s-%05d-of-%s.gguf".formatted(split.group(1), part, split.group(2)))
                .toList();
    }

    /** Names of the files that a model would need and does not have; empty if it can be loaded. */
    static List<String> missing(HubModel model, Path snapshot) {
        List<String> names = model.file() == null ? missing(snapshot) : new ArrayList<>(parts(model.file()));
        names.removeIf(name -> Files.isRegularFile(snapshot.resolve(name)));
        return names;
    }

    private static List<String> missing(Path snapshot) {
        List<String> names = new ArrayList<>(List.of(CONFIG, TOKENIZER));
        if (!Files.exists(snapshot.resolve(WEIGHTS))) {
            if (Files.exists(snapshot.resolve(INDEX))) {
                names.addAll(ShardIndex.read(snapshot.resolve(INDEX)).shards());
            } else {
                names.add(WEIGHTS);
            }
        }
        return names;
    }
}
