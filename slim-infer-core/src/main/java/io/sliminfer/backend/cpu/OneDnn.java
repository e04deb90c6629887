package io.sliminfer.backend.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import io.sliminfer.format.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The oneDNN library: loaded once for the process, with one CPU engine.
 *
 * <p>oneDNN's threads are OpenMP's. How many it uses is a setting of the calling thread, see {@link #useThreads}.
 */
final class OneDnn {

    private static final Logger log = LoggerFactory.getLogger(OneDnn.class);

    /** About as long as it takes to go to sleep and wake up. */
    private static final String SPINS = "2000";

    /** Why the library cannot be used here, or null if it can. */
    static final @Nullable String UNUSABLE;

    private static final dnnl_engine ENGINE = new dnnl_engine();
    /** Sets the calling thread's number of OpenMP threads; null where the runtime was not found. */
    private static final @Nullable Function SET_THREADS;

    static {
        // JavaCPP's limits count the whole process's memory, mapped weights included, against four times -Xmx; a large
        // model
        // would hit them without using any Java memory. An application that set its own limits keeps them.
        defaultProperty("org.bytedeco.javacpp.maxBytes");
        defaultProperty("org.bytedeco.javacpp.maxPhysicalBytes");
        calmOpenMp();
        UNUSABLE = load();
        SET_THREADS = UNUSABLE == null ? openMpFunction() : null;
    }

    private OneDnn() {}

    private static void defaultProperty(String name) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, "0");
        }
    }

    /**
     * GNU OpenMP's threads spin for milliseconds before they sleep, which starves whatever else wants the cores: under load an
     * attention of 1.5 s took 9.7 s. The library reads the environment when it is loaded, so a default is put there if the user
     * has none.
     */
    private static void calmOpenMp() {
        if (Platform.isLinux() && System.getenv("OMP_WAIT_POLICY") == null && System.getenv("GOMP_SPINCOUNT") == null) {
            try {
                NativeLibrary.getProcess().getFunction("setenv").invokeInt(new Object[] {"GOMP_SPINCOUNT", SPINS, 0});
            } catch (LinkageError | RuntimeException e) {
                log.debug("OpenMP keeps its own waiting policy", e);
            }
        }
    }

    private static @Nullable String load() {
        try {
            Loader.load(org.bytedeco.dnnl.global.dnnl.class);
            check(dnnl_engine_create(ENGINE, dnnl_cpu, 0), "create a CPU engine");
            return null;
        } catch (Throwable e) { // NoClassDefFoundError, UnsatisfiedLinkError, IOException of the unpacking, ...
            log.debug("oneDNN cannot be loaded", e);
            Throwable root = e;
            while (root.getCause() != null && root.getCause() != root) {
                root = root.getCause();
            }
            return "oneDNN cannot be loaded: " + root + " (is org.bytedeco:dnnl with the classifier "
                    + System.getProperty("os.name") + "/" + System.getProperty("os.arch") + " on the class path?)";
        }
    }

    static dnnl_engine engine() {
        return ENGINE;
    }

    static dnnl_stream newStream() {
        dnnl_stream stream = new dnnl_stream();
        check(dnnl_stream_create(stream, ENGINE, dnnl_stream_in_order), "create a stream");
        return stream;
    }

    /** The dtype that this CPU multiplies fastest: bf16 where it has instructions for it. */
    static DType fastestDType() {
        return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16
                ? DType.BF16
                : DType.F32;
    }

    /** Whether bf16 products run at all, fast or not. */
    static boolean supportsBf16() {
        int isa = dnnl_get_effective_cpu_isa();
        return (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core
                || (isa & dnnl_cpu_isa_avx2_vnni_2) == dnnl_cpu_isa_avx2_vnni_2;
    }

    static String version() {
        return dnnl_version().major() + "." + dnnl_version().minor() + "."
                + dnnl_version().patch();
    }

    static String instructionSet() {
        int isa = dnnl_get_effective_cpu_isa();
        String[] names = {
            "AMX", "AVX-512 fp16", "AVX-512 bf16", "AVX-512 VNNI", "AVX-512", "AVX2 VNNI", "AVX2", "AVX", "SSE4.1"
        };
        int[] sets = {
            dnnl_cpu_isa_avx512_core_amx,
            dnnl_cpu_isa_avx512_core_fp16,
            dnnl_cpu_isa_avx512_core_bf16,
            dnnl_cpu_isa_avx512_core_vnni,
            dnnl_cpu_isa_avx512_core,
            dnnl_cpu_isa_avx2_vnni,
            dnnl_cpu_isa_avx2,
            dnnl_cpu_isa_avx,
            dnnl_cpu_isa_sse41
        };
        for (int i = 0; i < sets.length; i++) {
            if ((isa & sets[i]) == sets[i]) {
                return names[i];
            }
        }
        return System.getProperty("os.arch");
    }

    /**
     * Sets how many threads oneDNN uses when the calling thread runs a primitive. OpenMP counts the machine's cores, not those
     * that a container may use, so this is called even for the default.
     */
    static void useThreads(int threads) {
        if (SET_THREADS != null) {
            SET_THREADS.invoke(new Object[] {threads});
        }
    }

    /** Whether {@link #useThreads} has an effect. */
    static boolean canUseThreads() {
        return SET_THREADS != null;
    }

    private static @Nullable Function openMpFunction() {
        String openMp = loadedOpenMp();
        if (openMp == null) {
            log.warn(
                    "The OpenMP runtime of oneDNN was not found, so slim-infer.threads has no effect on it: set the environment variable OMP_NUM_THREADS instead.");
            return null;
        }
        return NativeLibrary.getInstance(openMp).getFunction("omp_set_num_threads");
    }

    /** The OpenMP library that was loaded next to libdnnl. */
    private static @Nullable String loadedOpenMp() {
        try {
            Path dnnl = Path.of(Loader.load(org.bytedeco.dnnl.global.dnnl.class));
            for (String name : new String[] {
                "libgomp.so.1", "libiomp5.dylib", "libomp.dylib", "libiomp5.so", "vcomp140.dll", "libiomp5md.dll"
            }) {
                Path file = dnnl.resolveSibling(name);
                if (Files.exists(file)) {
                    return file.toString();
                }
            }
        } catch (RuntimeException | LinkageError e) {
            log.debug("The OpenMP runtime cannot be looked up", e);
        }
        return null;
    }

    static int dataType(DType dtype) {
        return switch (dtype) {
            case F32 -> dnnl_f32;
            case BF16 -> dnnl_bf16;
            case F16 -> dnnl_f16;
            case I32 -> dnnl_s32;
        };
    }

    static void check(int status, String what) {
        if (status != dnnl_success) {
            throw new IllegalStateException("oneDNN could not " + what + ": status " + status
                    + (status == dnnl_out_of_memory
                            ? " (out of memory)"
                            : status == dnnl_unimplemented ? " (unimplemented)" : ""));
        }
    }
}
