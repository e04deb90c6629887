package io.sliminfer.cuda;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/** NVIDIA's run-time compiler. Needs no GPU. Thread-safe: each call has a program of its own. */
final class Nvrtc {

    private Nvrtc() {}

    /** Such as {@code 13.0}. */
    static String version() {
        int[] major = new int[1];
        int[] minor = new int[1];
        check(nvrtc.nvrtcVersion(major, minor), "nvrtcVersion");
        return major[0] + "." + minor[0];
    }

    /**
     * Machine code for the architecture in the source's options.
     *
     * @throws IllegalStateException with the compiler's messages if it refuses the source
     */
    static byte[] compile(KernelSource source) {
        List<BytePointer> strings = new ArrayList<>();
        _nvrtcProgram program = new _nvrtcProgram();
        try (PointerPointer<BytePointer> headers = pointers(strings, List.of(source.common()));
                PointerPointer<BytePointer> names = pointers(strings, List.of(KernelSource.HEADER));
                PointerPointer<BytePointer> options = pointers(strings, source.options())) {
            check(
                    nvrtc.nvrtcCreateProgram(
                            program, string(strings, source.text()), string(strings, source.file()), 1, headers, names),
                    "nvrtcCreateProgram");
            int code = nvrtc.nvrtcCompileProgram(program, source.options().size(), options);
            if (code != 0) {
                throw new IllegalStateException("kernels/" + source.file() + " does not compile with "
                        + String.join(" ", source.options()) + ": " + error(code) + "\n" + log(program));
            }
            return cubin(program);
        } finally {
            if (!program.isNull()) {
                nvrtc.nvrtcDestroyProgram(program);
            }
            strings.forEach(BytePointer::close);
        }
    }

    private static byte[] cubin(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
            byte[] cubin = new byte[Math.toIntExact(size.get())];
            check(nvrtc.nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN");
            return cubin;
        }
    }

    private static String log(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtc.nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
            byte[] log = new byte[Math.toIntExact(size.get())];
            check(nvrtc.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
            return new String(log, 0, Math.max(0, log.length - 1), StandardCharsets.UTF_8).strip();
        }
    }

    private static PointerPointer<BytePointer> pointers(List<BytePointer> strings, List<String> texts) {
        PointerPointer<BytePointer> pointers = new PointerPointer<>(texts.size());
        for (int i = 0; i < texts.size(); i++) {
            pointers.put(i, string(strings, texts.get(i)));
        }
        return pointers;
    }

    /** Ends with a zero byte; freed with the list. */
    private static BytePointer string(List<BytePointer> strings, String text) {
        BytePointer pointer = new BytePointer(text, StandardCharsets.UTF_8);
        strings.add(pointer);
        return pointer;
    }

    private static void check(int code, String call) {
        if (code != 0) {
            throw new IllegalStateException(call + " failed: " + error(code));
        }
    }

    private static String error(int code) {
        try (BytePointer text = nvrtc.nvrtcGetErrorString(code)) {
            return text.getString();
        }
    }
}
