package io.sliminfer.cuda;

import io.sliminfer.backend.WeightForm;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.ChannelQuantiser;
import io.sliminfer.format.DType;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.RandomTensor;
import io.sliminfer.format.TensorSource;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Brings weights to the device, in the form that they have there. Engine thread only. */
final class CudaWeights {

    private final CudaContext context;
    private final CudaStream stream;
    private final DType compute;
    private final Kernels kernels;
    private final PackedKernels packed;
    private final WeightForms forms;
    /** Open while weights are loaded; its buffers are free again for the KV cache, which comes after them. */
    private @Nullable WeightLoader loader;

    CudaWeights(
            CudaContext context,
            CudaStream stream,
            DType compute,
            Kernels kernels,
            PackedKernels packed,
            WeightForms forms) {
        this.context = context;
        this.stream = stream;
        this.compute = compute;
        this.kernels = kernels;
        this.packed = packed;
        this.forms = forms;
    }

    /** Device memory that these will take; what stays in host memory does not count, nor do gains and biases. */
    long bytes(List<WeightSpec> specs) {
        long bytes = 0;
        for (WeightSpec spec : specs) {
            if (spec.use() != WeightSpec.Use.GAIN && spec.use() != WeightSpec.Use.LOOKUP) {
                List<PackedForm> chosen = forms.of(spec);
                bytes += chosen.isEmpty()
                        ? denseBytes(spec)
                        : PackedLayout.of(spec, chosen, 0).bytes();
            }
        }
        return bytes;
    }

    /** Forms of all that will be packed. */
    List<PackedForm> formsOf(List<WeightSpec> specs) {
        return specs.stream()
                .flatMap(spec -> forms.of(spec).stream())
                .distinct()
                .toList();
    }

    private long denseBytes(WeightSpec spec) {
        return spec.rows() * spec.columns() * compute.bytes();
    }

    CudaWeight load(WeightSpec spec) {
        if (spec.use() == WeightSpec.Use.GAIN) {
            TensorSource source = spec.parts().get(0);
            long address = vector(spec.name(), List.of(source));
            return dense(spec.name(), 1, source.columns(), source.columns() * 4, address, 0, null, DType.F32);
        }
        for (TensorSource part : spec.parts()) {
            if (part.columns() != spec.columns()) {
                throw new IllegalArgumentException(spec.name() + ": " + part.name() + " has " + part.columns()
                        + " columns, the parts before it " + spec.columns());
            }
        }
        long bias = spec.biases().isEmpty() ? 0 : vector(spec.name() + ".bias", spec.biases());
        List<PackedForm> chosen = forms.of(spec);
        if (chosen.isEmpty()) {
            return loadDense(spec, bias, forms.kept(spec));
        }
        DeviceMemory memory = memory(spec, chosen);
        CudaWeight packed = loadPacked(spec, chosen, memory, bias, forms.kept(spec));
        double loss = packed.form().loss().relative();
        if (loss <= ChannelQuantiser.LOSS_MAX) {
            return packed;
        }
        memory.close();
        String reason = String.format(Locale.ROOT, "8 bits would lose %.1f %% of it", 100 * loss);
        List<PackedForm> exact = forms.exact(spec);
        return exact.isEmpty()
                ? loadDense(spec, bias, reason)
                : loadPacked(spec, exact, memory(spec, exact), bias, reason);
    }

    private CudaWeight loadDense(WeightSpec spec, long bias, @Nullable String kept) {
        long bytes = denseBytes(spec);
        // A table that only embeds is read one row a token: over the bus that is a hundredth of a prefill, and the
        // table is a
        // sixteenth of the weights of an 8B model.
        PinnedMemory host = spec.use() == WeightSpec.Use.LOOKUP ? context.pinned(spec.name(), bytes) : null;
        long address = host != null
                ? host.deviceAddress()
                : context.allocate(spec.name(), bytes).address();
        long row = 0;
        for (TensorSource part : spec.parts()) {
            long offset = row * spec.columns() * compute.bytes();
            if (host != null && part.dtype() == compute && !(part instanceof RandomTensor)) {
                loader().loadOnHost(part, host, offset);
            } else {
                loader().load(part, address + offset, compute);
            }
            row += part.rows();
        }
        return dense(spec.name(), row, spec.columns(), bytes, address, bias, kept, compute);
    }

    private static CudaWeight dense(
            String name,
            long rows,
            long columns,
            long bytes,
            long address,
            long bias,
            @Nullable String kept,
            DType dtype) {
        WeightForm form = new WeightForm(dtype.name().toLowerCase(Locale.ROOT), ChannelQuantiser.Loss.NONE, kept);
        return new CudaWeight(name, rows, columns, bytes, address, bias, List.of(), form);
    }

    private DeviceMemory memory(WeightSpec spec, List<PackedForm> chosen) {
        return context.allocate(spec.name(), PackedLayout.of(spec, chosen, 0).bytes());
    }

    private CudaWeight loadPacked(
            WeightSpec spec, List<PackedForm> chosen, DeviceMemory memory, long bias, @Nullable String kept) {
        PackedLayout layout = PackedLayout.of(spec, chosen, memory.address());
        stream.fill(memory.address(), 0, memory.bytes());
        ChannelQuantiser.Loss loss = ChannelQuantiser.Loss.NONE;
        long row = 0;
        for (TensorSource part : spec.parts()) {
            PackedPart target = layout.slice(row, part.rows());
            if (target.form() == PackedForm.INT8) {
                loss = loss.plus(loader().quantise(part, target));
            } else {
                loader().pack((QuantisedTensor) part, target);
            }
            row += part.rows();
        }
        String types = chosen.stream()
                .distinct()
                .map(form -> form.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(" + "));
        return new CudaWeight(
                spec.name(),
                row,
                spec.columns(),
                memory.bytes(),
                0,
                bias,
                layout.parts(),
                new WeightForm(types, loss, kept));
    }

    private WeightLoader loader() {
        WeightLoader open = loader;
        if (open == null) {
            open = new WeightLoader(context, stream, kernels, packed);
            loader = open;
        }
        return open;
    }

    /** Waits for what is on its way, and gives staging memory back. Weights may be loaded again after it. */
    void endLoading() {
        WeightLoader open = loader;
        if (open != null) {
            loader = null;
            open.close();
        }
    }

    /** Vectors one after the other as float32; returns their address. */
    private long vector(String name, List<TensorSource> parts) {
        long elements = parts.stream().mapToLong(TensorSource::columns).sum();
        long address = context.allocate(name, elements * 4).address();
        long at = address;
        for (TensorSource part : parts) {
            loader().load(part, at, DType.F32);
            at += part.columns() * 4;
        }
        return address;
    }
}
