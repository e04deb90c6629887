package io.sliminfer.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What NVRTC is given for one module.
 *
 * @param file    name below {@code kernels/}
 * @param text    its text
 * @param common  text of {@code common.cuh}, the one header
 * @param options architecture, language, defines in the order of their names
 */
record KernelSource(String file, String text, String common, List<String> options) {

    static final String HEADER = "common.cuh";

    /**
     * @throws IllegalArgumentException if there is no such file
     */
    static KernelSource of(String file, Map<String, Integer> defines, String architecture) {
        List<String> options = new ArrayList<>();
        options.add("--gpu-architecture=sm_" + architecture);
        options.add("--std=c++17");
        new TreeMap<>(defines).forEach((name, value) -> options.add("-D" + name + "=" + value));
        return new KernelSource(file, resource(file), resource(HEADER), List.copyOf(options));
    }

    private static String resource(String file) {
        try (InputStream in = KernelSource.class.getResourceAsStream("kernels/" + file)) {
            if (in == null) {
                throw new IllegalArgumentException("there is no kernel file " + file + " in io/sliminfer/cuda/kernels");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("kernels/" + file + " cannot be read", e);
        }
    }

    /** Name of the cubin in the cache: anything that could change it changes the name. */
    String cacheName(String compilerVersion) {
        MessageDigest digest = DiskCache.sha256();
        add(digest, compilerVersion);
        add(digest, text);
        add(digest, common);
        for (String option : options) {
            add(digest, option);
        }
        return HexFormat.of().formatHex(digest.digest()) + ".cubin";
    }

    // With its length in front, so that two texts cannot be cut into parts in two ways.
    private static void add(MessageDigest digest, String part) {
        byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
        digest.update(bytes);
    }
}
