package io.sliminfer.samples.rag.dashboards;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Panels with queries of a Grafana dashboard. */
record Dashboard(List<Panel> panels) {

    /** @param unit as Grafana names it, such as {@code s} */
    record Panel(String title, String type, String unit, List<Target> targets) {}

    /**
     * @param query  what Prometheus is asked, variables replaced
     * @param legend with labels in double braces
     */
    record Target(String query, String legend) {}

    /** @param rateInterval for {@code $__rate_interval} */
    static Dashboard read(Path file, String rateInterval) {
        List<Panel> panels = new ArrayList<>();
        for (JsonNode panel : JsonMapper.shared().readTree(file.toFile()).get("panels")) {
            List<Target> targets = new ArrayList<>();
            for (JsonNode target : panel.path("targets")) {
                targets.add(new Target(
                        target.get("expr")
                                .asString()
                                .replace("$__rate_interval", rateInterval)
                                .replace("$model", ".*"),
                        target.get("legendFormat").asString()));
            }
            if (!targets.isEmpty()) {
                panels.add(new Panel(
                        panel.get("title").asString(),
                        panel.get("type").asString(),
                        panel.path("fieldConfig").path("defaults").path("unit").asString(""),
                        targets));
            }
        }
        return new Dashboard(panels);
    }
}
