package io.sliminfer.samples.tools;

import java.io.PrintStream;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.ai.tool.annotation.Tool;
import org.springframework.ai.tool.annotation.ToolParam;

/** What the model may call. It works offline and in memory; each call is printed. */
public final class Warehouse {

    private final Map<String, Integer> stock = new TreeMap<>(Map.of("P-113", 14, "P-237", 0, "S-632", 120));
    private final PrintStream out;

    public Warehouse(PrintStream out) {
        this.out = out;
    }

    @Tool(description = "Part numbers of all parts that the warehouse keeps")
    public Iterable<String> parts() {
        out.println("-> parts()");
        return stock.keySet();
    }

    @Tool(description = "How many pieces of a part are in stock")
    public int stock(@ToolParam(description = "part number, such as P-113") String part) {
        out.println("-> stock(" + part + ")");
        return inStock(part);
    }

    @Tool(description = "Reserves pieces of a part and returns how many are left")
    public int reserve(
            @ToolParam(description = "part number, such as P-113") String part,
            @ToolParam(description = "number of pieces, 1 or more") int pieces) {
        out.println("-> reserve(" + part + ", " + pieces + ")");
        int left = inStock(part) - pieces;
        if (pieces < 1 || left < 0) {
            // The model is told, and may choose another number.
            throw new IllegalArgumentException(
                    pieces + " pieces of " + part + " cannot be reserved: " + inStock(part) + " are in stock");
        }
        stock.put(part, left);
        return left;
    }

    private int inStock(String part) {
        Integer pieces = stock.get(part);
        if (pieces == null) {
            throw new IllegalArgumentException(
                    "there is no part " + part + "; the parts are " + String.join(", ", stock.keySet()));
        }
        return pieces;
    }
}
