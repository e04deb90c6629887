package io.sliminfer.benchmarks.quality.longbench;

import io.sliminfer.benchmarks.quality.score.Metric;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * The 21 tasks: most tokens of the answer ({@code dataset2maxlen.json}), score ({@code eval.py}) and a prompt. The prompts here ask for the same
 * in the same order as LongBench's but in our words; for figures that are compared with published ones, its own are read from
 * {@code dataset2prompt.json}, see {@link Prompts}.
 */
public enum LongBenchTask {
    NARRATIVEQA(
            "narrativeqa",
            128,
            Metric.QA_F1,
            around(
                    "Read this story, a novel or a film script, and answer the question after it in as few words as possible.",
                    "Story: {context}",
                    "Answer the question about the story in as few words as possible, without an explanation.",
                    "Question: {input}\n\nAnswer:")),
    QASPER(
            "qasper",
            128,
            Metric.QA_F1,
            around(
                    "Read this scientific article and answer the question after it in a phrase or a sentence.",
                    "Article: {context}",
                    "Answer the question about the article in a phrase or a sentence, without an explanation. To a yes-or-no"
                            + " question answer \"yes\" or \"no\". If the article does not tell, write \"unanswerable\".",
                    "Question: {input}\n\nAnswer:")),
    MULTIFIELDQA_EN(
            "multifieldqa_en",
            64,
            Metric.QA_F1,
            around(
                    "Read this text.",
                    "{context}",
                    "Answer the question about the text. Give the answer only, no other words.",
                    "Question: {input}\nAnswer:")),
    MULTIFIELDQA_ZH(
            "multifieldqa_zh",
            64,
            Metric.QA_F1_ZH,
            around("请阅读下面的文章。", "{context}", "请根据文章回答问题，只给出答案，不要写其他内容。", "问题：{input}\n回答：")),
    HOTPOTQA("hotpotqa", 32, Metric.QA_F1, passages()),
    TWO_WIKI_MQA("2wikimqa", 32, Metric.QA_F1, passages()),
    MUSIQUE("musique", 32, Metric.QA_F1, passages()),
    DUREADER(
            "dureader",
            128,
            Metric.ROUGE_L_ZH,
            around("请阅读下面的文章并回答问题。", "文章：{context}", "请根据以上文章回答问题。", "问题：{input}\n回答：")),
    GOV_REPORT(
            "gov_report",
            512,
            Metric.ROUGE_L,
            around(
                    "Read this report of a government agency.",
                    "Report:\n{context}",
                    "Summarize the report on one page.",
                    "Summary:")),
    QMSUM(
            "qmsum",
            512,
            Metric.ROUGE_L,
            around(
                    "Read this transcript of a meeting.",
                    "Transcript:\n{context}",
                    "Answer the query about the meeting in one or more sentences.",
                    "Query: {input}\nAnswer:")),
    MULTI_NEWS(
            "multi_news",
            512,
            Metric.ROUGE_L,
            around(
                    "Read these news articles.",
                    "News:\n{context}",
                    "Summarize all of the news on one page.",
                    "Summary:")),
    VCSUM("vcsum", 512, Metric.ROUGE_L_ZH, around("请阅读下面的会议记录，并总结会议内容。", "会议记录：\n{context}", "会议总结：")),
    TREC(
            "trec",
            64,
            Metric.CLASSIFICATION,
            "Name the type of the last question, as in these examples.\n\n{context}\n{input}"),
    TRIVIAQA(
            "triviaqa",
            32,
            Metric.QA_F1,
            around(
                    "Answer the last question from its passage, with the answer only, as in these examples.",
                    "{context}",
                    "{input}")),
    SAMSUM(
            "samsum",
            128,
            Metric.ROUGE_L,
            around(
                    "Summarize the last dialogue in a few short sentences, as in these examples.",
                    "{context}",
                    "{input}")),
    LSHT("lsht", 64, Metric.CLASSIFICATION, "请像下面的例子一样，判断最后一条新闻的类别。\n\n{context}\n{input}"),
    PASSAGE_COUNT(
            "passage_count",
            32,
            Metric.COUNT,
            around(
                    "Some of these paragraphs occur more than once. Count the different ones.",
                    "{context}",
                    "How many different paragraphs are there? Answer with the number only, such as 1 or 2.",
                    "The answer is: ")),
    PASSAGE_RETRIEVAL_EN(
            "passage_retrieval_en",
            32,
            Metric.RETRIEVAL,
            around(
                    "Here are 30 paragraphs and the summary of one of them. Find the paragraph that was summarized.",
                    "{context}",
                    "The summary:",
                    "{input}",
                    "Answer with the paragraph in the form \"Paragraph 1\" or \"Paragraph 2\".",
                    "The answer is: ")),
    PASSAGE_RETRIEVAL_ZH(
            "passage_retrieval_zh",
            32,
            Metric.RETRIEVAL_ZH,
            around("下面有若干段落和其中一段的摘要，请找出摘要对应的段落。", "{context}", "摘要：", "{input}", "请按\"段落1\"、\"段落2\"的格式回答。", "答案是：")),
    LCC("lcc", 64, Metric.CODE_SIM, "Complete this code.\n{context}Next line of code:\n"),
    REPOBENCH_P("repobench-p", 64, Metric.CODE_SIM, "Complete this code.\n{context}{input}Next line of code:\n");

    private static final Set<LongBenchTask> FIRST_LINE_ONLY = EnumSet.of(TREC, TRIVIAQA, SAMSUM, LSHT);

    private final String label;
    private final int maxTokens;
    private final Metric metric;
    private final String prompt;

    LongBenchTask(String label, int maxTokens, Metric metric, String prompt) {
        this.label = label;
        this.maxTokens = maxTokens;
        this.metric = metric;
        this.prompt = prompt;
    }

    private static String around(String... parts) {
        return String.join("\n\n", parts);
    }

    private static String passages() {
        return around(
                "Read these passages and answer the question after them.",
                "{context}",
                "Answer the question from the passages. Give the answer only, no other words.",
                "Question: {input}\nAnswer:");
    }

    /** The task's name in LongBench, and of its file. */
    public String label() {
        return label;
    }

    /** Most tokens of the answer. */
    public int maxTokens() {
        return maxTokens;
    }

    public Metric metric() {
        return metric;
    }

    /** Our own prompt, with the fields {@code {context}} and {@code {input}}. */
    String prompt() {
        return prompt;
    }

    /** Whether only the first line of the answer counts: models like to go on with further examples. */
    boolean firstLine() {
        return FIRST_LINE_ONLY.contains(this);
    }

    /** The task of this name; names in LongBench-E end in {@code _e}. */
    static Optional<LongBenchTask> of(String label) {
        String bare = label.endsWith("_e") ? label.substring(0, label.length() - 2) : label;
        return Arrays.stream(values()).filter(task -> task.label.equals(bare)).findFirst();
    }
}
