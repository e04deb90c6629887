package io.sliminfer.engine;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Draws a token by temperature, top-k, top-p and min-p: as if all tokens were sorted by falling logit and rising id, cut, and the
 * drawn share of the mass that is left counted off from the best one. Sorted is only what the answer depends on: with top-k a heap
 * of the k best, else tokens are counted into {@value #BUCKETS} buckets by logit, and of these the one with the cut and the one with the
 * drawn share are sorted. One pass computes an exponential for each token, everything else is cheap.
 */
final class TokenDraw {

    private static final int BUCKETS = 1024;

    /** Tokens with less than e^-80 of the best one's probability have no chance worth a double. */
    private static final double RANGE_MAX = 80;

    /** Distance from the best logit up to which buckets tell tokens apart; farther ones share the last. */
    private static final double LOGITS_MAX = 40;

    private final float[] logits;
    private final double max;
    private final double perTemperature;
    private final double floor;

    private final double bucketScale;
    /** Of a bucket, in units of the exponent: at most 0.08. */
    private final double bucketWidth;

    private TokenDraw(float[] logits, double max, Sampling sampling) {
        this.logits = logits;
        this.max = max;
        this.perTemperature = 1 / sampling.temperature();
        double range = RANGE_MAX * sampling.temperature();
        // Without top-p the tokens that min-p drops count for nothing; a little is left for rounding.
        boolean onlyMinP = sampling.minP() > 0 && sampling.topP() == 1;
        this.floor =
                max - (onlyMinP ? Math.min(range, (1e-6 - Math.log(sampling.minP())) * sampling.temperature()) : range);
        this.bucketScale = (BUCKETS - 1) / Math.min(range, LOGITS_MAX);
        this.bucketWidth = perTemperature / bucketScale;
    }

    /**
     * The drawn token; takes one number from {@code random}.
     *
     * @param logits finite or negative infinity
     * @param best   index of the largest, which is finite
     */
    static int draw(float[] logits, int best, Sampling sampling, SplittableRandom random) {
        TokenDraw draw = new TokenDraw(logits, logits[best], sampling);
        double share = random.nextDouble();
        return sampling.topK() > 0 && sampling.topK() < logits.length
                ? draw.ofBest(sampling, share)
                : draw.ofAll(sampling, share);
    }

    private double weight(float logit) {
        return FastExp.of((logit - max) * perTemperature);
    }

    private int bucket(float logit) {
        return Math.min(BUCKETS - 1, (int) ((max - logit) * bucketScale));
    }

    private int ofBest(Sampling sampling, double share) {
        long[] best = sortedBest(sampling.topK());
        double sum = 0;
        for (long key : best) {
            sum += weight(logits[id(key)]);
        }
        Cut cut = cut(
                best, best.length, 0, sampling.topP() < 1 ? sampling.topP() * sum : Double.MAX_VALUE, sampling.minP());
        return at(best, cut.count(), share * cut.mass());
    }

    /** The {@code k} best tokens in order; a heap whose root is the worst of those it holds. */
    private long[] sortedBest(int k) {
        long[] heap = new long[k];
        int count = 0;
        long worst = Long.MAX_VALUE;
        float bound = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            float logit = logits[i];
            if (logit < bound || logit < floor) {
                continue;
            }
            long key = sortKey(logit, i);
            if (count < k) {
                heap[count++] = key;
                if (count == k) {
                    Arrays.sort(heap);
                    reverse(heap);
                    worst = heap[0];
                    bound = logits[id(worst)];
                }
            } else if (key < worst) {
                heap[0] = key;
                siftDown(heap);
                worst = heap[0];
                bound = logits[id(worst)];
            }
        }
        long[] best = Arrays.copyOf(heap, count);
        Arrays.sort(best);
        return best;
    }

    private static void reverse(long[] keys) {
        for (int i = 0, j = keys.length - 1; i < j; i++, j--) {
            long key = keys[i];
            keys[i] = keys[j];
            keys[j] = key;
        }
    }

    private static void siftDown(long[] heap) {
        long key = heap[0];
        int at = 0;
        for (int child = 1; child < heap.length; child = 2 * at + 1) {
            if (child + 1 < heap.length && heap[child + 1] > heap[child]) {
                child++;
            }
            if (heap[child] <= key) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = key;
    }

    private int ofAll(Sampling sampling, double share) {
        double[] masses = new double[BUCKETS];
        int[] counts = new int[BUCKETS];
        addAll(masses, counts);
        double sum = 0;
        int last = 0; // the bucket in which the cut is
        for (int i = 0; i < BUCKETS; i++) {
            sum += masses[i];
            last = counts[i] > 0 ? i : last;
        }
        double nucleus = sampling.topP() < 1 ? sampling.topP() * sum : Double.MAX_VALUE;
        double before = 0; // mass of the buckets before the cut's
        int at = 0;
        while (at < last && before + masses[at] < nucleus && !endsByMinP(at, sampling)) {
            before += masses[at++];
        }
        boolean whole = at == last && nucleus == Double.MAX_VALUE && sampling.minP() == 0;
        if (whole) {
            before += masses[at++];
        }
        long[] edge = whole ? new long[0] : sortedBucket(at, counts[at]);
        Cut cut = cut(edge, edge.length, before, nucleus, sampling.minP());
        double point = share * cut.mass();
        int lowest = at - 1; // of the buckets that are drawn from whole; rounding may leave a point behind it
        while (lowest >= 0 && counts[lowest] == 0) {
            lowest--;
        }
        for (int i = 0; i <= lowest; i++) {
            if (point < masses[i] || (i == lowest && cut.count() == 0)) {
                return at(sortedBucket(i, counts[i]), counts[i], point);
            }
            point -= masses[i];
        }
        return at(edge, cut.count(), point);
    }

    /** Mass and number of tokens by bucket; exponentials are those of the buckets' starts times a polynomial. */
    private void addAll(double[] masses, int[] counts) {
        double[] starts = new double[BUCKETS];
        for (int i = 0; i < BUCKETS; i++) {
            starts[i] = FastExp.of(-i * bucketWidth);
        }
        for (float logit : logits) {
            if (logit >= floor) {
                double distance = (max - logit) * bucketScale;
                int bucket = (int) distance;
                if (bucket < BUCKETS - 1) {
                    double rest = (bucket - distance) * bucketWidth; // 0 to -0.08: what is left out is below 3e-8
                    masses[bucket] +=
                            starts[bucket] * (1 + rest * (1 + rest * (0.5 + rest * (1.0 / 6 + rest * (1.0 / 24)))));
                } else {
                    bucket = BUCKETS - 1;
                    masses[bucket] += weight(logit);
                }
                counts[bucket]++;
            }
        }
    }

    /** Whether a bucket may hold tokens that min-p drops. */
    private boolean endsByMinP(int bucket, Sampling sampling) {
        return sampling.minP() > 0
                && (bucket == BUCKETS - 1
                        || FastExp.of(-Math.min(RANGE_MAX, (bucket + 1) / bucketScale * perTemperature))
                                <= sampling.minP());
    }

    private long[] sortedBucket(int bucket, int count) {
        long[] keys = new long[count];
        // Nearly all tokens lie below the bucket that is wanted: one comparison passes over them.
        float below = bucket == BUCKETS - 1 ? Float.NEGATIVE_INFINITY : (float) (max - (bucket + 2) / bucketScale);
        for (int i = 0, found = 0; found < count; i++) {
            float logit = logits[i];
            if (logit >= below && logit >= floor && bucket(logit) == bucket) {
                keys[found++] = sortKey(logit, i);
            }
        }
        Arrays.sort(keys);
        return keys;
    }

    /**
     * How many of the sorted tokens are drawn from.
     *
     * @param mass of these and of those before
     */
    private record Cut(int count, double mass) {}

    /**
     * @param before  mass of better tokens than these
     * @param nucleus mass at which no further token is taken
     */
    private Cut cut(long[] keys, int count, double before, double nucleus, double minP) {
        double mass = before;
        for (int i = 0; i < count; i++) {
            double weight = weight(logits[id(keys[i])]);
            if (mass >= nucleus || weight < minP) { // the best token's weight is 1
                return new Cut(i, mass);
            }
            mass += weight;
        }
        return new Cut(count, mass);
    }

    /** The token at which the mass from the best one on exceeds {@code point}. */
    private int at(long[] keys, int count, double point) {
        double left = point;
        for (int i = 0; i < count; i++) {
            left -= weight(logits[id(keys[i])]);
            if (left < 0) {
                return id(keys[i]);
            }
        }
        return id(keys[count - 1]);
    }

    /** Sorts by falling logit, then by rising id: the float's bits in an order that integers have, inverted, above the id. */
    private static long sortKey(float logit, int id) {
        int bits = Float.floatToIntBits(logit);
        int ordered = bits ^ ((bits >> 31) & 0x7fffffff);
        return ((long) ~ordered << 32) | id;
    }

    private static int id(long sortKey) {
        return (int) sortKey;
    }
}
