package io.sliminfer.hub;

import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The files of one commit: what {@code GET /api/models/OWNER/NAME/revision/REVISION?blobs=true} answers. */
final class RemoteListing {

    private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final JsonMapper MAPPER = new JsonMapper();

    private final HubModel model;
    private final String commit;
    private final Map<String, JsonNode> siblings;

    private RemoteListing(HubModel model, String commit, Map<String, JsonNode> siblings) {
        this.model = model;
        this.commit = commit;
        this.siblings = siblings;
    }

    /**
     * @throws HubException if this is no such answer
     */
    static RemoteListing parse(HubModel model, byte[] answer) {
        JsonNode root;
        try {
            root = MAPPER.readTree(answer);
        } catch (JacksonException e) {
            throw wrong(model, "is not JSON", e);
        }
        String commit = root.path("sha").asString("");
        if (!HubModel.isCommit(commit)) {
            throw wrong(model, "names no commit", null);
        }
        Map<String, JsonNode> siblings = new TreeMap<>();
        for (JsonNode sibling : root.path("siblings")) {
            siblings.put(sibling.path("rfilename").asString(""), sibling);
        }
        return new RemoteListing(model, commit, siblings);
    }

    private static HubException wrong(HubModel model, String problem, @Nullable Throwable cause) {
        String description = "What the hub says of " + model + " " + problem + ".";
        String action =
                "Check slim-infer.hub.endpoint (HF_ENDPOINT) and proxies: is it a Hugging Face Hub that answers?";
        return cause == null ? new HubException(description, action) : new HubException(description, action, cause);
    }

    String commit() {
        return commit;
    }

    boolean has(String name) {
        return siblings.containsKey(name);
    }

    Set<String> names() {
        return Collections.unmodifiableSet(siblings.keySet());
    }

    /**
     * A file that is there.
     *
     * @throws HubException if its size or checksum is not stated: what cannot be checked is not taken
     */
    RemoteFile file(String name) {
        JsonNode sibling = siblings.get(name);
        if (sibling == null) {
            throw new HubException(
                    model + " has no file " + name + " at commit " + commit + ".",
                    "The repository is incomplete: choose another revision or model.");
        }
        JsonNode lfs = sibling.path("lfs");
        boolean stored = lfs.isObject();
        JsonNode size = stored ? lfs.path("size") : sibling.path("size");
        String etag = stored
                ? lfs.path("sha256").asString("")
                : sibling.path("blobId").asString("");
        if (!size.isIntegralNumber()
                || !size.canConvertToLong()
                || size.longValue() < 0
                || !(stored ? SHA256 : SHA1).matcher(etag).matches()) {
            throw new HubException(
                    "The hub does not say size and checksum of " + name + " of " + model + ".",
                    "Use an endpoint whose API answers blobs=true as huggingface.co does, or download the folder and give its path.");
        }
        return new RemoteFile(name, size.longValue(), etag, stored);
    }
}
