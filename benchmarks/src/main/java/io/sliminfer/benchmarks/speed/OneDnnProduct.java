package io.sliminfer.benchmarks.speed;

import static org.bytedeco.dnnl.global.dnnl.*;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import io.sliminfer.format.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * One matrix product of oneDNN with memory of its own, to be timed. It shares no code with the engine's backend, so that a
 * mistake there cannot hide in the comparison. One thread: OpenMP's number of threads is a setting of the calling thread.
 */
final class OneDnnProduct implements AutoCloseable {

    /** Repeated until this much time has passed, twice at least. */
    private static final double SECONDS_MIN = 0.15;

    private static final int ALIGNMENT = 64;

    /** The engine's own setting. */
    private static final String SPINS = "2000";

    private final dnnl_stream stream;
    private final dnnl_primitive primitive = new dnnl_primitive();
    private final List<BytePointer> buffers = new ArrayList<>();
    private final List<dnnl_memory> memories = new ArrayList<>();
    private final dnnl_exec_arg_t arguments = new dnnl_exec_arg_t(3);

    /** The library, its engine and its stream. */
    static final class Library implements AutoCloseable {

        static {
            // JavaCPP would count mapped model files against four times -Xmx.
            for (String limit :
                    new String[] {"org.bytedeco.javacpp.maxBytes", "org.bytedeco.javacpp.maxPhysicalBytes"}) {
                if (System.getProperty(limit) == null) {
                    System.setProperty(limit, "0");
                }
            }
            calmOpenMp();
        }

        /**
         * As the engine's oneDNN backend does, which may not be the one that is measured: OpenMP's threads spin for milliseconds
         * when another process has their core (docs/decisions/0003), and small products came out a hundred times slower.
         */
        private static void calmOpenMp() {
            if (Platform.isLinux()
                    && System.getenv("OMP_WAIT_POLICY") == null
                    && System.getenv("GOMP_SPINCOUNT") == null) {
                NativeLibrary.getProcess().getFunction("setenv").invokeInt(new Object[] {"GOMP_SPINCOUNT", SPINS, 0});
            }
        }

        private final dnnl_engine engine = new dnnl_engine();
        private final dnnl_stream stream = new dnnl_stream();

        /** @throws IllegalStateException if the library, or the OpenMP runtime that came with it, is missing */
        Library(int threads) {
            try {
                useThreads(Path.of(Loader.load(org.bytedeco.dnnl.global.dnnl.class)), threads);
            } catch (LinkageError e) {
                throw new IllegalStateException("oneDNN cannot be loaded: " + e, e);
            }
            check(dnnl_engine_create(engine, dnnl_cpu, 0), "create a CPU engine");
            check(dnnl_stream_create(stream, engine, dnnl_stream_in_order), "create a stream");
        }

        /** OpenMP counts the machine's cores, not those that this process may use. */
        private static void useThreads(Path library, int threads) {
            for (String name : new String[] {
                "libgomp.so.1", "libiomp5.dylib", "libomp.dylib", "libiomp5.so", "vcomp140.dll", "libiomp5md.dll"
            }) {
                Path openMp = library.resolveSibling(name);
                if (Files.exists(openMp)) {
                    NativeLibrary.getInstance(openMp.toString())
                            .getFunction("omp_set_num_threads")
                            .invoke(new Object[] {threads});
                    return;
                }
            }
            throw new IllegalStateException("the OpenMP runtime of oneDNN was not found beside " + library
                    + ", so that its threads cannot be set to " + threads);
        }

        /** A product of rows-by-k activations with an n-by-k weight, transposed as models store it. */
        OneDnnProduct product(long rows, long n, long k, DType activations, DType weights, DType out) {
            return new OneDnnProduct(this, rows, n, k, activations, weights, out);
        }

        /** Whether the library has code for a pair of dtypes; it runs others by reference loops. */
        boolean multiplies(DType activations, DType weights) {
            dnnl_memory_desc[] layouts = layouts(64, 256, 256, activations, weights, DType.F32);
            dnnl_primitive_desc desc = new dnnl_primitive_desc();
            try (PointerPointer<BytePointer> name = new PointerPointer<>(1)) {
                if (dnnl_matmul_primitive_desc_create(desc, engine, layouts[0], layouts[1], null, layouts[2], null)
                        != dnnl_success) {
                    return false;
                }
                dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, name);
                boolean reference = name.get(BytePointer.class, 0).getString().contains("ref");
                dnnl_primitive_desc_destroy(desc);
                return !reference;
            } finally {
                destroy(layouts);
            }
        }

        @Override
        public void close() {
            dnnl_stream_destroy(stream);
            dnnl_engine_destroy(engine);
        }
    }

    private OneDnnProduct(Library library, long rows, long n, long k, DType activations, DType weights, DType out) {
        stream = library.stream;
        dnnl_memory_desc[] layouts = layouts(rows, n, k, activations, weights, out);
        dnnl_primitive_desc desc = new dnnl_primitive_desc();
        try {
            check(
                    dnnl_matmul_primitive_desc_create(
                            desc, library.engine, layouts[0], layouts[1], null, layouts[2], null),
                    "plan a product of " + rows + " x " + k + " with " + n + " x " + k);
            check(dnnl_primitive_create(primitive, desc), "compile a product");
            dnnl_primitive_desc_destroy(desc);
            long[] elements = {rows * k, n * k, rows * n};
            DType[] dtypes = {activations, weights, out};
            int[] numbers = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
            for (int i = 0; i < 3; i++) {
                dnnl_memory memory = new dnnl_memory();
                Pointer data = buffer(elements[i], dtypes[i]);
                check(dnnl_memory_create(memory, layouts[i], library.engine, data), "describe an argument");
                memories.add(memory);
                arguments.position(i).arg(numbers[i]).memory(memory);
            }
            arguments.position(0);
        } finally {
            destroy(layouts);
        }
    }

    private static dnnl_memory_desc[] layouts(long rows, long n, long k, DType activations, DType weights, DType out) {
        return new dnnl_memory_desc[] {
            layout(activations, new long[] {rows, k}, new long[] {k, 1}),
            layout(weights, new long[] {k, n}, new long[] {1, k}),
            layout(out, new long[] {rows, n}, new long[] {n, 1})
        };
    }

    private static dnnl_memory_desc layout(DType dtype, long[] sizes, long[] strides) {
        int type =
                switch (dtype) {
                    case F32 -> dnnl_f32;
                    case BF16 -> dnnl_bf16;
                    case F16 -> dnnl_f16;
                    case I32 -> dnnl_s32;
                };
        dnnl_memory_desc desc = new dnnl_memory_desc();
        check(dnnl_memory_desc_create_with_strides(desc, 2, sizes, type, strides), "describe a matrix");
        return desc;
    }

    private static void destroy(dnnl_memory_desc[] layouts) {
        for (dnnl_memory_desc layout : layouts) {
            dnnl_memory_desc_destroy(layout);
        }
    }

    /** Values around 0.001 to 1: zeros or denormals could be multiplied at another speed. */
    private BytePointer buffer(long elements, DType dtype) {
        long bytes = elements * dtype.bytes();
        BytePointer buffer = new BytePointer(bytes + ALIGNMENT);
        buffers.add(buffer);
        long shift = -buffer.address() & (ALIGNMENT - 1);
        byte[] pattern = pattern(dtype);
        for (long at = 0; at < bytes; at += pattern.length) {
            buffer.position(shift + at).put(pattern, 0, (int) Math.min(pattern.length, bytes - at));
        }
        return buffer.position(shift);
    }

    /** 64 KiB of numbers with random signs and mantissas, and exponents of 2^-10 to 2^-1. */
    private static byte[] pattern(DType dtype) {
        SplittableRandom random = new SplittableRandom(dtype.ordinal());
        byte[] pattern = new byte[1 << 16];
        for (int i = 0; i < pattern.length; i += dtype.bytes()) {
            float value = (float) (random.nextInt(2) == 0 ? 1 : -1)
                    * (1 + random.nextInt(1024) / 1024f)
                    * (float) Math.pow(2, -1 - random.nextInt(10));
            int bits = Float.floatToRawIntBits(value);
            int half = dtype == DType.F16
                    // Another exponent bias; these values are all normal numbers there.
                    ? (bits >>> 16) & 0x8000 | ((bits >>> 23 & 0xFF) - 127 + 15) << 10 | (bits >>> 13) & 0x3FF
                    : bits >>> 16;
            int stored = dtype.bytes() == 4 ? bits : half;
            for (int b = 0; b < dtype.bytes(); b++) {
                pattern[i + b] = (byte) (stored >>> 8 * b);
            }
        }
        return pattern;
    }

    /** Mean time of a product, after one that is not counted. */
    double secondsEach() {
        execute();
        long start = System.nanoTime();
        double seconds = 0;
        int count = 0;
        while (count < 2 || seconds < SECONDS_MIN) {
            execute();
            count++;
            seconds = (System.nanoTime() - start) * 1e-9;
        }
        return seconds / count;
    }

    private void execute() {
        check(dnnl_primitive_execute(primitive, stream, 3, arguments), "run a product");
        check(dnnl_stream_wait(stream), "finish a product");
    }

    private static void check(int status, String what) {
        if (status != dnnl_success) {
            throw new IllegalStateException("oneDNN could not " + what + ": status " + status);
        }
    }

    @Override
    public void close() {
        dnnl_primitive_destroy(primitive);
        memories.forEach(memory -> dnnl_memory_destroy(memory));
        buffers.forEach(BytePointer::close);
        arguments.close();
    }
}
