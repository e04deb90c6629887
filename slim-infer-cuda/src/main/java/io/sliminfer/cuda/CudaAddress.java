package io.sliminfer.cuda;

import org.bytedeco.javacpp.Pointer;

/** An address as JavaCPP wants it, which it neither frees nor counts. Hot paths move one object instead of making many. */
final class CudaAddress extends Pointer {

    CudaAddress(long address) {
        super((Pointer) null);
        this.address = address;
    }

    CudaAddress at(long to) {
        this.address = to;
        return this;
    }
}
