package io.sliminfer.cuda;

import io.sliminfer.backend.WeightPrecision;
import io.sliminfer.backend.WeightSpec;
import io.sliminfer.format.QuantisedTensor;
import io.sliminfer.format.TensorSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * In what form a weight lies in device memory. {@code auto}: blocks of a GGUF file stay as they are, everything else is dense. {@code
 * bf16}: dense. {@code int8}: 8 bits. Always dense are gains, tables that only embed, and matrices whose rows are not whole blocks of 32
 * columns (no published model has such).
 */
record WeightForms(WeightPrecision precision) {

    /** The form of each part, or nothing if the weight is dense. */
    List<PackedForm> of(WeightSpec spec) {
        if (precision == WeightPrecision.BF16
                || spec.use() == WeightSpec.Use.GAIN
                || spec.use() == WeightSpec.Use.LOOKUP
                || !PackedForm.fits(spec.columns())) {
            return List.of();
        }
        if (precision == WeightPrecision.INT8) {
            return Collections.nCopies(spec.parts().size(), PackedForm.INT8);
        }
        List<PackedForm> forms = new ArrayList<>();
        for (TensorSource part : spec.parts()) {
            PackedForm form = part instanceof QuantisedTensor blocks ? PackedForm.of(blocks.type()) : null;
            if (form == null) {
                return List.of();
            }
            forms.add(form);
        }
        return forms;
    }
}
