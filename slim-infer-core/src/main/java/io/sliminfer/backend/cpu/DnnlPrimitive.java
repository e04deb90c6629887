package io.sliminfer.backend.cpu;

import static io.sliminfer.backend.cpu.OneDnn.check;
import static org.bytedeco.dnnl.global.dnnl.*;

import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.Pointer;

/**
 * A compiled oneDNN operation of fixed shapes with its argument list. Arguments are addresses, set anew at each execution, so
 * that a call makes no garbage. One thread at a time.
 */
final class DnnlPrimitive implements AutoCloseable {

    private final dnnl_primitive primitive = new dnnl_primitive();
    private final dnnl_memory[] memories;
    private final dnnl_exec_arg_t arguments;
    private final NativeMemory.Address address = new NativeMemory.Address(0);
    private final String what;
    private final dnnl_stream stream;

    /**
     * @param arguments oneDNN's argument numbers
     * @param layouts   a layout for each argument; not freed here
     */
    DnnlPrimitive(
            String what, dnnl_stream stream, dnnl_primitive_desc desc, int[] arguments, dnnl_memory_desc[] layouts) {
        this.what = what;
        this.stream = stream;
        check(dnnl_primitive_create(primitive, desc), "compile " + what);
        memories = new dnnl_memory[arguments.length];
        this.arguments = new dnnl_exec_arg_t(arguments.length);
        for (int i = 0; i < arguments.length; i++) {
            memories[i] = new dnnl_memory();
            check(
                    dnnl_memory_create(memories[i], layouts[i], OneDnn.engine(), (Pointer) null),
                    "describe an argument of " + what);
            this.arguments.position(i).arg(arguments[i]).memory(memories[i]);
        }
        this.arguments.position(0);
    }

    @Override
    public String toString() {
        return what;
    }

    void execute(long first, long second) {
        argument(0, first);
        argument(1, second);
        run();
    }

    void execute(long first, long second, long third) {
        argument(0, first);
        argument(1, second);
        argument(2, third);
        run();
    }

    void execute(long first, long second, long third, long fourth) {
        argument(0, first);
        argument(1, second);
        argument(2, third);
        argument(3, fourth);
        run();
    }

    void execute(long first, long second, long third, long fourth, long fifth) {
        argument(0, first);
        argument(1, second);
        argument(2, third);
        argument(3, fourth);
        argument(4, fifth);
        run();
    }

    private void argument(int index, long at) {
        dnnl_memory_set_data_handle(memories[index], address.at(at));
    }

    private void run() {
        check(dnnl_primitive_execute(primitive, stream, memories.length, arguments), "run " + what);
    }

    @Override
    public void close() {
        dnnl_primitive_destroy(primitive);
        for (dnnl_memory memory : memories) {
            dnnl_memory_destroy(memory);
        }
        arguments.close();
    }
}
