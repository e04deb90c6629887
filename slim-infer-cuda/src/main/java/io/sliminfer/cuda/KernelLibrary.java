package io.sliminfer.cuda;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;

/**
 * Our kernels, compiled for the context's GPU on first use and kept on disk for the next start. One thread, the engine's.
 */
final class KernelLibrary implements AutoCloseable {

    /** NVRTC takes a core for each program, and an application has other things to do at its start. */
    private static final int COMPILER_THREADS_MAX = 16;

    /**
     * One module.
     *
     * @param file    name below {@code io/sliminfer/cuda/kernels/}
     * @param defines its macros
     */
    record Request(String file, Map<String, Integer> defines) {

        Request {
            defines = Map.copyOf(defines);
        }
    }

    private record EntryPoint(Request module, String name) {}

    private final CudaContext context;
    private final DiskCache cache;
    private final String compilerVersion = Nvrtc.version();
    private final KernelArguments arguments;
    private final boolean overlaps;
    private final Map<Request, CUmod_st> modules = new LinkedHashMap<>();
    private final Map<EntryPoint, Kernel> kernels = new HashMap<>();
    private final AtomicInteger compiled = new AtomicInteger();

    private long compileNanos;
    private long loadNanos;
    private boolean closed;

    /**
     * @param cache folder of SlimInfer's caches; machine code goes to {@code cuda-kernels} in it
     */
    KernelLibrary(CudaContext context, Path cache) {
        this.context = context;
        this.cache = new DiskCache(cache.resolve("cuda-kernels"), "CUDA kernels");
        this.overlaps = LaunchOverlap.enabled(context.capability());
        this.arguments = new KernelArguments(context.status());
        context.own(this);
    }

    /**
     * The kernel, the same object for the same request. Made at start, not in the step loop.
     *
     * @throws IllegalArgumentException if there is no such file or entry point
     * @throws IllegalStateException    with the compiler's messages if the source does not compile
     */
    Kernel kernel(String file, String entry, Map<String, Integer> defines) {
        Request request = new Request(file, defines);
        Kernel known = kernels.get(new EntryPoint(request, entry));
        if (known != null) {
            return known;
        }
        prepare(List.of(request));
        CUmod_st module = modules.get(request);
        CUfunc_st function = new CUfunc_st();
        int code = cudart.cuModuleGetFunction(function, module, entry);
        if (code == cudart.cudaErrorSymbolNotFound) {
            throw new IllegalArgumentException("kernels/" + file + " has no entry point " + entry);
        }
        context.status().check(code, "cuModuleGetFunction of " + entry);
        Kernel kernel = new Kernel(
                context,
                arguments,
                file + ":" + entry + " " + request.defines(),
                function,
                overlaps && LaunchOverlap.KERNELS.contains(entry));
        kernels.put(new EntryPoint(request, entry), kernel);
        return kernel;
    }

    /** Loads the modules that are not loaded yet; those that have to be compiled are so side by side. */
    void prepare(Collection<Request> requests) {
        context.status().requireAlive("cuModuleLoadData");
        List<Request> missing = new ArrayList<>(new LinkedHashSet<>(requests));
        missing.removeIf(modules::containsKey);
        if (missing.isEmpty()) {
            return;
        }
        long begin = System.nanoTime();
        List<byte[]> cubins = cubins(missing);
        long compiledAt = System.nanoTime();
        compileNanos += compiledAt - begin;
        for (int i = 0; i < cubins.size(); i++) {
            modules.put(missing.get(i), load(missing.get(i), cubins.get(i)));
        }
        loadNanos += System.nanoTime() - compiledAt;
    }

    private List<byte[]> cubins(List<Request> requests) {
        if (requests.size() == 1) {
            return List.of(cubin(requests.get(0)));
        }
        int threads = Math.min(
                requests.size(),
                Math.min(COMPILER_THREADS_MAX, Runtime.getRuntime().availableProcessors()));
        ExecutorService compilers = Executors.newFixedThreadPool(threads, task -> {
            Thread thread = new Thread(task, "slim-infer-nvrtc");
            thread.setDaemon(true);
            return thread;
        });
        try {
            List<Future<byte[]>> futures = new ArrayList<>();
            for (Request request : requests) {
                futures.add(compilers.submit(() -> cubin(request)));
            }
            List<byte[]> cubins = new ArrayList<>();
            for (Future<byte[]> future : futures) {
                cubins.add(future.get());
            }
            return cubins;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException("a kernel could not be compiled", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while kernels were compiled", e);
        } finally {
            compilers.shutdownNow();
        }
    }

    private byte[] cubin(Request request) {
        KernelSource source = KernelSource.of(request.file(), request.defines(), context.architecture());
        String name = source.cacheName(compilerVersion);
        byte[] cached = cache.read(name);
        if (cached != null) {
            return cached;
        }
        byte[] cubin = Nvrtc.compile(source);
        compiled.incrementAndGet();
        cache.write(name, cubin);
        return cubin;
    }

    private CUmod_st load(Request request, byte[] cubin) {
        CUmod_st module = new CUmod_st();
        try (BytePointer image = new BytePointer(cubin)) {
            context.status()
                    .check(cudart.cuModuleLoadData(module, image), "cuModuleLoadData of kernels/" + request.file());
        }
        return module;
    }

    /** Time spent in getting machine code, from the disk or the compiler. */
    long compileNanos() {
        return compileNanos;
    }

    /** Time spent in loading it to the GPU. */
    long loadNanos() {
        return loadNanos;
    }

    /** Modules that were compiled, not found on disk. */
    int compiled() {
        return compiled.get();
    }

    /** What {@code gemv.cu} is compiled for on this GPU. */
    GemvShape gemvShape() {
        return GemvShape.of(context.sharedBytesPerBlockMax());
    }

    /** Of the next launch. */
    KernelArguments arguments() {
        return arguments;
    }

    /** May be called twice. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        context.released(this, 0);
        for (CUmod_st module : modules.values()) {
            context.free(() -> cudart.cuModuleUnload(module), "cuModuleUnload");
        }
        arguments.close();
    }
}
