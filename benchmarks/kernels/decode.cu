// Checks and times attend_decode.cu and gemv.cu, and all kernels of a decode step in a row; decode.sh builds and runs it. Arguments: the folder of cubins, then
// --small for few and small checks without timing, or --chain for the row alone. Cubins are told apart by name: attend-DTYPE-HEAD_DIM-GROUP-WARPS-STAGES,
// gemv-DTYPE-WARPS-STAGES-DEPTH, elementwise-DTYPE, rope-DTYPE-HEAD_DIM, prune-DTYPE-HEAD_DIM.
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cfloat>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>
#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#define WITH_CUBLASLT 1
#else
#define WITH_CUBLASLT 0
#endif

using std::string;
using std::vector;

static void fail(const string& text) {
    fprintf(stderr, "FAIL %s\n", text.c_str());
    exit(1);
}
#define CHECK(call)                                                                                                     \
    do {                                                                                                                \
        const cudaError_t status = (call);                                                                              \
        if (status != cudaSuccess) fail(string(#call) + ": " + cudaGetErrorString(status));                             \
    } while (0)

// ---- numbers ----

static uint64_t randomState; // a new one each run, or SEED
static double uniform() { // [-1, 1)
    randomState += 0x9e3779b97f4a7c15ull;
    uint64_t z = randomState;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (double)((z ^ (z >> 31)) >> 11) / (1ull << 52) - 1;
}
static int below(int n) { return (int)((uniform() + 1) / 2 * n) % n; }

static float bits_float(uint32_t b) {
    float f;
    memcpy(&f, &b, 4);
    return f;
}
static uint32_t float_bits(float f) {
    uint32_t b;
    memcpy(&b, &f, 4);
    return b;
}

static int size_of(int dtype) { return dtype == 0 ? 4 : 2; }

// The value as a DTYPE, into memory, and back; halves are handled for |x| from 2^-14 to 65504 and 0, all that is drawn here.
static void put(void* to, size_t index, int dtype, float x) {
    if (dtype == 0) {
        ((float*)to)[index] = x;
        return;
    }
    uint32_t b = float_bits(x), sign = b >> 31 << 15;
    if (dtype == 2) {
        ((uint16_t*)to)[index] = (uint16_t)((b + 0x7fff + ((b >> 16) & 1)) >> 16);
        return;
    }
    b &= 0x7fffffff;
    if (b < 0x38800000) b = 0; // below the smallest normal half
    else {
        b += 0xfff + ((b >> 13) & 1);
        b = (b >> 13) - (112 << 10);
    }
    ((uint16_t*)to)[index] = (uint16_t)(sign | b);
}
static float get(const void* from, size_t index, int dtype) {
    if (dtype == 0) return ((const float*)from)[index];
    const uint32_t v = ((const uint16_t*)from)[index];
    if (dtype == 2) return bits_float(v << 16);
    const uint32_t e = v >> 10 & 31, m = v & 1023;
    if (e == 31) return m ? NAN : (v >> 15 ? -INFINITY : INFINITY);
    const float f = e ? bits_float((e + 112) << 23 | m << 13) : ldexpf((float)m, -24);
    return v >> 15 ? -f : f;
}

// ---- device ----

struct Buffer {
    char* p = nullptr;
    size_t bytes = 0;
    explicit Buffer(size_t n) : bytes(n) {
        CHECK(cudaMalloc(&p, n));
        CHECK(cudaMemset(p, 0xff, n)); // NaN in all types
    }
    Buffer(const void* host, size_t n) : Buffer(n) { CHECK(cudaMemcpy(p, host, n, cudaMemcpyHostToDevice)); }
    Buffer(const Buffer&) = delete;
    ~Buffer() { cudaFree(p); }
    vector<char> read() const {
        vector<char> host(bytes);
        CHECK(cudaMemcpy(host.data(), p, bytes, cudaMemcpyDeviceToHost));
        return host;
    }
};

struct Cubin {
    string name;
    vector<int> fields;
    cudaLibrary_t library = nullptr;
    std::map<string, cudaKernel_t> kernels;

    const void* kernel(const string& entry, int sharedBytes) {
        cudaKernel_t& k = kernels[entry];
        if (!k) {
            CHECK(cudaLibraryGetKernel(&k, library, entry.c_str()));
            if (sharedBytes > 0) CHECK(cudaFuncSetAttribute((const void*)k, cudaFuncAttributeMaxDynamicSharedMemorySize, sharedBytes));
        }
        return (const void*)k;
    }
};

static bool overlapLaunches = false; // with programmatic stream serialization

template <typename... Arguments>
static void launch(const void* kernel, dim3 grid, int block, int sharedBytes, cudaStream_t stream, Arguments... arguments) {
    void* pointers[] = {&arguments...};
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3(block);
    config.dynamicSmemBytes = sharedBytes;
    config.stream = stream;
    config.attrs = &attribute;
    config.numAttrs = overlapLaunches ? 1 : 0;
    CHECK(cudaLaunchKernelExC(&config, kernel, pointers));
}

static int multiprocessors;
static cudaStream_t stream; // follows the null stream, where memory is set and copied

static int resident(const void* kernel, int block, int sharedBytes) {
    int n;
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, kernel, block, sharedBytes));
    return n * multiprocessors;
}

struct Attend {
    Cubin& cubin;
    int dtype, dim, group, warps, stages, sharedBytes;

    explicit Attend(Cubin& c) : cubin(c), dtype(c.fields[0]), dim(c.fields[1]), group(c.fields[2]), warps(c.fields[3]), stages(c.fields[4]) {
        const int tile = dtype == 0 ? 8 : 16, pieces = dim * size_of(dtype) / 16;
        sharedBytes = warps * stages * 2 * tile * 16 * (dtype != 0 && pieces % 8 == 0 ? pieces : pieces | 1);
    }
    bool standard() const { return warps == 4 && stages == (dtype == 0 ? 2 : 3); }
    int blocks() { return resident(cubin.kernel("attend_decode", sharedBytes), 32 * warps, sharedBytes); }
    void decode(cudaStream_t stream, int sequences, void* partial, const void* q, const void* kv, const void* view, float scale, int kvHeads, int block, long long slotBytes, int splits) {
        launch(cubin.kernel("attend_decode", sharedBytes), dim3(splits, kvHeads, sequences), 32 * warps, sharedBytes, stream, partial, q, kv, view, scale, kvHeads * group, kvHeads, block,
               slotBytes, splits);
    }
    void combine(cudaStream_t stream, int sequences, void* out, const void* partial, const void* view, int kvHeads, int splits) {
        launch(cubin.kernel("attend_combine", 0), dim3(kvHeads * group, sequences), 128, 0, stream, out, partial, view, kvHeads * group, splits);
    }
};

// As in docs/cuda.md, with the blocks that are resident at once for `blocks`.
static int good_splits(int maxTokens, long long totalTokens, int sequences, int kvHeads, int blocks) {
    if (sequences == 1 && totalTokens * kvHeads >= 256ll * multiprocessors) blocks = std::min(blocks, multiprocessors);
    const int planned = 2 * kvHeads * sequences <= blocks ? (blocks - kvHeads * (sequences - 1)) / kvHeads * kvHeads : 4 * blocks;
    const long long tokens = std::max(64ll, (totalTokens * kvHeads + planned - 1) / planned);
    const long long splits = (maxTokens + tokens - 1) / tokens;
    return (int)std::max(1ll, std::min(splits, 512ll / sequences));
}

struct Gemv {
    Cubin& cubin;
    int dtype, warps, stages, depth, sharedBytes;

    explicit Gemv(Cubin& c) : cubin(c), dtype(c.fields[0]), warps(c.fields[1]), stages(c.fields[2]), depth(c.fields[3]) {
        sharedBytes = dtype == 0 ? 0 : warps * stages * 16 * depth * 2;
    }
    bool standard() const { return warps == 8 && stages == 3 && depth == 128; }
    int blocks(const char* entry) { return resident(cubin.kernel(entry, sharedBytes), 32 * warps, sharedBytes); }
    // As in GemvShape.java.
    int good_grid(const char* entry, int n) {
        const int tiles = (n + 15) / 16, most = blocks(entry);
        return tiles < 2 * most ? std::min(tiles, most) : tiles;
    }
    void run(cudaStream_t stream, const char* entry, int grid, void* out, const void* in, const void* w, const void* bias, int rows, int n, int k) {
        launch(cubin.kernel(entry, sharedBytes), dim3(grid), 32 * warps, sharedBytes, stream, out, in, w, bias, rows, n, k);
    }
};

// ---- checks ----

struct Length {
    int tokens, queries;
};

// Largest relative error of an output row of one head; every other row must keep its poison.
static double check_attention(Attend& attend, const vector<Length>& lengths, int kvHeads, int block, int splits, int paddedSequences, int slotPadding, bool overlap) {
    const int dtype = attend.dtype, dim = attend.dim, heads = kvHeads * attend.group, size = size_of(dtype), count = (int)lengths.size();
    const int sequences = count + paddedSequences;
    const float scale = (float)(1 / sqrt((double)dim));
    const long long slotBytes = 2ll * kvHeads * block * dim * size + slotPadding;

    // Scattered slots: a random permutation of more than are needed.
    int slots = 3, rows = 0;
    for (const Length& l : lengths) slots += (l.tokens + block - 1) / block, rows += l.queries;
    vector<int> free(slots);
    for (int i = 0; i < slots; i++) free[i] = i;
    for (int i = slots - 1; i > 0; i--) std::swap(free[i], free[below(i + 1)]);
    vector<int> view(4 + 4 * sequences, 0x7fffffff); // entries behind view[0] hold anything
    view[0] = count;
    vector<char> pool((size_t)(slots * slotBytes), (char)0xff), q((size_t)rows * heads * dim * size);
    int taken = 0, row = 0;
    for (int s = 0; s < count; s++) {
        const int table = (int)view.size();
        view[4 + 4 * s] = lengths[s].tokens;
        view[5 + 4 * s] = lengths[s].queries;
        view[6 + 4 * s] = row;
        view[7 + 4 * s] = table;
        row += lengths[s].queries;
        for (int b = 0; b * block < lengths[s].tokens; b++) view.push_back(free[taken++]);
        for (int t = 0; t < lengths[s].tokens; t++)
            for (int part = 0; part < 2; part++)
                for (int h = 0; h < kvHeads; h++) {
                    char* at = pool.data() + view[table + t / block] * slotBytes + ((long long)(part * kvHeads + h) * block + t % block) * dim * size;
                    for (int d = 0; d < dim; d++) put(at, d, dtype, (float)(uniform() * (part ? 1 : 3)));
                }
    }
    for (size_t i = 0; i < q.size() / size; i++) put(q.data(), i, dtype, (float)(uniform() * 3));

    Buffer dq(q.data(), q.size()), dpool(pool.data(), pool.size()), dview(view.data(), view.size() * 4), out(q.size());
    Buffer partial((size_t)4 * sequences * heads * splits * (dim + 4));
    overlapLaunches = overlap;
    vector<char> got;
    for (int run = 0; run < 2; run++) {
        CHECK(cudaMemset(out.p, 0xff, out.bytes));
        CHECK(cudaMemset(partial.p, 0xff, partial.bytes));
        attend.decode(stream, sequences, partial.p, dq.p, dpool.p, dview.p, scale, kvHeads, block, slotBytes, splits);
        attend.combine(stream, sequences, out.p, partial.p, dview.p, kvHeads, splits);
        CHECK(cudaDeviceSynchronize());
        vector<char> now = out.read();
        if (run == 1 && now != got) fail(attend.cubin.name + ": attention differs from run to run");
        got = now;
    }
    overlapLaunches = false;

    double worst = 0;
    for (int s = 0; s < count; s++) {
        const int first = view[6 + 4 * s], tokens = lengths[s].tokens, table = view[7 + 4 * s];
        if (lengths[s].queries != 1) {
            const char* p = got.data() + (size_t)first * heads * dim * size;
            for (size_t i = 0; i < (size_t)lengths[s].queries * heads * dim * size; i++)
                if (p[i] != (char)0xff) fail(attend.cubin.name + ": wrote to a sequence with several queries");
            continue;
        }
        vector<double> score(tokens), expected(dim);
        for (int h = 0; h < heads; h++) {
            double maximum = -INFINITY, sum = 0;
            const auto at = [&](int t, int part) {
                return pool.data() + view[table + t / block] * slotBytes + ((long long)(part * kvHeads + h / attend.group) * block + t % block) * dim * size;
            };
            for (int t = 0; t < tokens; t++) {
                double dot = 0;
                for (int d = 0; d < dim; d++) dot += (double)get(q.data(), ((size_t)first * heads + h) * dim + d, dtype) * get(at(t, 0), d, dtype);
                score[t] = dot * scale;
                maximum = std::max(maximum, score[t]);
            }
            std::fill(expected.begin(), expected.end(), 0);
            for (int t = 0; t < tokens; t++) {
                const double p = exp(score[t] - maximum);
                sum += p;
                for (int d = 0; d < dim; d++) expected[d] += p * get(at(t, 1), d, dtype);
            }
            double difference = 0, norm = 0;
            for (int d = 0; d < dim; d++) {
                const double e = expected[d] / sum, delta = get(got.data(), ((size_t)first * heads + h) * dim + d, dtype) - e;
                difference += delta * delta;
                norm += e * e;
            }
            const double error = sqrt(difference / norm);
            if (!(error <= worst)) worst = error; // keeps NaN
            if (std::isnan(error)) return error;
        }
    }
    return worst;
}

static double attention_tolerance(int dtype) { return dtype == 0 ? 3e-5 : dtype == 1 ? 2e-3 : 1.2e-2; }

static void check_attend(Attend attend, bool small) {
    struct Case {
        vector<Length> lengths;
        int kvHeads, block, splits, padded, slotPadding;
        bool overlap;
    };
    vector<Case> cases = {
        {{{1, 1}}, 2, 16, 1, 0, 0, false},
        {{{33, 1}, {1, 1}, {200, 1}}, 1, 16, 7, 2, 256, false},
        {{{300, 3}, {129, 1}, {5, 2}, {70, 1}}, 2, 100, 3, 0, 0, true},
    };
    if (!small) {
        const vector<Case> more = {
            {{{1000, 1}, {17, 1}, {130, 1}, {1, 1}, {33, 1}, {511, 1}, {64, 1}, {16, 1}}, 1, 64, 5, 0, 0, false},
            {{{1537, 1}}, 2, 16, 40, 0, 0, true},
            {{{777, 1}, {15, 1}, {1201, 1}}, 1, 100, 33, 0, 512, false},
            {{{500, 1}, {499, 1}}, 1, 7, 2, 1, 0, false},
            {{{127, 1}, {96, 1}, {65, 1}}, 3, 16, 1, 0, 0, false},
        };
        cases.insert(cases.end(), more.begin(), more.end());
    }
    double worst = 0;
    for (size_t i = 0; i < cases.size(); i++) {
        const Case& c = cases[i];
        const double error = check_attention(attend, c.lengths, c.kvHeads, c.block, c.splits, c.padded, c.slotPadding, c.overlap);
        if (!(error <= attention_tolerance(attend.dtype))) fail(attend.cubin.name + ": case " + std::to_string(i) + " is off by " + std::to_string(error));
        worst = std::max(worst, error);
    }
    printf("check %s: %zu cases, largest error of a head %.2e\n", attend.cubin.name.c_str(), cases.size(), worst);
}

// Relative error of the whole output. `misaligned` moves w by one element.
static double check_product(Gemv& gemv, const string& entry, int rows, int n, int k, bool withBias, int grid, bool misaligned, size_t guard, bool overlap) {
    const int dtype = gemv.dtype, size = size_of(dtype);
    const bool gated = entry == "gemv_gated", add = entry == "gemv_add", inFloat = add || entry == "gemv_f";
    const int wRows = gated ? 2 * n : n, outType = inFloat ? 0 : dtype;
    vector<char> in((size_t)rows * k * size), w((size_t)(wRows * (long long)k + misaligned) * size), out((size_t)rows * n * size_of(outType));
    vector<float> bias(wRows), x((size_t)rows * n);
    for (size_t i = 0; i < (size_t)rows * k; i++) put(in.data(), i, dtype, (float)uniform());
    for (size_t i = 0; i < (size_t)wRows * k; i++) put(w.data(), i + misaligned, dtype, (float)uniform());
    for (float& b : bias) b = (float)uniform() * 5;
    for (float& v : x) v = (float)uniform() * 5;

    // What lies behind the inputs is NaN, what lies behind the output must stay.
    Buffer din(in.size() + guard), dw(w.size() + guard), dbias(bias.data(), bias.size() * 4), dout(out.size() + guard);
    CHECK(cudaMemcpy(din.p, in.data(), in.size(), cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(dw.p, w.data(), w.size(), cudaMemcpyHostToDevice));
    vector<char> got;
    overlapLaunches = overlap;
    for (int run = 0; run < 2; run++) {
        CHECK(cudaMemset(dout.p, 0xff, dout.bytes));
        if (add) CHECK(cudaMemcpy(dout.p, x.data(), x.size() * 4, cudaMemcpyHostToDevice));
        gemv.run(stream, entry.c_str(), grid, dout.p, din.p, dw.p + misaligned * size, withBias ? dbias.p : nullptr, rows, n, k);
        CHECK(cudaDeviceSynchronize());
        vector<char> now = dout.read();
        if (run == 1 && now != got) fail(gemv.cubin.name + " " + entry + " differs from run to run");
        got = now;
    }
    overlapLaunches = false;
    for (size_t i = out.size(); i < got.size(); i++)
        if (got[i] != (char)0xff) fail(gemv.cubin.name + " " + entry + " wrote behind its output");

    double difference = 0, norm = 0;
    vector<float> a((size_t)rows * k);
    for (size_t i = 0; i < a.size(); i++) a[i] = get(in.data(), i, dtype);
    vector<float> b(k);
    vector<double> sums((size_t)rows * wRows);
    for (int r = 0; r < wRows; r++) {
        for (int c = 0; c < k; c++) b[c] = get(w.data(), (size_t)r * k + c + misaligned, dtype);
        for (int i = 0; i < rows; i++) {
            double sum = withBias ? bias[r] : 0;
            for (int c = 0; c < k; c++) sum += (double)a[(size_t)i * k + c] * b[c];
            sums[(size_t)i * wRows + r] = sum;
        }
    }
    for (int i = 0; i < rows; i++)
        for (int r = 0; r < n; r++) {
            double e = sums[(size_t)i * wRows + r];
            if (gated) e = e / (1 + exp(-e)) * sums[(size_t)i * wRows + n + r];
            if (add) e += x[(size_t)i * n + r];
            const double delta = get(got.data(), (size_t)i * n + r, outType) - e;
            difference += delta * delta;
            norm += e * e;
        }
    return sqrt(difference / norm);
}

static void check_gemv(Gemv gemv, bool small) {
    struct Shape {
        int n, k;
    };
    vector<Shape> shapes = {{1, 8}, {16, 64}, {17, 72}, {5, 7}, {33, 520}};
    if (!small) {
        const vector<Shape> more = {{40, 4096}, {130, 1001}, {257, 136}, {24, 14336}, {1000, 1000}, {3, 4100}, {100, 1}};
        shapes.insert(shapes.end(), more.begin(), more.end());
    }
    const char* entries[] = {"gemv_t", "gemv_f", "gemv_add", "gemv_gated"};
    double worstT = 0, worstF = 0;
    int cases = 0;
    for (const Shape& s : shapes)
        for (const char* entry : entries)
            for (int rows = 1; rows <= 8; rows++) {
                // Large and sanitized ones, and variants that are only timed: a third of them.
                const bool standard = gemv.standard();
                if ((small || !standard || (long long)s.n * s.k > 300000) && below(3) != 0) continue;
                const int tiles = (s.n + 15) / 16, grid = below(3) == 0 ? std::min(tiles, 3) : tiles;
                const bool misaligned = below(12) == 0, bias = below(2) == 0, overlap = below(4) == 0;
                const double error = check_product(gemv, entry, rows, s.n, s.k, bias, grid, misaligned, small ? 0 : 4096, overlap);
                cases++;
                const bool f32 = !strcmp(entry, "gemv_f") || !strcmp(entry, "gemv_add") || gemv.dtype == 0;
                const double tolerance = f32 ? 2e-4 : // one output may be a small difference of large terms
                                                gemv.dtype == 1 ? 1e-3 : 8e-3;
                if (!(error <= tolerance))
                    fail(gemv.cubin.name + " " + entry + " rows " + std::to_string(rows) + " n " + std::to_string(s.n) + " k " + std::to_string(s.k) + " grid " + std::to_string(grid)
                         + (misaligned ? " misaligned" : "") + (bias ? " bias" : "") + " is off by " + std::to_string(error));
                (f32 ? worstF : worstT) = std::max(f32 ? worstF : worstT, error);
            }
    printf("check %s: %d cases, largest error %.2e to f32, %.2e to T\n", gemv.cubin.name.c_str(), cases, worstF, worstT);
}

// ---- times ----

__global__ void fill(uint32_t* to, size_t words, uint32_t seed) { // bf16 pairs in about [-2, 2]
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < words; i += (size_t)gridDim.x * blockDim.x) {
        uint32_t x = (uint32_t)i * 0x9e3779b9u + seed;
        x = (x ^ (x >> 16)) * 0x7feb352du;
        x = (x ^ (x >> 15)) * 0x846ca68bu;
        x ^= x >> 16;
        to[i] = (x & 0x807f807fu) | 0x3f003f00u | ((x & 0x01000100u) >> 1);
    }
}

// The yardstick: reads everything once and does nothing with it.
template <int UNROLL>
__global__ void __launch_bounds__(512) read_all(const uint4* from, size_t pieces, uint32_t* never) {
    uint32_t x = 0;
    const size_t step = (size_t)gridDim.x * blockDim.x;
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    for (; i + (UNROLL - 1) * step < pieces; i += UNROLL * step) {
        uint4 v[UNROLL];
#pragma unroll
        for (int u = 0; u < UNROLL; u++) v[u] = __ldcs(from + i + u * step);
#pragma unroll
        for (int u = 0; u < UNROLL; u++) x ^= v[u].x ^ v[u].y ^ v[u].z ^ v[u].w;
    }
    for (; i < pieces; i += step) {
        const uint4 v = __ldcs(from + i);
        x ^= v.x ^ v.y ^ v.z ^ v.w;
    }
    if (x == 0x12345678u) *never = x;
}

// Median microseconds of one call, of a graph of `calls` calls; call(i) takes the i-th set of inputs.
static double time_us(int calls, int replays, const std::function<void(int)>& call) {
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    call(0); // modules load outside of the capture
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < calls; i++) call(i);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    cudaEvent_t from, to;
    CHECK(cudaEventCreate(&from));
    CHECK(cudaEventCreate(&to));
    vector<double> times;
    for (int r = 0; r < replays + 2; r++) {
        CHECK(cudaEventRecord(from, stream));
        CHECK(cudaGraphLaunch(exec, stream));
        CHECK(cudaEventRecord(to, stream));
        CHECK(cudaEventSynchronize(to));
        float ms;
        CHECK(cudaEventElapsedTime(&ms, from, to));
        if (r >= 2) times.push_back(ms * 1000 / calls);
    }
    CHECK(cudaEventDestroy(from));
    CHECK(cudaEventDestroy(to));
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(graph));
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

// Calls in a graph: about 2 ms at 2.5 TB/s, 4 to 40; replays: 11.
static int calls_for(double bytes) { return std::max(4, std::min(40, (int)(2e-3 * 2.5e12 / bytes))); }
static const int replays = 11;

static Buffer* arena; // 2.25 GiB of random bf16

// The i-th of as many stretches of the arena as fit: two neighbours and what lies between the first and the second use of one are larger than the L2.
static const char* stretch(int i, size_t bytes) {
    const size_t aligned = (bytes + 4095) / 4096 * 4096, sets = std::max<size_t>(1, std::min<size_t>(arena->bytes / aligned, 64));
    return arena->p + i % sets * aligned;
}

static double read_us(size_t bytes) {
    static std::map<size_t, double> known;
    if (known.count(bytes)) return known[bytes];
    static Buffer never(4);
    double best = DBL_MAX;
    for (int blocks : {1, 2, 4})
        for (int unroll : {4, 8}) {
            const double us = time_us(calls_for((double)bytes), 7, [&](int i) {
                const uint4* from = (const uint4*)stretch(i, bytes);
                if (unroll == 4) read_all<4><<<blocks * multiprocessors, 512, 0, stream>>>(from, bytes / 16, (uint32_t*)never.p);
                else read_all<8><<<blocks * multiprocessors, 512, 0, stream>>>(from, bytes / 16, (uint32_t*)never.p);
                CHECK(cudaGetLastError());
            });
            best = std::min(best, us);
        }
    return known[bytes] = best;
}

#if WITH_CUBLASLT
static double cublaslt_us(int rows, int n, int k, const void* in, void* out) {
    static cublasLtHandle_t handle = nullptr;
    static Buffer* workspace = nullptr;
#define LT(call)                                                                                  \
    do {                                                                                          \
        const cublasStatus_t status = (call);                                                     \
        if (status != CUBLAS_STATUS_SUCCESS) fail(string(#call) + ": " + std::to_string(status)); \
    } while (0)
    if (!handle) {
        LT(cublasLtCreate(&handle));
        workspace = new Buffer(32 << 20);
    }
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulPreference_t preference;
    LT(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    const cublasOperation_t transposed = CUBLAS_OP_T;
    LT(cublasLtMatmulDescSetAttribute(product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
    LT(cublasLtMatrixLayoutCreate(&a, CUDA_R_16BF, k, n, k));
    LT(cublasLtMatrixLayoutCreate(&b, CUDA_R_16BF, k, rows, k));
    LT(cublasLtMatrixLayoutCreate(&c, CUDA_R_16BF, n, rows, n));
    LT(cublasLtMatmulPreferenceCreate(&preference));
    LT(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace->bytes, sizeof workspace->bytes));
    cublasLtMatmulHeuristicResult_t found[8];
    int count = 0;
    LT(cublasLtMatmulAlgoGetHeuristic(handle, product, a, b, c, c, preference, 8, found, &count));
    const float one = 1, zero = 0;
    const size_t bytes = 2ull * n * k;
    double best = DBL_MAX;
    for (int f = 0; f < count; f++)
        best = std::min(best, time_us(calls_for((double)bytes), 5, [&](int i) {
            LT(cublasLtMatmul(handle, product, &one, stretch(i, bytes), a, in, b, &zero, out, c, out, c, &found[f].algo, workspace->p, workspace->bytes, stream));
        }));
    cublasLtMatmulPreferenceDestroy(preference);
    cublasLtMatrixLayoutDestroy(a);
    cublasLtMatrixLayoutDestroy(b);
    cublasLtMatrixLayoutDestroy(c);
    cublasLtMatmulDescDestroy(product);
    return best;
}
#else
static double cublaslt_us(int, int, int, const void*, void*) { return NAN; }
#endif

static string text(const char* format, ...) {
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return line;
}

static void time_gemv(vector<Gemv>& variants, vector<string>& summary) {
    struct Shape {
        const char* entry;
        int n, k;
    };
    const Shape shapes[] = {{"gemv_f", 6144, 4096}, {"gemv_add", 4096, 4096}, {"gemv_gated", 14336, 4096}, {"gemv_add", 4096, 14336}, {"gemv_f", 14336, 4096}, {"gemv_f", 128256, 4096}};
    Buffer in(8 * 14336 * 2), out(8ull * 128256 * 4);
    CHECK(cudaMemcpy(in.p, arena->p, in.bytes, cudaMemcpyDeviceToDevice));
    CHECK(cudaMemset(out.p, 0, out.bytes));
    summary.push_back("GEMV bf16, TB/s of the weights (share of a plain read of as many bytes). lt: cuBLASLt. full: a block for each tile; few: resident blocks; best: of all variants");
    summary.push_back("entry       n      k      rows  read   lt     full         few          +overlap     best");
    for (const Shape& s : shapes) {
        const int wRows = strcmp(s.entry, "gemv_gated") ? s.n : 2 * s.n;
        const size_t bytes = 2ull * wRows * s.k;
        const double read = read_us(bytes);
        for (int rows : {1, 4, 8}) {
            const double lt = cublaslt_us(rows, wRows, s.k, in.p, out.p);
            double best = DBL_MAX, shown[3] = {NAN, NAN, NAN};
            string bestName;
            for (Gemv& gemv : variants) {
                const int tiles = (s.n + 15) / 16, few = std::min(tiles, gemv.blocks(s.entry));
                const bool standard = gemv.standard();
                for (int mode = 0; mode < 3; mode++) {
                    if (mode == 2 && !standard) continue;
                    overlapLaunches = mode == 2;
                    const int grid = mode == 1 ? few : tiles;
                    const double us = time_us(calls_for((double)bytes), replays,
                                              [&](int i) { gemv.run(stream, s.entry, grid, out.p, in.p, stretch(i, bytes), nullptr, rows, s.n, s.k); });
                    overlapLaunches = false;
                    const string name = text("%d-%d-%d %s", gemv.warps, gemv.stages, gemv.depth, mode == 0 ? "full" : mode == 1 ? "few" : "overlap");
                    printf("gemv %s n %d k %d rows %d %s grid %d: %.2f us %.3f TB/s, read %.2f us, share %.3f\n", s.entry, wRows, s.k, rows, name.c_str(), grid, us, bytes / us * 1e-6, read, read / us);
                    if (standard) shown[mode] = us;
                    if (us < best && mode != 2) best = us, bestName = name;
                }
            }
            string line = text("%-10s %6d %6d %4d  %5.2f  %5.2f ", s.entry, wRows, s.k, rows, bytes / read * 1e-6, bytes / lt * 1e-6);
            for (double us : shown) line += text(" %4.2f (%3.0f%%)  ", bytes / us * 1e-6, 100 * read / us);
            summary.push_back(line + text("%4.2f (%3.0f%%) %s", bytes / best * 1e-6, 100 * read / best, bestName.c_str()));
        }
    }
}

static void time_attend(vector<Attend>& variants, vector<string>& summary) {
    const int dim = 128, kvHeads = 8, heads = 32, maxSequences = 8;
    Buffer q((size_t)maxSequences * heads * dim * 2), out(q.bytes), partial((size_t)4 * heads * (dim + 4) * 4096);
    CHECK(cudaMemcpy(q.p, arena->p, q.bytes, cudaMemcpyDeviceToDevice));
    summary.push_back("Decode attention bf16, 8 KV heads of 128, 32 heads: us of attend_decode + attend_combine (TB/s, share of a plain read). splits: ours; half, twice; best: of all variants");
    summary.push_back("tokens x sequences   block  read us   decode alone      both              +overlap   splits  half    twice   best");
    struct Shape {
        vector<int> tokens;
        int block;
        const char* name;
    };
    const vector<Shape> shapes = {{{128}, 16, "128 x 1"},  {{1024}, 16, "1K x 1"},   {{8192}, 16, "8K x 1"}, {{65536}, 16, "64K x 1"}, {{65536}, 64, "64K x 1"}, {{131072}, 16, "128K x 1"},
                                  {vector<int>(8, 1024), 16, "1K x 8"}, {vector<int>(8, 8192), 16, "8K x 8"}, {vector<int>(8, 65536), 16, "64K x 8"},
                                  {{65536, 100, 9000, 33, 2000, 30000, 500, 1}, 16, "mixed x 8"}};
    for (const Shape& shape : shapes) {
        const int block = shape.block, sequences = (int)shape.tokens.size(), maxTokens = *std::max_element(shape.tokens.begin(), shape.tokens.end());
        const long long slotBytes = 2ll * kvHeads * block * dim * 2;
        const int slots = (int)(arena->bytes / slotBytes);
        long long total = 0, needed = 0;
        for (int t : shape.tokens) total += t, needed += (t + block - 1) / block;
        const double bytes = (double)total * 2 * kvHeads * dim * 2;
        vector<int> order(slots);
        for (int i = 0; i < slots; i++) order[i] = i;
        for (int i = slots - 1; i > 0; i--) std::swap(order[i], order[below(i + 1)]);
        const int sets = (int)std::max(1ll, std::min<long long>(slots / needed, 40));
        const size_t viewInts = (4 + 4 * sequences + needed + 3) / 4 * 4;
        vector<int> views(viewInts * sets);
        long long taken = 0;
        for (int set = 0; set < sets; set++) {
            int* view = views.data() + set * viewInts;
            view[0] = sequences;
            int table = 4 + 4 * sequences;
            for (int s = 0; s < sequences; s++) {
                view[4 + 4 * s] = shape.tokens[s];
                view[5 + 4 * s] = 1;
                view[6 + 4 * s] = s;
                view[7 + 4 * s] = table;
                for (int b = 0; b * block < shape.tokens[s]; b++) view[table++] = order[taken++];
            }
        }
        Buffer dviews(views.data(), views.size() * 4);
        const int calls = calls_for(bytes);
        const double read = read_us((size_t)bytes / 16 * 16);
        double best = DBL_MAX, alone = NAN, both = NAN, overlap = NAN, half = NAN, twice = NAN;
        int ourSplits = 0;
        string bestName;
        for (Attend& attend : variants) {
            const int splits = good_splits(maxTokens, total, sequences, kvHeads, attend.blocks());
            const bool standard = attend.standard();
            const auto run = [&](int splits, bool combine) {
                return time_us(calls, replays, [&](int i) {
                    const char* view = dviews.p + i % sets * viewInts * 4;
                    attend.decode(stream, sequences, partial.p, q.p, arena->p, view, 0.088f, kvHeads, block, slotBytes, splits);
                    if (combine) attend.combine(stream, sequences, out.p, partial.p, view, kvHeads, splits);
                });
            };
            for (int mode = 0; mode < 3; mode++) {
                const int s = mode == 0 ? splits : mode == 1 ? std::max(1, splits / 2) : std::min(2 * splits, 4096 / sequences);
                const double us = run(s, true);
                printf("attend %s block %d warps %d stages %d splits %d: %.2f us %.3f TB/s, read %.2f us, share %.3f\n", shape.name, block, attend.warps, attend.stages, s, us, bytes / us * 1e-6, read, read / us);
                if (standard) (mode == 0 ? both : mode == 1 ? half : twice) = us;
                if (us < best) best = us, bestName = text("%d-%d splits %d", attend.warps, attend.stages, s);
            }
            if (standard) {
                ourSplits = splits;
                alone = run(splits, false);
                overlapLaunches = true;
                overlap = run(splits, true);
                overlapLaunches = false;
            }
        }
        summary.push_back(text("%-18s %6d  %7.2f  %7.2f %4.2f (%3.0f%%) %7.2f %4.2f (%3.0f%%)  %7.2f %6d %8.2f %7.2f %7.2f %s", shape.name, block, read, alone, bytes / alone * 1e-6, 100 * read / alone, both,
                               bytes / both * 1e-6, 100 * read / both, overlap, ourSplits, half, twice, best, bestName.c_str()));
    }
}

// All launches of a decode step of a model like Llama-3.1-8B with LAYERS layers, in the order and with the grids of the engine. All rows have as long a context;
// each layer has KV slots of its own.
struct Step {
    static const int LAYERS = 4, HIDDEN = 4096, HEADS = 32, KV_HEADS = 8, DIM = 128, INNER = 14336, VOCABULARY = 128256, BLOCK = 64, ROWS = 8, SETS = 8, POSITIONS = 65536;
    static const int QKV = (HEADS + 2 * KV_HEADS) * DIM;
    static const long long SLOT_BYTES = 2ll * KV_HEADS * BLOCK * DIM * 2;

    Cubin &elementwise, &rope, &prune;
    Attend attend;
    Buffer x{ROWS * HIDDEN * 4}, normed{ROWS * HIDDEN * 2}, qkv{(size_t)ROWS * QKV * 4}, q{ROWS * HIDDEN * 2}, inner{ROWS * INNER * 2}, logits{(size_t)ROWS * VOCABULARY * 4}, token{ROWS * 4};
    Buffer partial{(size_t)4 * HEADS * (DIM + 4) * 512}, ids{SETS * ROWS * 4}, positions{ROWS * 4}, ropeTable{(size_t)POSITIONS * DIM * 4}, gain{HIDDEN * 4}, pool, views{LAYERS * 65536};
    int rows = 0, tokens = 0, splits = 0;

    Step(Cubin& elementwise, Cubin& rope, Cubin& prune, Attend attend)
        : elementwise(elementwise), rope(rope), prune(prune), attend(attend), pool((size_t)LAYERS * (POSITIONS / BLOCK) * SLOT_BYTES) {
        fill<<<8 * multiprocessors, 512>>>((uint32_t*)pool.p, pool.bytes / 4, 777u);
        CHECK(cudaGetLastError());
        vector<float> gains(HIDDEN), table((size_t)POSITIONS * DIM);
        for (float& g : gains) g = 1 + (float)uniform() / 2;
        for (float& angle : table) angle = (float)uniform();
        vector<int> chosen(SETS * ROWS);
        for (int& id : chosen) id = below(VOCABULARY);
        CHECK(cudaMemcpy(gain.p, gains.data(), gain.bytes, cudaMemcpyHostToDevice));
        CHECK(cudaMemcpy(ropeTable.p, table.data(), ropeTable.bytes, cudaMemcpyHostToDevice));
        CHECK(cudaMemcpy(ids.p, chosen.data(), ids.bytes, cudaMemcpyHostToDevice));
    }

    void prepare(int newRows, int newTokens) {
        rows = newRows;
        tokens = newTokens;
        splits = good_splits(tokens, (long long)rows * tokens, rows, KV_HEADS, 2 * multiprocessors);
        const int blocks = (tokens + BLOCK - 1) / BLOCK;
        if (rows * blocks > POSITIONS / BLOCK) fail("the pool is too small");
        vector<int> all(views.bytes / 4), at(ROWS, tokens - 1);
        for (int layer = 0; layer < LAYERS; layer++) {
            int* view = all.data() + layer * (views.bytes / 4 / LAYERS);
            view[0] = rows;
            for (int r = 0; r < rows; r++) {
                const int table = 4 + 4 * rows + r * blocks;
                const int entry[] = {tokens, 1, r, table};
                memcpy(view + 4 + 4 * r, entry, sizeof entry);
                for (int b = 0; b < blocks; b++) view[table + b] = slot(layer, r * blocks + b);
            }
        }
        CHECK(cudaMemcpy(views.p, all.data(), views.bytes, cudaMemcpyHostToDevice));
        CHECK(cudaMemcpy(positions.p, at.data(), positions.bytes, cudaMemcpyHostToDevice));
    }

    // The slots that a step writes to.
    vector<char> stored() const {
        const int blocks = (tokens + BLOCK - 1) / BLOCK;
        vector<char> slots((size_t)LAYERS * rows * SLOT_BYTES);
        for (int layer = 0; layer < LAYERS; layer++)
            for (int r = 0; r < rows; r++)
                CHECK(cudaMemcpy(slots.data() + (layer * rows + r) * SLOT_BYTES, pool.p + slot(layer, r * blocks + blocks - 1) * SLOT_BYTES, SLOT_BYTES, cudaMemcpyDeviceToHost));
        return slots;
    }

    // 7: odd, so all slots of the layer, a power of two in number, in another order.
    static int slot(int layer, int i) { return layer * (POSITIONS / BLOCK) + i * 7 % (POSITIONS / BLOCK); }

    void norm() { launch(elementwise.kernel("rms_norm", 0), dim3(rows), 256, 0, stream, (void*)normed.p, (const void*)x.p, (const void*)gain.p, rows, (int)HIDDEN, 1e-5f); }

    void product(Gemv& gemv, const char* entry, void* out, const void* in, const char* w, int n, int k) { gemv.run(stream, entry, gemv.good_grid(entry, n), out, in, w, nullptr, rows, n, k); }

    void run(Gemv& gemv, int set, bool overlap, bool head) {
        overlapLaunches = false; // nothing is ahead
        launch(elementwise.kernel("embed", 0), dim3(rows, (HIDDEN + 1023) / 1024), 128, 0, stream, (void*)x.p, (const void*)(ids.p + set * ROWS * 4), (const void*)arena->p, rows, (int)HIDDEN);
        overlapLaunches = overlap;
        for (int layer = 0; layer < LAYERS; layer++) {
            const size_t bytes = 2ull * (QKV + HIDDEN + 3 * INNER) * HIDDEN;
            const char* w = arena->p + layer * bytes;
            const void* view = views.p + layer * (views.bytes / LAYERS);
            norm();
            product(gemv, "gemv_f", qkv.p, normed.p, w, QKV, HIDDEN);
            w += 2ull * QKV * HIDDEN;
            launch(rope.kernel("rope_store", 0), dim3(rows, 3), 256, 0, stream, (void*)q.p, (void*)pool.p, (const void*)qkv.p, (const void*)positions.p, (const void*)ropeTable.p,
                   (const void*)nullptr, (const void*)nullptr, 1e-5f, view, rows, (int)HEADS, (int)KV_HEADS, (int)BLOCK, (long long)SLOT_BYTES);
            // The scale makes a soft softmax of these q and k, so that every token counts.
            attend.decode(stream, rows, partial.p, q.p, pool.p, view, 1e-3f, KV_HEADS, BLOCK, SLOT_BYTES, splits);
            attend.combine(stream, rows, q.p, partial.p, view, KV_HEADS, splits);
            product(gemv, "gemv_add", x.p, q.p, w, HIDDEN, HIDDEN);
            w += 2ull * HIDDEN * HIDDEN;
            norm();
            product(gemv, "gemv_gated", inner.p, normed.p, w, INNER, HIDDEN);
            w += 4ull * INNER * HIDDEN;
            product(gemv, "gemv_add", x.p, inner.p, w, HIDDEN, INNER);
        }
        if (head) {
            norm();
            product(gemv, "gemv_f", logits.p, normed.p, arena->p, VOCABULARY, HIDDEN);
            launch(prune.kernel("argmax", 0), dim3(rows), 1024, 0, stream, (void*)token.p, (const void*)logits.p, rows, (int)VOCABULARY);
        }
        overlapLaunches = false;
    }
};

// Overlapped steps give the bits of those in order: 1000 steps by turns with different ids, so that what an early kernel reads from or leaves to another step is
// another number; half of them as graphs, as the engine replays them. Compared: the residual stream, the token, at the end the KV cache.
static void check_step(Step& step, Gemv& gemv) {
    const int repeats = 1000;
    const size_t xBytes = Step::ROWS * Step::HIDDEN * 4, entryBytes = xBytes + Step::ROWS * 4;
    int done = 0;
    for (int rows : {1, 3}) {
        step.prepare(rows, rows == 1 ? 700 : 130);
        Buffer expected(Step::SETS * entryBytes), got(repeats / 2 * entryBytes);
        const auto keep = [&](Buffer& to, int entry) {
            CHECK(cudaMemcpyAsync(to.p + entry * entryBytes, step.x.p, xBytes, cudaMemcpyDeviceToDevice, stream));
            CHECK(cudaMemcpyAsync(to.p + entry * entryBytes + xBytes, step.token.p, Step::ROWS * 4, cudaMemcpyDeviceToDevice, stream));
        };
        for (int set = 0; set < Step::SETS; set++) {
            step.run(gemv, set, false, true);
            keep(expected, set);
        }
        CHECK(cudaDeviceSynchronize());
        const vector<char> wanted = expected.read(), cache = step.stored();
        for (int set = 1; set < Step::SETS; set++)
            if (!memcmp(wanted.data(), wanted.data() + set * entryBytes, (size_t)rows * Step::HIDDEN * 4)) fail("steps with different ids give the same");
        for (int i = 0; i < rows * Step::HIDDEN; i++)
            if (!std::isfinite(((const float*)wanted.data())[i])) fail("a step gives no number");

        for (int way = 0; way < 2; way++) {
            cudaGraphExec_t graphs[Step::SETS] = {};
            for (int set = 0; way == 1 && set < Step::SETS; set++) {
                cudaGraph_t graph;
                CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
                step.run(gemv, set, true, true);
                CHECK(cudaStreamEndCapture(stream, &graph));
                CHECK(cudaGraphInstantiate(&graphs[set], graph, 0));
                CHECK(cudaGraphDestroy(graph));
            }
            for (int i = 0; i < repeats / 2; i++) {
                const int set = i % Step::SETS;
                if (way == 1) CHECK(cudaGraphLaunch(graphs[set], stream));
                else step.run(gemv, set, true, true);
                keep(got, i);
            }
            // The last step wrote the same keys and values as the last one in order.
            for (int set = repeats / 2 % Step::SETS; set != 0 && set < Step::SETS; set++) step.run(gemv, set, true, true);
            CHECK(cudaDeviceSynchronize());
            const vector<char> steps = got.read();
            for (int i = 0; i < repeats / 2; i++, done++) {
                const char *a = steps.data() + i * entryBytes, *b = wanted.data() + i % Step::SETS * entryBytes;
                if (memcmp(a, b, (size_t)rows * Step::HIDDEN * 4) || memcmp(a + xBytes, b + xBytes, rows * 4))
                    fail(gemv.cubin.name + ": overlapped step " + std::to_string(i) + (way ? ", a graph," : "") + " of " + std::to_string(rows) + " rows differs from the one in order");
            }
            if (step.stored() != cache) fail(gemv.cubin.name + ": overlapped steps leave another KV cache");
            for (cudaGraphExec_t graph : graphs)
                if (graph) CHECK(cudaGraphExecDestroy(graph));
        }
    }
    printf("check step with %s: %d overlapped steps give the bits of those in order\n", gemv.cubin.name.c_str(), done);
    fflush(stdout);
}

static void time_step(Step& step, vector<Gemv>& variants, vector<string>& summary) {
    summary.push_back("Decode steps bf16 like Llama-3.1-8B: us a layer (of 4, embedding included), and of norm, head and argmax; in order, then with launch overlap; last: 32 layers and head, ms, overlapped");
    summary.push_back("gemv        rows  tokens   layer  +overlap    head  +overlap   8B step");
    struct Shape {
        int rows, tokens;
    };
    for (const Shape& shape : {Shape{1, 128}, Shape{1, 8192}, Shape{1, 65536}, Shape{4, 8192}, Shape{8, 1024}}) {
        step.prepare(shape.rows, shape.tokens);
        for (Gemv& gemv : variants) {
            double layer[2], head[2];
            for (int mode = 0; mode < 2; mode++) {
                const double alone = time_us(2, replays, [&](int i) { step.run(gemv, i, mode == 1, false); });
                const double all = time_us(2, replays, [&](int i) { step.run(gemv, i, mode == 1, true); });
                layer[mode] = alone / Step::LAYERS;
                head[mode] = all - alone;
            }
            const string name = text("%d-%d-%d%s", gemv.warps, gemv.stages, gemv.depth, gemv.standard() ? " *" : "");
            summary.push_back(text("%-11s %4d %7d %7.1f %9.1f %7.1f %9.1f %9.2f", name.c_str(), shape.rows, shape.tokens, layer[0], layer[1], head[0], head[1], (32 * layer[1] + head[1]) / 1000));
        }
    }
}

int main(int count, char** arguments) {
    if (count < 2) fail("usage: decode FOLDER [--small]");
    const bool small = count > 2 && !strcmp(arguments[2], "--small"), chain = count > 2 && !strcmp(arguments[2], "--chain");
    CHECK(cudaSetDevice(0));
    CHECK(cudaFree(nullptr));
    cudaDeviceProp card;
    CHECK(cudaGetDeviceProperties(&card, 0));
    multiprocessors = card.multiProcessorCount;
    CHECK(cudaStreamCreate(&stream));
    const char* seed = getenv("SEED");
    randomState = seed ? strtoull(seed, nullptr, 10) : (uint64_t)std::chrono::system_clock::now().time_since_epoch().count();
    printf("SEED=%llu\n", (unsigned long long)randomState);
    printf("%s, %d multiprocessors, %d MB L2, cuBLASLt %s\n", card.name, multiprocessors, card.l2CacheSize >> 20, WITH_CUBLASLT ? "yes" : "no");

    vector<Cubin> cubins;
    for (const auto& file : std::filesystem::directory_iterator(arguments[1])) {
        if (file.path().extension() != ".cubin") continue;
        Cubin c;
        c.name = file.path().stem();
        for (size_t dash = c.name.find('-'); dash != string::npos; dash = c.name.find('-', dash + 1)) c.fields.push_back(atoi(c.name.c_str() + dash + 1));
        CHECK(cudaLibraryLoadFromFile(&c.library, file.path().c_str(), nullptr, nullptr, 0, nullptr, nullptr, 0));
        cubins.push_back(c);
    }
    if (cubins.empty()) fail("no cubins in " + string(arguments[1]));
    std::sort(cubins.begin(), cubins.end(), [](const Cubin& a, const Cubin& b) { return a.name < b.name; });
    // Variants are tuned for Hopper's shared memory; gemv 8-4-64 and attention's default fit everywhere. 12 KiB: the most that a kernel declares itself.
    cubins.erase(std::remove_if(cubins.begin(), cubins.end(), [&](Cubin& c) {
        if (c.name[0] != 'a' && c.name[0] != 'g') return false;
        const int bytes = c.name[0] == 'a' ? Attend(c).sharedBytes : Gemv(c).sharedBytes;
        const bool fits = bytes + (12 << 10) <= (int)card.sharedMemPerBlockOptin || (c.name[0] == 'a' && Attend(c).standard());
        if (!fits) printf("left out %s: %d bytes of shared memory\n", c.name.c_str(), bytes);
        return !fits;
    }), cubins.end());
    for (Cubin& c : cubins) {
        if (c.name[0] == 'a') check_attend(Attend(c), small || chain);
        if (c.name[0] == 'g') check_gemv(Gemv(c), small || chain);
        fflush(stdout);
    }
    if (small) {
        printf("checks passed: %zu cubins\n", cubins.size());
        return 0;
    }

    arena = new Buffer(9ull << 28);
    fill<<<8 * multiprocessors, 512>>>((uint32_t*)arena->p, arena->bytes / 4, 12345u);
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    vector<Gemv> gemvs;
    vector<Attend> attends;
    for (Cubin& c : cubins) {
        if (c.name[0] == 'g' && c.fields[0] == 2) gemvs.push_back(Gemv(c));
        if (c.name[0] == 'a' && c.fields[0] == 2 && c.fields[1] == 128 && c.fields[2] == 4) attends.push_back(Attend(c));
    }
    const auto named = [&](const string& name) -> Cubin& {
        for (Cubin& c : cubins)
            if (c.name == name) return c;
        fail("no cubin " + name);
        exit(1);
    };
    Attend* attend = nullptr;
    for (Attend& a : attends)
        if (a.standard()) attend = &a;
    if (!attend || gemvs.empty()) fail("the kernels of a decode step are not among the cubins");
    Step step(named("elementwise-2"), named("rope-2-128"), named("prune-2-128"), *attend);
    for (Gemv& g : gemvs) check_step(step, g);
    printf("checks passed: %zu cubins\n", cubins.size());

    vector<string> summary;
    if (!chain) {
        time_gemv(gemvs, summary);
        time_attend(attends, summary);
    }
    time_step(step, gemvs, summary);
    CHECK(cudaDeviceSynchronize());
    printf("SUMMARY %s\n", card.name);
    for (const string& line : summary) puts(line.c_str());
    return 0;
}
