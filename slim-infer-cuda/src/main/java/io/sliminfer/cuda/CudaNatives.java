package io.sliminfer.cuda;

import com.sun.jna.NativeLibrary;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads NVIDIA's libraries and then JavaCPP's bindings, whose dependencies are met by name once the libraries are in the process.
 * No class that uses the bindings may be initialised before {@link #load} has returned: a first touch that fails cannot be
 * repeated in this process.
 */
final class CudaNatives {

    private static final List<Path> DRIVER_FOLDERS = List.of(
            Path.of("/usr/lib/x86_64-linux-gnu"),
            Path.of("/usr/lib64"),
            Path.of("/usr/local/nvidia/lib64"),
            Path.of("/usr/lib/wsl/lib"));

    private static final List<String> LIMITS =
            List.of("org.bytedeco.javacpp.maxBytes", "org.bytedeco.javacpp.maxPhysicalBytes");

    private static final Logger log = LoggerFactory.getLogger(CudaNatives.class);

    private static boolean loaded;

    private CudaNatives() {}

    /**
     * Does its work once for each process; a failure may be followed by another try. Thread-safe.
     *
     * @throws IllegalStateException if a library is missing or cannot be loaded; the message names it and the fix
     */
    static synchronized void load(CudaLibraries libraries) {
        if (loaded) {
            return;
        }
        liftMemoryLimits();
        if (!System.getProperty("os.name").startsWith("Linux")
                || !System.getProperty("os.arch").equals("amd64")) {
            throw new IllegalStateException("slim-infer-cuda runs on Linux x86_64 only, this is "
                    + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        }
        List<CudaLibraries.Library> found = inLoadOrder(libraries);
        loadDriver(libraries);
        for (CudaLibraries.Library library : found) {
            loadFile(library.name(), fileOf(library));
        }
        loadBindings();
        warnOfMemoryLimit();
        loaded = true;
    }

    /**
     * JavaCPP refuses even one byte when the whole process, with page-locked buffers and mapped weights, has outgrown a multiple of
     * the heap. It reads the limits when its first pointer class is initialised.
     */
    private static void liftMemoryLimits() {
        for (String limit : LIMITS) {
            if (System.getProperty(limit) == null) {
                System.setProperty(limit, "0");
            }
        }
    }

    private static void warnOfMemoryLimit() {
        if ("0".equals(System.getProperty(LIMITS.get(1))) && Pointer.maxPhysicalBytes() > 0) {
            log.warn(
                    "JavaCPP was in use before CUDA was loaded and limits this process to {} bytes of memory, mapped weights and"
                            + " page-locked buffers included. Start the JVM with -D{}=0 -D{}=0.",
                    Pointer.maxPhysicalBytes(),
                    LIMITS.get(0),
                    LIMITS.get(1));
        }
    }

    /** Runtime, compiler with what it loads by itself, matrix products: each after what it needs. */
    static List<CudaLibraries.Library> inLoadOrder(CudaLibraries libraries) {
        List<String> missing = libraries.missing();
        if (!missing.isEmpty()) {
            throw new IllegalStateException(String.join(", ", missing) + libraries.remedy());
        }
        List<CudaLibraries.Library> order = new ArrayList<>();
        for (String name : CudaLibraries.NAMES) {
            CudaLibraries.Library library = libraries.find(name).orElseThrow();
            if (name.equals(CudaLibraries.COMPILER)) {
                order.add(libraries.findBuiltins(library).orElseThrow());
            }
            order.add(library);
        }
        return order;
    }

    private static void loadDriver(CudaLibraries libraries) {
        String name = NativeCudaDriver.LIBRARY;
        List<Path> folders = new ArrayList<>(libraries.folders());
        folders.addAll(DRIVER_FOLDERS);
        for (Path folder : folders) {
            if (Files.exists(folder.resolve(name))) {
                loadFile(name, folder.resolve(name));
                return;
            }
        }
        try {
            // The system's loader knows more folders (ld.so.conf) than we do.
            NativeLibrary.getInstance(name);
        } catch (UnsatisfiedLinkError e) {
            throw new IllegalStateException(
                    name
                            + " not found (no NVIDIA driver): install the driver to use a GPU, or set slim-infer.backend=cpu",
                    e);
        }
    }

    private static Path fileOf(CudaLibraries.Library library) {
        if (library.file() != null) {
            return library.file();
        }
        try {
            File unpacked = Loader.cacheResource(library.resource());
            if (unpacked == null) {
                throw new IOException("no cache folder");
            }
            return unpacked.toPath();
        } catch (IOException e) {
            throw new IllegalStateException(
                    library.name() + " in " + library.resource()
                            + " cannot be unpacked: make room in org.bytedeco.javacpp.cachedir (default ~/.javacpp/cache)",
                    e);
        }
    }

    private static void loadFile(String name, Path file) {
        try {
            System.load(file.toAbsolutePath().toString());
        } catch (UnsatisfiedLinkError e) {
            throw new IllegalStateException(
                    name + " cannot be loaded from " + file + " (" + e.getMessage()
                            + "): reinstall it, or put another folder with CUDA 13 first in LD_LIBRARY_PATH",
                    e);
        }
    }

    private static void loadBindings() {
        try {
            Loader.load(org.bytedeco.cuda.global.cudart.class);
            Loader.load(org.bytedeco.cuda.global.nvrtc.class);
            Loader.load(org.bytedeco.cuda.global.cublas.class);
        } catch (LinkageError e) {
            throw new IllegalStateException(
                    "the CUDA binding of JavaCPP cannot be loaded (" + e
                            + "): keep org.bytedeco:cuda with classifier linux-x86_64 on the class path, and"
                            + " org.bytedeco.javacpp.cachedir writable (default ~/.javacpp/cache)",
                    e);
        }
    }
}
