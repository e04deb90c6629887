package io.sliminfer.chat;

import io.sliminfer.text.ChatTemplate;
import io.sliminfer.text.MarkedTextDecoder;
import io.sliminfer.text.MarkedTokenizer;
import io.sliminfer.text.RenderedPrompt;
import io.sliminfer.text.TinyTokenizer;
import io.sliminfer.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

/**
 * A chat engine with tokenizer, template and all, whose model is a function from the prompt's text to the answer's. Both hold control
 * tokens as text: a prompt shows where the template put them, and an answer's become tokens.
 */
public final class ScriptedChat implements AutoCloseable {

    public static final String HERMES = "hermes";
    public static final String LLAMA = "llama";
    public static final String MISTRAL_LIST = "mistral-list";
    public static final String MISTRAL_NAMED = "mistral-named";
    public static final String REASONING = "reasoning";

    private static final String[] MARKS = {
        "<tool_call>",
        "</tool_call>",
        "<|python_tag|>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "[CALL_ID]",
        "<think>",
        "</think>",
        "<|im_start|>",
        "<|im_end|>",
        "[INST]",
        "[/INST]",
        "[AVAILABLE_TOOLS]",
        "[/AVAILABLE_TOOLS]",
        "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]"
    };

    /** Written into an answer, the rest of it is spelled by ordinary tokens, whatever it imitates. */
    public static final String SPELLED = "\u0000";

    private static final int MAX_POSITIONS = 8192;

    private final Tokenizer tokenizer;
    private final ScriptedEngine engine;
    private final LocalChatEngine chat;
    private final List<String> prompts = new CopyOnWriteArrayList<>();

    /**
     * @param template one of the names of this class
     * @param special  whether control tokens are such that decoding leaves them out
     */
    public ScriptedChat(String template, boolean special, Function<String, String> model) {
        this.tokenizer = MarkedTokenizer.load(special, MARKS);
        this.engine = new ScriptedEngine(
                        TinyTokenizer.VOCABULARY + MARKS.length, MAX_POSITIONS, Set.of(TinyTokenizer.END_OF_TURN))
                .answering(ids -> {
                    String prompt = text(ids);
                    prompts.add(prompt);
                    return ids(model.apply(prompt));
                });
        this.chat = new LocalChatEngine(
                "scripted",
                engine,
                tokenizer,
                ChatTemplate.parse(source(template), Map.of("bos_token", "<|begin_of_text|>", "eos_token", "</s>")));
    }

    private static String source(String template) {
        try (InputStream file = Objects.requireNonNull(
                ScriptedChat.class.getResourceAsStream("/tool-templates/" + template + ".jinja"), template)) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Text of ids, control tokens included. */
    public String text(int[] ids) {
        StringBuilder text = new StringBuilder();
        List<String> controls = new ArrayList<>(tokenizer.controlTokens());
        MarkedTextDecoder decoder = tokenizer.newMarkedDecoder(controls, new MarkedTextDecoder.Reader() {
            @Override
            public void text(String piece) {
                text.append(piece);
            }

            @Override
            public void mark(String mark, boolean token) {
                text.append(mark);
            }
        });
        for (int id : ids) {
            decoder.append(id);
        }
        decoder.finish();
        return text.toString();
    }

    private int[] ids(String answer) {
        int at = answer.indexOf(SPELLED);
        int[] trusted = tokenizer.encode(RenderedPrompt.trusted(at < 0 ? answer : answer.substring(0, at)));
        int[] spelled = at < 0 ? new int[0] : tokenizer.encode(RenderedPrompt.untrusted(answer.substring(at + 1)));
        int[] ids = Arrays.copyOf(trusted, trusted.length + spelled.length + 1);
        System.arraycopy(spelled, 0, ids, trusted.length, spelled.length);
        ids[ids.length - 1] = TinyTokenizer.END_OF_TURN;
        return ids;
    }

    public ChatEngine chat() {
        return chat;
    }

    /** What the model was given, in order. */
    public List<String> prompts() {
        return prompts;
    }

    public ScriptedEngine engine() {
        return engine;
    }

    @Override
    public void close() {
        chat.close();
    }
}
