package io.sliminfer.backend;

/** Memory behind the device, or a file behind that, cut into slots of the same size as a {@link KvPool}'s. */
public interface HostPool {

    int slots();

    long slotBytes();
}
