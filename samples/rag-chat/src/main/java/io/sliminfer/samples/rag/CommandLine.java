package io.sliminfer.samples.rag;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the user asked for on the command line.
 *
 * @param question   to be answered without a web server, or null to start one
 * @param dense      whether the answer is computed without pruning
 * @param help       whether only the usage is wanted
 * @param properties arguments for Spring Boot, such as {@code --server.port=8081}
 */
record CommandLine(@Nullable String question, boolean dense, boolean help, List<String> properties) {

    static final String USAGE =
            """
            Answers questions from the documents of a folder.

              --ask "QUESTION"    print the answer and what it cost, then exit; without it a page is served on this machine
              --documents DIR     folder with .txt, .md, .html and .pdf files; without it the sample's own documents
              --dense             with --ask: compute every prompt token in every layer instead of pruning
              --NAME=VALUE        any property, such as --rag.top-k=20 or --slim-infer.model=DIR
              --help              this text
            """;

    /** @throws IllegalArgumentException naming an argument that is not understood */
    static CommandLine parse(String... arguments) {
        String question = null;
        boolean dense = false;
        boolean help = false;
        List<String> properties = new ArrayList<>();
        for (int index = 0; index < arguments.length; index++) {
            String argument = arguments[index];
            int equals = argument.indexOf('=');
            String name = equals < 0 ? argument : argument.substring(0, equals);
            switch (name) {
                case "--ask", "--documents" -> {
                    String value;
                    if (equals >= 0) {
                        value = argument.substring(equals + 1);
                    } else if (++index < arguments.length) {
                        value = arguments[index];
                    } else {
                        throw new IllegalArgumentException(name + " needs a value behind it.");
                    }
                    if (value.isBlank()) {
                        throw new IllegalArgumentException(name + " is empty.");
                    }
                    if (name.equals("--ask")) {
                        question = value;
                    } else {
                        properties.add("--rag.documents=" + value);
                        // The sample's own questions are about the sample's own documents.
                        properties.add("--rag.examples=");
                    }
                }
                case "--dense" -> dense = true;
                case "--help", "-h" -> help = true;
                default -> {
                    if (!argument.startsWith("--") || equals < 0) {
                        throw new IllegalArgumentException(
                                "'" + argument + "' is not understood; properties are written --NAME=VALUE.");
                    }
                    properties.add(argument);
                }
            }
        }
        if (dense && question == null && !help) {
            throw new IllegalArgumentException("--dense belongs to --ask; on the page it is a switch.");
        }
        return new CommandLine(question, dense, help, List.copyOf(properties));
    }
}
