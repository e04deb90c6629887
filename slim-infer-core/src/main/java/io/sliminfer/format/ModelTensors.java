package io.sliminfer.format;

import java.security.MessageDigest;
import java.util.List;
import java.util.Set;

/** The tensors of a model by their Hugging Face names, whatever the files are. Any thread. */
interface ModelTensors extends AutoCloseable {

    /** Names of all tensors; those without a Hugging Face name have that of their file. */
    Set<String> tensorNames();

    boolean has(String tensor);

    List<Long> shape(String tensor);

    /**
     * @throws ModelFormatException if there is none, or it cannot be read
     */
    TensorSource tensor(String tensor);

    /** File and name there for messages, such as {@code model.safetensors: tensor model.norm.weight}. */
    String place(String tensor);

    /** Where a missing tensor should have been listed, for messages. */
    String listing();

    /** What states the shapes, for messages: {@code config.json}. */
    String description();

    /** Names of the quantised types that are decoded when they are read; empty if none. */
    List<String> quantisedTypes();

    /** Adds to a digest what tells the files from others, see {@link MappedFile#identify}. */
    void identify(MessageDigest digest);

    @Override
    void close();
}
