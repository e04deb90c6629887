package io.sliminfer.cuda;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * In what form a weight lies in device memory. {@code auto}: blocks of a GGUF file stay as they are, everything else is dense. {@code
 * bf16}: dense. {@code int8}: 8 bits, but for what must not be quantised, which is as with {@code auto}. Always dense are gains, tables that only embed, and matrices whose rows are not whole blocks of 32
 * columns (no published model has such).
 */
record WeightForms(WeightPrecision precision) {

    /** The form of each part, or nothing if the weight is dense. */
    List<PackedForm> of(WeightSpec spec) {
        return precision == WeightPrecision.INT8 && spec.kept() == null && packs(spec)
                ? Collections.nCopies(spec.parts().size(), PackedForm.INT8)
                : exact(spec);
    }

    /** Forms that keep a file's blocks as they are, or nothing if there are none for all parts. */
    List<PackedForm> exact(WeightSpec spec) {
        List<PackedForm> forms = new ArrayList<>();
        if (precision == WeightPrecision.BF16 || !packs(spec)) {
            return forms;
        }
        for (TensorSource part : spec.parts()) {
            PackedForm form = part instanceof QuantisedTensor blocks ? PackedForm.of(blocks.type()) : null;
            if (form == null) {
                return List.of();
            }
            forms.add(form);
        }
        return forms;
    }

    private static boolean packs(WeightSpec spec) {
        return spec.use() != WeightSpec.Use.GAIN
                && spec.use() != WeightSpec.Use.LOOKUP
                && PackedForm.fits(spec.columns());
    }

    /** Why a weight is not in 8 bits although others are, or null. */
    @Nullable
    String kept(WeightSpec spec) {
        if (precision != WeightPrecision.INT8
                || spec.use() == WeightSpec.Use.GAIN
                || spec.use() == WeightSpec.Use.LOOKUP) {
            return null;
        }
        return spec.kept() != null || packs(spec) ? spec.kept() : "rows of " + spec.columns() + " are not whole blocks";
    }
}
