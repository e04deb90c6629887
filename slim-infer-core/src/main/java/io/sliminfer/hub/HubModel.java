package io.sliminfer.hub;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model on the hub.
 *
 * @param revision branch, tag or commit
 * @param file     a GGUF file of the repository with its path there, or null for the folder as a whole
 */
public record HubModel(String owner, String name, String revision, @Nullable String file) {

    private static final String MAIN = "main";
    private static final int ID_CHARACTERS_MAX = 96;
    private static final int REVISION_CHARACTERS_MAX = 200;

    // As in huggingface_hub: letters, digits, '-', '_', '.', neither starting nor ending with '-' or '.'.
    private static final Pattern PART = Pattern.compile("\\w(?:[\\w.-]*\\w)?");
    // Becomes a path below refs/, so its parts are names of files on every system.
    private static final Pattern REVISION_PART = Pattern.compile("[\\w.+=#@-]*[\\w+=#@-]");
    private static final Pattern FILE_PART = Pattern.compile("[\\w +=()-][\\w .+=()-]*");
    private static final String GGUF = ".gguf";
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    public HubModel(String owner, String name, String revision) {
        this(owner, name, revision, null);
    }

    /**
     * @param text {@code owner/name[/file.gguf][@revision]}; the revision is {@code main} unless given
     * @throws HubException if it is of another form
     */
    public static HubModel parse(String text) {
        int at = text.indexOf('@');
        String id = at < 0 ? text : text.substring(0, at);
        String revision = at < 0 ? MAIN : text.substring(at + 1);
        List<String> parts = List.of(id.split("/", -1));
        List<String> name = parts.subList(0, Math.min(2, parts.size()));
        List<String> file = parts.subList(name.size(), parts.size());
        if (name.size() != 2
                || !name.stream().allMatch(HubModel::isPart)
                || String.join("/", name).length() > ID_CHARACTERS_MAX
                || name.get(1).endsWith(".git")
                || !file.stream().allMatch(part -> FILE_PART.matcher(part).matches())
                || !file.isEmpty() && !file.get(file.size() - 1).endsWith(GGUF)) {
            throw wrong("'" + id + "' is not the name of a model on the hub.");
        }
        if (revision.length() > REVISION_CHARACTERS_MAX
                || !List.of(revision.split("/", -1)).stream()
                        .allMatch(part -> REVISION_PART.matcher(part).matches())) {
            throw wrong("'" + revision + "' is not a revision.");
        }
        return new HubModel(name.get(0), name.get(1), revision, file.isEmpty() ? null : String.join("/", file));
    }

    private static boolean isPart(String part) {
        return PART.matcher(part).matches() && !part.contains("--") && !part.contains("..");
    }

    private static HubException wrong(String description) {
        return new HubException(
                description,
                "Use hf:OWNER/NAME, hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE.gguf, such as hf:Qwen/Qwen3-0.6B@main; a revision is a branch, a tag or a commit.");
    }

    static boolean isCommit(String text) {
        return COMMIT.matcher(text).matches();
    }

    /** {@code owner/name} */
    public String id() {
        return owner + "/" + name;
    }

    @Override
    public String toString() {
        return id() + (file == null ? "" : "/" + file) + "@" + revision;
    }
}
