package io.sliminfer.backend;

import static org.assertj.core.api.Assumptions.assumeThat;

import io.sliminfer.format.ModelFolderWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The backends that tests of the engine run on: those that a class names itself, or those of {@code -Dtest.backends=cuda}, with which
 * another module's backend takes the same tests. A backend that is named there must be usable.
 */
public final class TestBackends {

    private static final List<String> ASKED_FOR = Arrays.stream(
                    System.getProperty("test.backends", "").split(","))
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .toList();

    /** They take heads of any even size. */
    private static final Set<String> ANY_HEAD_SIZE = Set.of("cpu", "java");

    /** What other backends want head sizes to be a multiple of. */
    private static final int HEAD_MULTIPLE = 16;

    private TestBackends() {}

    /** Names of providers for tests that run on each. */
    public static List<String> names(String... own) {
        return ASKED_FOR.isEmpty() ? List.of(own) : ASKED_FOR;
    }

    /** The name of a provider for tests that run once. */
    public static String single(String own) {
        return names(own).get(0);
    }

    /** The name of a provider for tests that move KV blocks; they are skipped where {@code java}, which cannot, is all that was asked for. */
    public static String moving() {
        List<String> movers =
                names("cpu").stream().filter(name -> !name.equals("java")).toList();
        assumeThat(movers).as("backends that can move KV blocks").isNotEmpty();
        return movers.get(0);
    }

    /** Whether the backend of {@link #moving} can have a file behind the host's memory; a GPU copies from pinned memory only. */
    public static boolean movesToDisk() {
        return moving().equals("cpu");
    }

    /** Whether a test may be skipped where this backend is not usable. */
    public static boolean optional(String backend) {
        return !ASKED_FOR.contains(backend);
    }

    /** The model with heads that all backends take which the tests run on. */
    public static ModelFolderWriter fit(ModelFolderWriter model) {
        if (ANY_HEAD_SIZE.containsAll(ASKED_FOR)) {
            return model;
        }
        int headDim = model.model().headDim();
        return model.config("head_dim", String.valueOf((headDim + HEAD_MULTIPLE - 1) / HEAD_MULTIPLE * HEAD_MULTIPLE));
    }
}
