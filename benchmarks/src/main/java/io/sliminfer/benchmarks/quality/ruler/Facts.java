package io.sliminfer.benchmarks.quality.ruler;

import java.util.List;
import java.util.function.Function;

/** Draws facts about things: an attribute and its value, stated and asked for in the forms that SlimInfer Tiny was trained on. */
final class Facts {

    /** {@code thing} and {@code value} as they stand inside a sentence. */
    record Fact(Kind kind, String thing, String attribute, String value, String statement) {

        String question() {
            return "What is the " + attribute + " of " + thing + "?";
        }
    }

    /** A kind of thing and what can be known of it. */
    enum Kind {
        PUMP(
                words -> "pump P-" + words.number(3),
                List.of("supplier", "safety code", "installation date", "housing colour")),
        VALVE(
                words -> "valve V-" + words.number(3),
                List.of("supplier", "safety code", "spare part number", "backup operator")),
        SHIP(
                words -> "the ship " + capital(words.single()),
                List.of("captain", "hull colour", "destination", "registration")),
        PROJECT(words -> "Project " + capital(words.single()), List.of("manager", "deadline", "code name", "sponsor")),
        ROOM(words -> "room " + words.number(3), List.of("wall colour", "door code", "inventory code", "supervisor")),
        SERVER(
                words -> "server relay-" + words.number(2),
                List.of("administrator", "port number", "restart time", "access word"));

        private final Function<Words, String> name;
        private final List<String> attributes;

        Kind(Function<Words, String> name, List<String> attributes) {
            this.name = name;
            this.attributes = attributes;
        }

        List<String> attributes() {
            return attributes;
        }
    }

    private static final List<String> FORMS = List.of(
            "The %2$s of %1$s is %3$s.",
            "The %2$s for %1$s is %3$s.",
            "For %1$s, the %2$s is %3$s.",
            "As of this week, the %2$s of %1$s is %3$s.",
            "According to the records, %3$s is listed as the %2$s of %1$s.",
            "The records show that the %2$s of %1$s is %3$s.",
            "Note that the %2$s for %1$s was set to %3$s.",
            "The team confirmed %3$s as the %2$s for %1$s.");

    private static final List<String> FIRST_NAMES = List.of(
            "Maria", "Leah", "Ruth", "Martin", "Logan", "Isaac", "Anna", "Peter", "Clara", "Simon", "Nina", "Oscar",
            "Laura", "David", "Helen", "Victor");
    private static final List<String> LAST_NAMES = List.of(
            "Lopez",
            "Keller",
            "Moreau",
            "Morgan",
            "Winter",
            "Mitchell",
            "Campbell",
            "Klein",
            "Nguyen",
            "Parker",
            "Fischer",
            "Rossi",
            "Novak",
            "Becker",
            "Turner",
            "Walsh");
    private static final List<String> COLOURS =
            List.of("red", "blue", "green", "white", "black", "yellow", "orange", "grey", "brown", "purple", "maroon");
    private static final List<String> PLACES = List.of(
            "Lisbon", "Oslo", "Vienna", "Porto", "Dublin", "Turin", "Geneva", "Hamburg", "Krakow", "Bergen", "Malaga",
            "Riga");
    private static final List<String> MONTHS = List.of(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December");

    private final Words words;

    Facts(Words words) {
        this.words = words;
    }

    Kind kind() {
        return words.pick(List.of(Kind.values()));
    }

    String thing(Kind kind) {
        return kind.name.apply(words);
    }

    /** A fact of a given thing. */
    Fact fact(Kind kind, String thing, String attribute) {
        String value = value(attribute);
        String statement = words.pick(FORMS).formatted(thing, attribute, value);
        return new Fact(kind, thing, attribute, value, capital(statement));
    }

    /** A fact of a new thing. */
    Fact fact() {
        Kind kind = kind();
        return fact(kind, thing(kind), words.pick(kind.attributes()));
    }

    private String value(String attribute) {
        return switch (attribute) {
            case "supplier" -> words.pick(LAST_NAMES) + " Industries";
            case "safety code", "inventory code", "registration" ->
                words.digits(2) + "-" + words.letters(2, 'A') + "-" + words.digits(2);
            case "installation date", "deadline" ->
                (1 + words.below(28)) + " " + words.pick(MONTHS) + " " + (1990 + words.below(40));
            case "housing colour", "hull colour", "wall colour" -> words.pick(COLOURS);
            case "spare part number" -> words.digits(7);
            case "destination" -> words.pick(PLACES);
            case "code name", "access word" -> words.single();
            case "door code", "port number" -> words.digits(4);
            case "restart time" -> twoDigits(words.below(24)) + ":" + twoDigits(words.below(60));
            // All others are persons.
            default -> words.pick(FIRST_NAMES) + " " + words.pick(LAST_NAMES);
        };
    }

    private static String twoDigits(int number) {
        return (number < 10 ? "0" : "") + number;
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }
}
