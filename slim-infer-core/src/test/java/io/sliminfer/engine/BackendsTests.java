package io.sliminfer.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.sliminfer.backend.Backend;
import io.sliminfer.backend.BackendProvider;
import io.sliminfer.backend.BackendSettings;
import java.util.List;
import org.junit.jupiter.api.Test;

class BackendsTests {

    private record Offer(String name, int priority, boolean usable) implements BackendProvider {
        @Override
        public Availability availability() {
            return new Availability(usable, usable ? name + " works" : "no library of " + name);
        }

        @Override
        public Backend open(BackendSettings settings) {
            throw new UnsupportedOperationException("choosing opens nothing");
        }
    }

    private static final BackendProvider SLOW = new Offer("slow", 0, true);
    private static final BackendProvider FAST = new Offer("fast", 10, true);
    private static final BackendProvider ABSENT = new Offer("absent", 20, false);

    @Test
    void takesTheUsableOneOfHighestPriority() {
        assertThat(Backends.choose(null, List.of(SLOW, FAST, ABSENT))).isSameAs(FAST);
        assertThat(Backends.choose(null, List.of(ABSENT, FAST, SLOW))).isSameAs(FAST);
        assertThat(Backends.choose(null, List.of(ABSENT, SLOW))).isSameAs(SLOW);
    }

    @Test
    void takesTheOneAskedForWhateverItsPriority() {
        assertThat(Backends.choose("slow", List.of(ABSENT, FAST, SLOW))).isSameAs(SLOW);
    }

    @Test
    void namesAllThereAreWhereTheOneAskedForIsUnknown() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Backends.choose("fats", List.of(SLOW, FAST, ABSENT)))
                .withMessage("slim-infer.backend=fats is unknown: the class path has absent, fast, slow");
    }

    @Test
    void neverTakesAnotherThanTheOneAskedFor() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Backends.choose("absent", List.of(SLOW, FAST, ABSENT)))
                .withMessage("slim-infer.backend=absent cannot be used here: no library of absent");
    }

    @Test
    void saysWhereTheOffersShouldBeWhenNoneIsUsable() {
        for (List<BackendProvider> none : List.of(List.<BackendProvider>of(), List.of(ABSENT))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Backends.choose(null, none))
                    .withMessageContaining("no backend is usable")
                    .withMessageContaining("META-INF/services");
        }
    }

    @Test
    void findsTheBackendsOfThisModule() {
        assertThat(Backends.choose("java").name()).isEqualTo("java");
        assertThat(Backends.choose(null).availability().usable()).isTrue();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Backends.choose("tpu"))
                .withMessage("slim-infer.backend=tpu is unknown: the class path has cpu, java");
    }
}
