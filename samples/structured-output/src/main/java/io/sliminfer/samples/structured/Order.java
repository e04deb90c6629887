package io.sliminfer.samples.structured;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.swagger.v3.oas.annotations.media.Schema;
import java.time.LocalDate;

/** What the answer must be: names, types, the values of the enum, the form of the date and the length of text are enforced. */
public record Order(
        @JsonPropertyDescription("part number, such as P-113") @Schema(maxLength = 12) String part,
        @Schema(minimum = "1") int pieces,
        Priority priority,
        LocalDate due) {

    public enum Priority {
        LOW,
        NORMAL,
        URGENT
    }
}
