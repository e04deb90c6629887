package io.sliminfer.backend.cpu;

import io.sliminfer.backend.cpu.Int8Products.Route;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether this CPU multiplies 8-bit integers fast and exactly, found by trying. Without VNNI the instruction that multiplies bytes adds
 * pairs of products in 16 bits: 255 * 127 + 255 * 127 does not fit and is cut. Then weights are kept so small that no pair can
 * overflow, see {@link Int8Packer}.
 */
enum Int8Support {
    /** No fast code for it. */
    NONE,
    /** Exact where pairs of weights stay below a limit. */
    PAIRS,
    /** Exact for all values. */
    FULL;

    /** The largest sum of two neighbouring weights of one sign: {@code 255 * 128} fits 16 bits. */
    static final int PAIR_MAX = 128;

    private static final int ROWS = 5;

    private static volatile @Nullable Found found;

    private record Found(Int8Support support, Route route) {}

    static Int8Support find() {
        return found().support();
    }

    /** Products by the route that was found. */
    static Int8Products products() {
        return new Int8Products(found().route());
    }

    /** All that decides how weights are quantised and packed on this CPU, in words. */
    static String describe() {
        Found found = found();
        return "oneDNN " + OneDnn.version() + ", " + OneDnn.instructionSet() + ", " + ByteOrder.nativeOrder() + ", "
                + found.support() + ", " + found.route();
    }

    private static Found found() {
        Found known = found;
        if (known == null) {
            List<Route> routes = OneDnn.instructionSet().matches("AMX|AVX-512.*")
                    ? List.of(Route.MATMUL, Route.CONVOLUTION)
                    : List.of(Route.CONVOLUTION, Route.MATMUL);
            known = routes.stream()
                    .map(route -> new Found(attempt(route), route))
                    .filter(tried -> tried.support() != NONE)
                    .findFirst()
                    .orElse(new Found(NONE, routes.get(0)));
            found = known;
        }
        return known;
    }

    /** What is true of a route on this CPU. */
    static Int8Support attempt(Route route) {
        try (Int8Products products = new Int8Products(route)) {
            if (!products.isFast(Int8Products.BLOCK, Int8Products.BLOCK)) {
                return NONE;
            }
            if (isExact(products, (byte) 127, (byte) 127) && isExact(products, (byte) -127, (byte) -127)) {
                return FULL;
            }
            return isExact(products, (byte) 127, (byte) (PAIR_MAX - 127))
                            && isExact(products, (byte) (127 - PAIR_MAX), (byte) -127)
                            && isExact(products, (byte) 64, (byte) 64)
                            && isExact(products, (byte) 127, (byte) -127)
                    ? PAIRS
                    : NONE;
        } catch (IllegalStateException e) { // the library has no such operation on this CPU
            return NONE;
        }
    }

    /** The largest inputs with weights that alternate between two values. */
    private static boolean isExact(Int8Products products, byte even, byte odd) {
        int size = Int8Products.BLOCK;
        byte[] weights = new byte[size * size];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = i % 2 == 0 ? even : odd;
        }
        byte[] rows = new byte[ROWS * size];
        Arrays.fill(rows, (byte) 255);
        float[] ones = new float[size];
        Arrays.fill(ones, 1);
        float[] out = new float[ROWS * size];
        try (NativeMemory in = new NativeMemory("a trial", rows.length);
                NativeMemory plain = new NativeMemory("a trial", weights.length);
                NativeMemory packed = new NativeMemory("a trial", products.packedBytes(size, size));
                NativeMemory result = new NativeMemory("a trial", out.length * 4L);
                NativeMemory scales = new NativeMemory("a trial", size * 4L);
                NativeMemory bias = new NativeMemory("a trial", size * 4L)) {
            in.write(0, rows, 0, rows.length);
            plain.write(0, weights, 0, weights.length);
            scales.write(0, ones, 0, size);
            products.pack(size, size).execute(plain.address(), packed.address());
            products.product(ROWS, size, size)
                    .execute(in.address(), packed.address(), result.address(), scales.address(), bias.address());
            result.read(0, out, 0, out.length);
        }
        float expected = 255 * (size / 2) * (even + odd);
        for (float value : out) {
            if (value != expected) {
                return false;
            }
        }
        return true;
    }
}
