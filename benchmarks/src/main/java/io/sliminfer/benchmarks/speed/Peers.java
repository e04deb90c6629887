package io.sliminfer.benchmarks.speed;

import io.sliminfer.benchmarks.models.GgufWriter;
import io.sliminfer.benchmarks.models.JlamaModel;
import io.sliminfer.benchmarks.models.PeerModel;
import io.sliminfer.format.ModelConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/** The peers that settings name, each with a model of the shape of the one that is measured. */
final class Peers {

    /** Of the model written for llama.cpp: what its users run on a CPU. */
    private static final GgufWriter.Type LLAMA_WEIGHTS = GgufWriter.Type.Q4_0;

    private Peers() {}

    /** @param notes gets why a peer is left out */
    static List<Peer> of(ModelConfig model, SpeedSettings settings, Consumer<Map<String, Object>> notes) {
        List<Peer> peers = new ArrayList<>();
        for (Baseline baseline : settings.baselines()) {
            try {
                if (baseline == Baseline.LLAMA) {
                    peers.add(llama(model, settings));
                } else if (baseline == Baseline.JLAMA) {
                    peers.add(jlama(model, settings));
                }
            } catch (IllegalArgumentException e) {
                notes.accept(Samples.notMeasured(baseline, "", String.valueOf(e.getMessage())));
            }
        }
        return peers;
    }

    private static Peer llama(ModelConfig model, SpeedSettings settings) {
        boolean own = settings.llamaGguf() == null;
        return Peer.llama(
                own
                        ? PeerModel.file(model, LLAMA_WEIGHTS, settings.cache())
                        : Objects.requireNonNull(settings.llamaGguf()),
                settings.threadCount(),
                PeerModel.characters(own ? model.vocabulary() : Integer.MAX_VALUE),
                settings.peerTimeout());
    }

    private static Peer jlama(ModelConfig model, SpeedSettings settings) {
        Path java = settings.jlamaJava() != null ? settings.jlamaJava() : ChildProcess.thisJava();
        return Peer.jlama(
                java,
                Objects.requireNonNull(settings.jlamaClasspath()),
                JlamaModel.folder(model, settings.cache()),
                settings.threadCount(),
                PeerModel.characters(model.vocabulary()),
                settings.peerTimeout());
    }

    /** For a header and the name of a row. */
    static String llamaWeights(SpeedSettings settings) {
        return settings.llamaGguf() != null
                ? String.valueOf(settings.llamaGguf().getFileName())
                : LLAMA_WEIGHTS.name().toLowerCase(Locale.ROOT);
    }
}
