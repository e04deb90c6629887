package io.sliminfer.benchmarks.speed;

/** What the JVMs of peers have in common: they are halted at their end, because libraries leave threads behind. */
final class PeerMain {

    private PeerMain() {}

    /** Loads a peer's model, warms up, measures; says {@code READY} between the first two. */
    interface Measurement {
        /** The line of {@link PeerResult}. */
        String measure(PeerRequest request) throws Exception;
    }

    static void run(String[] arguments, Measurement measurement) {
        int status = 0;
        try {
            System.out.println(ChildProcess.RESULT + measurement.measure(PeerRequest.of(arguments)));
        } catch (Throwable e) { // UnsatisfiedLinkError where there is no native for this system
            System.out.println(ChildProcess.FAILED + reason(e));
            status = 1;
        }
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    static void ready() {
        System.out.println(ChildProcess.READY);
        System.out.flush();
    }

    private static String reason(Throwable failure) {
        Throwable root = failure;
        while (root instanceof java.lang.reflect.InvocationTargetException && root.getCause() != null) {
            root = root.getCause();
        }
        String message = String.valueOf(root.getMessage()).lines().findFirst().orElse("");
        return root instanceof IllegalStateException ? message : root.getClass().getSimpleName() + ": " + message;
    }
}
