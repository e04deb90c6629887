package io.sliminfer.benchmarks.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version in the pom, for {@code -V} and for results. */
public final class BenchmarkVersion implements IVersionProvider {

    private static final String RESOURCE = "/io/sliminfer/benchmarks/version.properties";

    /** Such as {@code 0.1.0}. */
    public static String get() {
        try (InputStream in = BenchmarkVersion.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is missing in the jar");
            }
            Properties properties = new Properties();
            properties.load(in);
            return properties.getProperty("version");
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE + " cannot be read", e);
        }
    }

    @Override
    public String[] getVersion() {
        return new String[] {"slim-infer-benchmarks " + get()};
    }
}
