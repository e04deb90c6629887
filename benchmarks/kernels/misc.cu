// Checks and times the kernels of elementwise.cu, rope.cu and prune.cu on a GPU. Built and run by misc.sh; usage: misc CUBIN_FOLDER [--small]
//
// Checks compare with plain loops in float64 on fresh random inputs. All device memory is full of ones beforehand (NaN in every type, -1 as an int), outputs have 64 more
// elements that must stay so, and what a kernel must not read is NaN. --small keeps to checks that compute-sanitizer gets through, without timings.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

static void check(cudaError_t error, const char* what) {
    if (error != cudaSuccess) {
        printf("%s: %s\n", what, cudaGetErrorString(error));
        exit(2);
    }
}
#define CHECK(call) check(call, #call)

// ---- element types

typedef uint16_t u16;
static const double NAN64 = std::numeric_limits<double>::quiet_NaN();

static float bits_to_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static uint32_t float_to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}

static u16 to_bf16(float f) {
    uint32_t bits = float_to_bits(f);
    if (f != f) return 0x7fff;
    return (u16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float from_f16(u16 v) {
    int exponent = v >> 10 & 31, mantissa = v & 1023;
    double value = exponent == 31 ? (mantissa ? NAN64 : INFINITY) : exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    return (float)(v >> 15 ? -value : value);
}

static u16 to_f16(float f) {
    if (f != f) return 0x7fff;
    u16 sign = (u16)(float_to_bits(f) >> 16 & 0x8000);
    double size = fabs(f);
    if (size >= 65520) return sign | 0x7c00;
    int exponent = size < ldexp(1, -14) ? -14 : ilogb(size);
    // nearbyint rounds halves to even; a mantissa that overflows carries into the exponent.
    int steps = (int)nearbyint(ldexp(size, 10 - exponent));
    return sign | (u16)(((exponent + 14) << 10) + steps);
}

// DTYPE of docs/cuda.md.
static int size_of(int dtype) {
    return dtype == 0 ? 4 : 2;
}

static float decode(int dtype, const void* from, size_t i) {
    if (dtype == 0) return ((const float*)from)[i];
    u16 v = ((const u16*)from)[i];
    return dtype == 1 ? from_f16(v) : bits_to_float((uint32_t)v << 16);
}

static void encode(int dtype, void* to, size_t i, float f) {
    if (dtype == 0) {
        ((float*)to)[i] = f;
    } else {
        ((u16*)to)[i] = dtype == 1 ? to_f16(f) : to_bf16(f);
    }
}

static float rounded(int dtype, float f) {
    char element[4];
    encode(dtype, element, 0, f);
    return decode(dtype, element, 0);
}

// How far one rounding to the type may be from the truth, relative, with room for float32 arithmetic before it.
static double tolerance(int dtype) {
    return dtype == 0 ? 3e-6 : dtype == 1 ? 5e-4 : 4e-3;
}

// ---- device memory

// Device memory of its own, poisoned, with 64 more elements behind that nothing may touch.
struct Buffer {
    char* address = nullptr;
    int dtype;
    size_t count;

    Buffer(int dtype, size_t count) : dtype(dtype), count(count) {
        CHECK(cudaMalloc(&address, bytes()));
        CHECK(cudaMemset(address, 0xff, bytes()));
    }
    Buffer(int dtype, const std::vector<float>& values) : Buffer(dtype, values.size()) {
        std::vector<char> raw(count * size_of(dtype));
        for (size_t i = 0; i < count; i++) encode(dtype, raw.data(), i, values[i]);
        CHECK(cudaMemcpy(address, raw.data(), raw.size(), cudaMemcpyHostToDevice));
    }
    explicit Buffer(const std::vector<int>& values) : Buffer(0, values.size()) { CHECK(cudaMemcpy(address, values.data(), 4 * count, cudaMemcpyHostToDevice)); }
    Buffer(const Buffer&) = delete;
    ~Buffer() { CHECK(cudaFree(address)); }

    size_t bytes() const { return (count + 64) * size_of(dtype); }
    // The kernels' T*, as void: what they take is an address.
    void* at(size_t i = 0) const { return address + i * size_of(dtype); }
    float* floats(size_t i = 0) const { return (float*)at(i); }
    int* ints(size_t i = 0) const { return (int*)at(i); }

    std::vector<char> raw() const {
        std::vector<char> all(bytes());
        CHECK(cudaDeviceSynchronize());
        CHECK(cudaMemcpy(all.data(), address, bytes(), cudaMemcpyDeviceToHost));
        return all;
    }
    std::vector<int> read_ints() const {
        std::vector<char> all = raw();
        return std::vector<int>((int*)all.data(), (int*)all.data() + count);
    }
};

struct Module {
    cudaLibrary_t library;

    Module(const std::string& folder, const std::string& name) {
        std::string file = folder + "/" + name + ".cubin";
        check(cudaLibraryLoadFromFile(&library, file.c_str(), nullptr, nullptr, 0, nullptr, nullptr, 0), file.c_str());
    }
    // Arguments must have exactly the kernel's types; launch errors end the program.
    template <class... Arguments>
    void operator()(const char* name, dim3 grid, int block, Arguments... arguments) const {
        cudaKernel_t kernel;
        check(cudaLibraryGetKernel(&kernel, library, name), name);
        void* addresses[] = {&arguments...};
        check(cudaLaunchKernel((const void*)kernel, grid, dim3(block), addresses, 0, nullptr), name);
    }
};

static std::string folder;
static bool isSmall = false;

static const Module& module(const char* file, int dtype, int headDim = 0) {
    static std::map<std::string, Module*> modules;
    std::string name = std::string(file) + "_d" + std::to_string(dtype) + (headDim ? "_h" + std::to_string(headDim) : "");
    Module*& found = modules[name];
    if (found == nullptr) found = new Module(folder, name);
    return *found;
}

static int ceil_div(long long a, long long b) {
    return (int)((a + b - 1) / b);
}

// ---- checking

static std::mt19937_64 generator;
static int checks = 0, failures = 0;
static std::map<std::string, double> worst;

static std::vector<float> gaussian(size_t count, double deviation = 1, int dtype = 0) {
    std::normal_distribution<float> normal(0, (float)deviation);
    std::vector<float> values(count);
    for (float& value : values) value = rounded(dtype, normal(generator));
    return values;
}

static int below(int bound) {
    return (int)(generator() % bound);
}

static void fail(const std::string& what, const std::string& why) {
    failures++;
    if (failures <= 40) printf("FAILED %s: %s\n", what.c_str(), why.c_str());
}

// NaN where `expected` is NaN and nowhere else; the rest close by ||got - expected|| / ||expected||; nothing behind the end. Exact where the tolerance is 0.
static void expect(const std::string& kernel, const std::string& what, const Buffer& got, const std::vector<double>& expected, double tolerance) {
    checks++;
    std::vector<char> raw = got.raw();
    std::string name = kernel + " " + what;
    if (expected.size() != got.count) return fail(name, "the check itself is wrong: sizes differ");
    double difference = 0, norm = 0;
    for (size_t i = 0; i < got.count; i++) {
        double value = decode(got.dtype, raw.data(), i);
        if (std::isnan(value) != std::isnan(expected[i])) {
            return fail(name, "element " + std::to_string(i) + " is " + std::to_string(value) + ", not " + std::to_string(expected[i]));
        }
        if (!std::isnan(value) && value != expected[i]) difference += (value - expected[i]) * (value - expected[i]);
        if (!std::isnan(value)) norm += expected[i] * expected[i];
    }
    double error = difference == 0 ? 0 : sqrt(difference / norm);
    worst[kernel] = std::max(worst[kernel], error);
    if (!(error <= tolerance)) fail(name, "relative error " + std::to_string(error * 1e6) + "e-6 > " + std::to_string(tolerance * 1e6) + "e-6");
    for (size_t i = got.count * size_of(got.dtype); i < raw.size(); i++) {
        if (raw[i] != (char)0xff) return fail(name, "something was written behind the end");
    }
}

static void expect_ints(const std::string& kernel, const std::string& what, const Buffer& got, const std::vector<int>& expected) {
    checks++;
    std::vector<char> raw = got.raw();
    const int* values = (const int*)raw.data();
    worst[kernel];
    for (size_t i = 0; i < got.count + 64; i++) {
        int wanted = i < got.count ? expected[i] : -1;
        if (values[i] != wanted) {
            return fail(kernel + " " + what, "element " + std::to_string(i) + " is " + std::to_string(values[i]) + ", not " + std::to_string(wanted));
        }
    }
}

static std::string text(std::initializer_list<long long> numbers) {
    std::string all;
    for (long long number : numbers) all += (all.empty() ? "" : " ") + std::to_string(number);
    return "[" + all + "]";
}

// ---- launches as docs/cuda.md gives them

static void embed(int dtype, float* x, const int* ids, const void* table, int rows, int columns) {
    module("elementwise", dtype)("embed", dim3(rows, ceil_div(columns, 128 * 16 / size_of(dtype))), 128, x, ids, table, rows, columns);
}

static void rms_norm(int dtype, void* out, const float* x, const float* gain, int rows, int columns, float epsilon) {
    module("elementwise", dtype)("rms_norm", dim3(rows), std::min(1024, 32 * ceil_div(columns, 512)), out, x, gain, rows, columns, epsilon);
}

static void add_bias_t(int dtype, void* out, const float* bias, int rows, int columns) {
    module("elementwise", dtype)("add_bias_t", dim3(rows, ceil_div(columns, 128 * 16 / size_of(dtype))), 128, out, bias, rows, columns);
}

static void add_bias_f(int dtype, float* out, const float* bias, int rows, int columns) {
    module("elementwise", dtype)("add_bias_f", dim3(rows, ceil_div(columns, 512)), 128, out, bias, rows, columns);
}

static void silu_mul(int dtype, void* out, const void* gateUp, int rows, int inner) {
    module("elementwise", dtype)("silu_mul", dim3(rows, ceil_div(inner, 256 * 16 / size_of(dtype))), 256, out, gateUp, rows, inner);
}

static void fill_random(int dtype, bool asFloat, void* out, long long count, long long seed, float deviation) {
    module("elementwise", dtype)(asFloat ? "fill_random_f" : "fill_random", dim3(std::min(ceil_div(count, 256), 65536)), 256, out, count, seed, deviation);
}

static void convert(int dtype, const char* name, void* out, const void* in, long long count) {
    module("elementwise", dtype)(name, dim3(std::min(ceil_div(count, 2048), 65536)), 256, out, in, count);
}

struct Heads {
    int heads, kvHeads, headDim;
    int all() const { return heads + 2 * kvHeads; }
    int group() const { return heads / kvHeads; }
};

static void rope_store(int dtype, Heads h, void* q, char* kv, const float* qkv, const int* positions, const float* rope, const float* queryGain, const float* keyGain,
        float epsilon, const int* view, int rows, int block, long long slotBytes, int y = 0) {
    if (y == 0) y = rows >= 512 ? 1 : ceil_div(h.all(), 16);
    module("rope", dtype, h.headDim)("rope_store", dim3(rows, y), 256, q, kv, qkv, positions, rope, queryGain, keyGain, epsilon, view, rows, h.heads, h.kvHeads, block, slotBytes);
}

struct Shape {
    int liveTokens, block, unit, window;
    int liveBlocks() const { return ceil_div(liveTokens, block); }
    int unitsPerBlock() const { return ceil_div(block, unit); }
    int units() const { return (liveBlocks() - 1) * unitsPerBlock() + ceil_div(liveTokens - (liveBlocks() - 1) * block, unit); }
    int stride() const { return (units() + 3) / 4 * 4; }
};

static const int PARTS = 16;

static void unit_keys(int dtype, Heads h, float* keys, const char* kv, const int* view, int sequence, int firstKvHead, int passHeads, int poolBlock, long long slotBytes, Shape s) {
    int vector = 16 / size_of(dtype), share = h.headDim % vector == 0 ? vector : 1;
    module("prune", dtype, h.headDim)("unit_keys", dim3(ceil_div((long long)s.units() * (h.headDim / share), 256), passHeads), 256, keys, kv, view, sequence, firstKvHead,
            h.kvHeads, poolBlock, slotBytes, s.liveTokens, s.block, s.unit, s.units());
}

static void score_logits(int dtype, Heads h, bool few, float* logits, const void* window, const float* keys, float scale, int firstKvHead, int passHeads, int firstRow, int rows,
        Shape s) {
    module("prune", dtype, h.headDim)(few ? "score_logits_few" : "score_logits", dim3(ceil_div(s.units(), 128), ceil_div(rows, few ? 16 : 128), passHeads), few ? 128 : 256,
            logits, window, keys, scale, h.heads, h.kvHeads, firstKvHead, firstRow, rows, s.units());
}

static void score_rows(int dtype, Heads h, float* stats, const float* logits, int rows, Shape s) {
    module("prune", dtype, h.headDim)("score_rows", dim3(rows), 256, stats, logits, s.units());
}

static void score_units(int dtype, Heads h, float* sums, const float* logits, const float* stats, int rows, Shape s, bool accumulate) {
    module("prune", dtype, h.headDim)("score_units", dim3(ceil_div(s.units(), 128), PARTS), 256, sums, logits, stats, rows, s.units(), (int)accumulate);
}

static void block_scores(int dtype, Heads h, float* scores, const float* sums, Shape s, int aggregation) {
    module("prune", dtype, h.headDim)("block_scores", dim3(ceil_div(s.liveBlocks(), 8)), 256, scores, sums, PARTS, s.units(), s.unitsPerBlock(), s.liveBlocks(), aggregation);
}

// These do not depend on the type nor on the head dimension; the module of bf16 and 128 has them.
static void select_blocks(int* kept, const float* scores, int liveBlocks, int head, int tail, int keptBlocks) {
    module("prune", 2, 128)("select_blocks", dim3(1), 1024, kept, scores, liveBlocks, head, tail, keptBlocks);
}

static void keep_rows(void* out, const void* in, const int* kept, int keptTokens, int columns, int block, int grid = 0, int threads = 1024) {
    module("prune", 2, 128)("keep_rows", dim3(grid ? grid : ceil_div(columns, 32)), threads, out, in, kept, keptTokens, columns, block);
}

static void argmax(int* out, const float* logits, int rows, int columns) {
    module("prune", 2, 128)("argmax", dim3(rows), 1024, out, logits, rows, columns);
}

// ---- element-wise kernels

static void check_embed(int dtype) {
    for (int columns : {1, 33, 64, 1100, 2056}) {
        for (int rows : {1, 5}) {
            std::vector<float> values = gaussian(19 * (size_t)columns, 1, dtype);
            std::vector<int> ids(rows);
            for (int& id : ids) id = below(19);
            Buffer table(dtype, values), deviceIds(ids), x(0, (size_t)rows * columns);
            embed(dtype, x.floats(), deviceIds.ints(), table.at(), rows, columns);
            std::vector<double> expected;
            for (int id : ids) expected.insert(expected.end(), values.begin() + (size_t)id * columns, values.begin() + (size_t)(id + 1) * columns);
            expect("embed", text({dtype, rows, columns}), x, expected, 0);
        }
    }
}

static void check_rms_norm(int dtype) {
    struct Case {
        int rows, columns;
        double deviation;
    };
    for (Case c : {Case{1, 1, 1}, Case{1, 64, 1}, Case{7, 33, 1}, Case{7, 36, 1}, Case{40, 100, 1e4}, Case{3, 2048, 1e-4}, Case{5, 96, 0}, Case{2, 4100, 1}, Case{2, 20000, 1}, Case{1, 20001, 1}}) {
        size_t count = (size_t)c.rows * c.columns;
        std::vector<float> x = gaussian(count, c.deviation), gain = gaussian(c.columns);
        Buffer in(0, x), deviceGain(0, gain), out(dtype, count);
        rms_norm(dtype, out.at(), in.floats(), deviceGain.floats(), c.rows, c.columns, 1e-6f);
        std::vector<double> expected(count);
        for (int r = 0; r < c.rows; r++) {
            double squares = 0;
            for (int i = 0; i < c.columns; i++) squares += (double)x[(size_t)r * c.columns + i] * x[(size_t)r * c.columns + i];
            for (int i = 0; i < c.columns; i++) expected[(size_t)r * c.columns + i] = x[(size_t)r * c.columns + i] / sqrt(squares / c.columns + 1e-6f) * gain[i];
        }
        expect("rms_norm", text({dtype, c.rows, c.columns}), out, expected, tolerance(dtype));
    }
}

static void check_bias_and_silu(int dtype) {
    for (int columns : {1, 33, 36, 64, 1100, 4104}) {
        for (int rows : {1, 3}) {
            size_t count = (size_t)rows * columns;
            std::vector<float> x = gaussian(count, 1, dtype), f = gaussian(count), bias = gaussian(columns);
            Buffer out(dtype, x), outFloat(0, f), deviceBias(0, bias);
            add_bias_t(dtype, out.at(), deviceBias.floats(), rows, columns);
            add_bias_f(dtype, outFloat.floats(), deviceBias.floats(), rows, columns);
            std::vector<double> expected(count), expectedFloat(count);
            for (size_t i = 0; i < count; i++) {
                expected[i] = (double)x[i] + bias[i % columns];
                expectedFloat[i] = (double)f[i] + bias[i % columns];
            }
            expect("add_bias_t", text({dtype, rows, columns}), out, expected, tolerance(dtype));
            expect("add_bias_f", text({dtype, rows, columns}), outFloat, expectedFloat, 1e-6);

            std::vector<float> gateUp = gaussian(2 * count, 2, dtype);
            // exp(-x) overflows float32 at -90 and is 0 at 200.
            gateUp[0] = -90;
            if (columns > 1) gateUp[1] = 200;
            Buffer in(dtype, gateUp), product(dtype, count);
            silu_mul(dtype, product.at(), in.at(), rows, columns);
            for (size_t i = 0; i < count; i++) {
                double gate = gateUp[i / columns * 2 * columns + i % columns], up = gateUp[i / columns * 2 * columns + columns + i % columns];
                expected[i] = gate / (1 + exp(-gate)) * up;
            }
            // -90 / (1 + e^90) is nothing in float32 already; the only element of its row cannot be compared relatively.
            if (count == 1) expected[0] = 0;
            expect("silu_mul", text({dtype, rows, columns}), product, expected, tolerance(dtype));
        }
    }
}

static void check_fill(int dtype) {
    for (long long count : {1LL, 1003LL, isSmall ? 5000LL : 3000017LL}) {
        for (bool asFloat : {false, true}) {
            int type = asFloat ? 0 : dtype;
            Buffer out(type, count);
            fill_random(dtype, asFloat, out.at(), count, 42, 0.25f);
            std::vector<double> expected(count);
            double squares = 0, sum = 0;
            for (long long i = 0; i < count; i++) {
                uint64_t z = 42 + (uint64_t)(i + 1) * 0x9e3779b97f4a7c15u;
                z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
                z = (z ^ z >> 27) * 0x94d049bb133111ebu;
                z ^= z >> 31;
                float value = ((float)(2 * (uint32_t)(z >> 41) + 1) * 0x1p-23f - 1.0f) * (1.7320508f * 0.25f);
                expected[i] = rounded(type, value);
                squares += expected[i] * expected[i];
                sum += expected[i];
            }
            expect("fill_random", text({dtype, asFloat, count}), out, expected, 0);
            checks++;
            if (count > 1000000 && (fabs(sqrt(squares / count) - 0.25) > 0.001 || fabs(sum / count) > 0.001)) fail("fill_random", "deviation or mean is wrong");
        }
    }
}

static void check_convert(int dtype) {
    const char* names[2][3] = {{"f32_to_t", "f16_to_t", "bf16_to_t"}, {"f32_to_f", "f16_to_f", "bf16_to_f"}};
    for (int asFloat : {0, 1}) {
        for (int from : {0, 1, 2}) {
            // Counts with and without a tail; an offset of one element makes input, output or both unaligned.
            for (int count : {1, 7, 8, 64, 4099}) {
                for (int offsets = 0; offsets < 4; offsets++) {
                    int inOffset = offsets & 1, outOffset = offsets >> 1, type = asFloat ? 0 : dtype;
                    std::vector<float> values = gaussian(count + inOffset, 10, from);
                    // Subnormal, too large for f16, infinite.
                    if (count > 3) {
                        values[inOffset] = rounded(from, 3e-6f);
                        values[inOffset + 1] = rounded(from, 60000);
                        values[inOffset + 2] = -INFINITY;
                    }
                    Buffer in(from, values), out(type, count + outOffset);
                    convert(dtype, names[asFloat][from], out.at(outOffset), in.at(inOffset), count);
                    std::vector<double> expected(count + outOffset, NAN64);
                    for (int i = 0; i < count; i++) expected[outOffset + i] = rounded(type, values[inOffset + i]);
                    expect("convert", text({dtype, asFloat, from, count, offsets}), out, expected, 0);
                }
            }
        }
    }
}

// ---- RoPE and the KV pool

struct Sequence {
    int tokens, queries;
};

// A view as the device reads it, with shuffled slots, and the slots themselves.
struct View {
    std::vector<int> ints;
    std::vector<std::vector<int>> slots;
    int rows = 0, slotCount = 0;

    View(const std::vector<Sequence>& sequences, int block) {
        for (const Sequence& sequence : sequences) slotCount += ceil_div(sequence.tokens, block);
        slotCount += 2;
        std::vector<int> free(slotCount);
        std::iota(free.begin(), free.end(), 0);
        std::shuffle(free.begin(), free.end(), generator);
        ints = {(int)sequences.size(), -1, -1, -1};
        ints.resize(4 + 4 * sequences.size());
        for (size_t s = 0; s < sequences.size(); s++) {
            std::vector<int> table;
            for (int b = 0; b < ceil_div(sequences[s].tokens, block); b++) {
                table.push_back(free.back());
                free.pop_back();
            }
            ints[4 + 4 * s] = sequences[s].tokens;
            ints[5 + 4 * s] = sequences[s].queries;
            ints[6 + 4 * s] = rows;
            ints[7 + 4 * s] = (int)ints.size();
            rows += sequences[s].queries;
            ints.insert(ints.end(), table.begin(), table.end());
            slots.push_back(table);
        }
    }
};

static size_t pool_index(Heads h, int block, int slot, int isValue, int kvHead, int offset) {
    return (((size_t)(slot * 2 + isValue) * h.kvHeads + kvHead) * block + offset) * h.headDim;
}

static void check_rope(int dtype, Heads h, bool queryNorm, bool keyNorm, const std::vector<Sequence>& sequences, int block, int padding, int y) {
    View view(sequences, block);
    int d = h.headDim, half = d / 2, rows = view.rows + padding, positionsCount = 300;
    std::vector<float> qkv = gaussian((size_t)rows * h.all() * d), queryGain = gaussian(d), keyGain = gaussian(d), rope((size_t)positionsCount * d);
    for (int p = 0; p < positionsCount; p++) {
        for (int i = 0; i < half; i++) {
            double angle = p * pow(10000, -2.0 * i / d);
            rope[(size_t)p * d + i] = (float)cos(angle);
            rope[(size_t)p * d + half + i] = (float)sin(angle);
        }
    }
    std::vector<int> positions(rows);
    for (int& position : positions) position = below(positionsCount);

    long long slotElements = 2LL * h.kvHeads * block * d;
    Buffer deviceQkv(0, qkv), deviceQueryGain(0, queryGain), deviceKeyGain(0, keyGain), deviceRope(0, rope), devicePositions(positions), deviceView(view.ints);
    Buffer q(dtype, (size_t)rows * h.heads * d), pool(dtype, view.slotCount * slotElements);
    rope_store(dtype, h, q.at(), pool.address, deviceQkv.floats(), devicePositions.ints(), deviceRope.floats(), queryNorm ? deviceQueryGain.floats() : nullptr,
            keyNorm ? deviceKeyGain.floats() : nullptr, 1e-5f, deviceView.ints(), rows, block, slotElements * size_of(dtype), y);

    std::vector<double> expectedQ(q.count), expectedPool(pool.count, NAN64);
    auto head = [&](int row, int index, const float* gain, double* to) {
        const float* x = &qkv[((size_t)row * h.all() + index) * d];
        double squares = 0;
        for (int i = 0; i < d; i++) squares += (double)x[i] * x[i];
        std::vector<double> y(d);
        for (int i = 0; i < d; i++) y[i] = gain ? x[i] / sqrt(squares / d + 1e-5f) * gain[i] : x[i];
        for (int i = 0; i < half; i++) {
            double cosine = rope[(size_t)positions[row] * d + i], sine = rope[(size_t)positions[row] * d + half + i];
            to[i] = y[i] * cosine - y[half + i] * sine;
            to[half + i] = y[half + i] * cosine + y[i] * sine;
        }
    };
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < h.heads; i++) head(r, i, queryNorm ? queryGain.data() : nullptr, &expectedQ[((size_t)r * h.heads + i) * d]);
    }
    int row = 0;
    for (size_t s = 0; s < sequences.size(); s++) {
        for (int i = 0; i < sequences[s].queries; i++, row++) {
            int token = sequences[s].tokens - sequences[s].queries + i, slot = view.slots[s][token / block];
            for (int k = 0; k < h.kvHeads; k++) {
                head(row, h.heads + k, keyNorm ? keyGain.data() : nullptr, &expectedPool[pool_index(h, block, slot, 0, k, token % block)]);
                for (int j = 0; j < d; j++) {
                    expectedPool[pool_index(h, block, slot, 1, k, token % block) + j] = qkv[((size_t)row * h.all() + h.heads + h.kvHeads + k) * d + j];
                }
            }
        }
    }
    std::string what = text({dtype, h.heads, h.kvHeads, d, queryNorm, keyNorm, block, padding, y, (long long)sequences.size()});
    expect("rope_store", "q " + what, q, expectedQ, tolerance(dtype));
    expect("rope_store", "pool " + what, pool, expectedPool, tolerance(dtype));
}

static void check_rope_all(int dtype, const std::vector<int>& headDims) {
    for (int d : headDims) {
        check_rope(dtype, {4, 2, d}, false, false, {{33, 33}}, 16, 0, 0);
        check_rope(dtype, {8, 1, d}, true, true, {{1, 1}}, 16, 0, 1);
        check_rope(dtype, {3, 3, d}, true, false, {{35, 1}, {50, 20}, {7, 0}, {2, 1}}, 5, 3, 2);
        check_rope(dtype, {12, 4, d}, false, true, {{9, 4}, {130, 0}, {64, 3}}, 1, 1, 0);
        // More sequences than a warp has lanes.
        std::vector<Sequence> batch;
        for (int s = 0; s < 70; s++) batch.push_back({1 + below(60), 1});
        check_rope(dtype, {2, 1, d}, false, false, batch, 16, 2, 0);
    }
}

// ---- pruning

// All passes of a decision; headsPerPass and rowsPerPass as a host with little scratch would choose them.
static void score(int dtype, Heads h, Buffer& scores, const Buffer& window, const Buffer& pool, const Buffer& view, int sequence, int poolBlock, float scale, Shape s, int aggregation,
        int headsPerPass, int rowsPerPass, bool few, std::vector<float>* keysOut = nullptr) {
    int queryRows = s.window * h.group();
    Buffer keys(0, (size_t)headsPerPass * s.units() * h.headDim), logits(0, (size_t)headsPerPass * rowsPerPass * s.stride()), stats(0, 2 * (size_t)headsPerPass * rowsPerPass),
            sums(0, (size_t)PARTS * s.stride());
    bool accumulate = false;
    long long slotBytes = 2LL * h.kvHeads * poolBlock * h.headDim * size_of(dtype);
    for (int k = 0; k < h.kvHeads; k += headsPerPass) {
        int passHeads = std::min(headsPerPass, h.kvHeads - k);
        unit_keys(dtype, h, keys.floats(), pool.address, view.ints(), sequence, k, passHeads, poolBlock, slotBytes, s);
        if (keysOut) {
            std::vector<char> raw = keys.raw();
            keysOut->insert(keysOut->end(), (float*)raw.data(), (float*)raw.data() + (size_t)passHeads * s.units() * h.headDim);
        }
        for (int r = 0; r < queryRows; r += rowsPerPass) {
            int rows = std::min(rowsPerPass, queryRows - r);
            score_logits(dtype, h, few, logits.floats(), window.at(), keys.floats(), scale, k, passHeads, r, rows, s);
            score_rows(dtype, h, stats.floats(), logits.floats(), passHeads * rows, s);
            score_units(dtype, h, sums.floats(), logits.floats(), stats.floats(), passHeads * rows, s, accumulate);
            accumulate = true;
        }
    }
    block_scores(dtype, h, scores.floats(), sums.floats(), s, aggregation);
    for (const Buffer* scratch : {&keys, &logits, &stats, &sums}) {
        std::vector<char> raw = scratch->raw();
        for (size_t i = 4 * scratch->count; i < raw.size(); i++) {
            if (raw[i] != (char)0xff) return fail("scoring", "something was written behind the end of the scratch");
        }
    }
}

static void check_scores(int dtype, Heads h, Shape s, int poolBlock, double size) {
    int d = h.headDim, group = h.group();
    // Another sequence first, so that the index is used.
    View view({{3, 0}, {s.liveTokens, 0}}, poolBlock);
    std::vector<float> pool((size_t)view.slotCount * 2 * h.kvHeads * poolBlock * d, NAN);
    std::vector<float> keys = gaussian((size_t)s.liveTokens * h.kvHeads * d, 1, dtype);
    for (int t = 0; t < s.liveTokens; t++) {
        for (int k = 0; k < h.kvHeads; k++) {
            for (int i = 0; i < d; i++) pool[pool_index(h, poolBlock, view.slots[1][t / poolBlock], 0, k, t % poolBlock) + i] = keys[((size_t)t * h.kvHeads + k) * d + i];
        }
    }
    std::vector<float> queries = gaussian((size_t)s.window * h.heads * d, size, dtype);
    float scale = (float)(1 / sqrt((double)d));

    // Float64, unit by unit.
    int units = s.units();
    std::vector<double> means((size_t)h.kvHeads * units * d, 0.0), unitScores(units, 0.0);
    std::vector<int> rankOf(units);
    int u = 0;
    for (int rank = 0; rank < s.liveBlocks(); rank++) {
        int end = std::min((rank + 1) * s.block, s.liveTokens);
        for (int first = rank * s.block; first < end; first += s.unit, u++) {
            int count = std::min(s.unit, end - first);
            rankOf[u] = rank;
            for (int k = 0; k < h.kvHeads; k++) {
                for (int t = first; t < first + count; t++) {
                    for (int i = 0; i < d; i++) means[((size_t)k * units + u) * d + i] += (double)keys[((size_t)t * h.kvHeads + k) * d + i] / count;
                }
            }
        }
    }
    if (u != units) return fail("scoring", "the check itself is wrong: units");
    std::vector<double> p(units);
    for (int w = 0; w < s.window; w++) {
        for (int q = 0; q < h.heads; q++) {
            double largest = -INFINITY, sum = 0;
            for (int n = 0; n < units; n++) {
                p[n] = 0;
                for (int i = 0; i < d; i++) p[n] += (double)queries[((size_t)w * h.heads + q) * d + i] * means[((size_t)(q / group) * units + n) * d + i];
                p[n] *= scale;
                largest = std::max(largest, p[n]);
            }
            for (int n = 0; n < units; n++) sum += p[n] = exp(p[n] - largest);
            for (int n = 0; n < units; n++) unitScores[n] += p[n] / sum;
        }
    }

    Buffer devicePool(dtype, pool), deviceView(view.ints), window(dtype, queries);
    int all = s.window * group;
    for (int aggregation = 0; aggregation < 3; aggregation++) {
        std::vector<double> expected(s.liveBlocks(), 0.0), count(s.liveBlocks(), 0.0);
        for (int n = 0; n < units; n++) {
            double& to = expected[rankOf[n]];
            to = aggregation == 0 ? std::max(to, unitScores[n]) : to + unitScores[n];
            count[rankOf[n]]++;
        }
        if (aggregation == 1) {
            for (size_t rank = 0; rank < expected.size(); rank++) expected[rank] /= count[rank];
        }
        // At once, then one head and some odd number of rows at a time with the other tile.
        bool few = all < 20;
        for (int how = 0; how < 3; how++) {
            int headsPerPass = how == 0 ? h.kvHeads : how == 1 ? 1 : ceil_div(h.kvHeads, 2), rowsPerPass = how == 0 ? all : how == 1 ? std::min(all, 7) : ceil_div(all, 2);
            Buffer scores(0, s.liveBlocks());
            std::vector<float> keysOut;
            score(dtype, h, scores, window, devicePool, deviceView, 1, poolBlock, scale, s, aggregation, headsPerPass, rowsPerPass, how == 1 ? !few : few, how == 0 ? nullptr : &keysOut);
            std::string what = text({dtype, h.heads, h.kvHeads, d, s.liveTokens, s.block, s.unit, s.window, poolBlock, aggregation, how});
            expect("scores", what, scores, expected, 2e-5);
            if (how != 0) {
                std::vector<double> got(keysOut.begin(), keysOut.end());
                Buffer again(0, keysOut);
                expect("unit_keys", what, again, means, 1e-6);
            }
            // The same passes give the same bits.
            if (how == 0 && aggregation == 0) {
                Buffer twice(0, s.liveBlocks());
                score(dtype, h, twice, window, devicePool, deviceView, 1, poolBlock, scale, s, aggregation, headsPerPass, rowsPerPass, few);
                checks++;
                if (twice.raw() != scores.raw()) fail("scores " + what, "two runs differ");
            }
        }
    }
    // A NaN query makes every score NaN, as in the reference.
    queries[below((int)queries.size())] = NAN;
    Buffer poisoned(dtype, queries), scores(0, s.liveBlocks());
    score(dtype, h, scores, poisoned, devicePool, deviceView, 1, poolBlock, scale, s, 0, h.kvHeads, all, false);
    expect("scores", "of NaN", scores, std::vector<double>(s.liveBlocks(), NAN64), 0);
}

static void check_scores_all(int dtype, const std::vector<int>& headDims) {
    for (int d : headDims) {
        check_scores(dtype, {4, 2, d}, {170, 16, 8, 8}, 16, 1);
        check_scores(dtype, {4, 4, d}, {161, 16, 16, 1}, 16, 4);
        check_scores(dtype, {2, 2, d}, {9, 4, 3, 9}, 4, 1);
        check_scores(dtype, {6, 2, d}, {131, 7, 3, 8}, 16, 4);
        check_scores(dtype, {5, 1, d}, {170, 64, 5, 8}, 3, 1);
        if (isSmall) continue;
        check_scores(dtype, {8, 2, d}, {173, 16, 1, 20}, 16, 1);
        check_scores(dtype, {8, 1, d}, {200, 40, 7, 70}, 40, 1);
        check_scores(dtype, {7, 1, d}, {170, 24, 8, 8}, 16, 1);
        check_scores(dtype, {12, 2, d}, {170, 10, 8, 1}, 64, 4);
        check_scores(dtype, {3, 1, d}, {1, 64, 8, 1}, 64, 1);
    }
    if (!isSmall) {
        // Many tiles in both directions, 257 units a block.
        check_scores(dtype, {32, 8, 128}, {5003, 64, 8, 64}, 64, 1);
        check_scores(dtype, {4, 2, 128}, {1400, 600, 2, 130}, 16, 2);
    }
}

static void check_select() {
    std::vector<int> sizes = {1, 2, 5, 31, 100, 1024, 1025, 2049};
    if (!isSmall) sizes.insert(sizes.end(), {9000, 131072 + 7});
    for (int blocks : sizes) {
        for (int round = 0; round < 24; round++) {
            int head = below(std::min(blocks, 4) + 1), tail = below(std::min(blocks - head, 5) + 1), candidates = blocks - head - tail;
            int staying = round % 4 == 0 ? candidates : round % 4 == 1 ? 0 : below(candidates + 1);
            std::vector<float> scores(blocks);
            int kinds = 1 + below(40);
            for (float& score : scores) {
                switch (round % 6) {
                    case 0: score = (float)below(kinds) * 0.25f; break;
                    case 1: score = (float)below(kinds) * 1e-20f; break;
                    case 2: score = below(kinds) == 0 ? NAN : below(2) ? 0.0f : -0.0f; break;
                    case 3: score = below(3) ? (float)below(7) - 3 : below(2) ? INFINITY : -INFINITY; break;
                    default: score = expf((float)(generator() >> 40) * -1e-6f);
                }
            }
            // As ReferenceOps: a stable sort by falling score with NaN last.
            std::vector<int> ranks(candidates);
            std::iota(ranks.begin(), ranks.end(), head);
            std::stable_sort(ranks.begin(), ranks.end(), [&](int a, int b) {
                if (std::isnan(scores[a]) || std::isnan(scores[b])) return !std::isnan(scores[a]) && std::isnan(scores[b]);
                return scores[a] > scores[b];
            });
            ranks.resize(staying);
            for (int i = 0; i < head; i++) ranks.push_back(i);
            for (int i = 0; i < tail; i++) ranks.push_back(blocks - tail + i);
            std::sort(ranks.begin(), ranks.end());
            if (ranks.empty()) continue;
            Buffer deviceScores(0, scores), kept(0, ranks.size());
            select_blocks(kept.ints(), deviceScores.floats(), blocks, head, tail, (int)ranks.size());
            expect_ints("select_blocks", text({blocks, head, tail, staying, round}), kept, ranks);
        }
    }
}

static void check_keep(int tokens, int block, int columns, double share, int grid, int threads) {
    int blocks = ceil_div(tokens, block);
    std::vector<int> kept, rows;
    for (int rank = 0; rank < blocks; rank++) {
        // The last block is always protected.
        if (rank == blocks - 1 || (double)(generator() >> 11) * 0x1p-53 < share) kept.push_back(rank);
    }
    for (int rank : kept) {
        for (int t = rank * block; t < std::min((rank + 1) * block, tokens); t++) rows.push_back(t);
    }
    std::vector<int> in((size_t)tokens * columns);
    for (int& value : in) value = (int)(generator() & 0x7fffffff);
    std::vector<int> expected;
    for (int row : rows) expected.insert(expected.end(), in.begin() + (size_t)row * columns, in.begin() + (size_t)(row + 1) * columns);
    Buffer from(in), out(0, expected.size()), deviceKept(kept);
    std::string what = text({tokens, block, columns, (long long)rows.size(), grid, threads});
    keep_rows(out.at(), from.at(), deviceKept.ints(), (int)rows.size(), columns, block, grid, threads);
    expect_ints("keep_rows", "into another " + what, out, expected);
    keep_rows(from.at(), from.at(), deviceKept.ints(), (int)rows.size(), columns, block, grid, threads);
    // What lies behind the kept rows stays as it was.
    expected.insert(expected.end(), in.begin() + expected.size(), in.end());
    expect_ints("keep_rows", "in place " + what, from, expected);
}

static void check_keep_all() {
    for (int columns : {1, 3, 4, 33, 64, 100}) {
        for (double share : {0.0, 0.3, 1.0}) {
            check_keep(157, 16, columns, share, 0, 1024);
            check_keep(1, 64, columns, share, 0, 1024);
            check_keep(700, 1, columns, share, 1, 128);
        }
        check_keep(isSmall ? 1500 : 9001, 64, columns, 0.5, 0, isSmall ? 256 : 1024);
    }
    if (!isSmall) {
        check_keep(3001, 64, 4096, 0.4, 0, 1024);
        check_keep(3001, 64, 4096, 0.4, 256, 512);
        check_keep(20011, 7, 1, 0.4, 0, 1024);
    }
}

static void check_argmax() {
    for (int columns : {1, 3, 64, 1023, 1024, 5000, isSmall ? 5001 : 128256, isSmall ? 5004 : 151937}) {
        for (int round = 0; round < 6; round++) {
            int rows = 1 + below(3);
            std::vector<float> logits((size_t)rows * columns);
            std::vector<int> expected(rows);
            for (int r = 0; r < rows; r++) {
                float* row = &logits[(size_t)r * columns];
                for (int i = 0; i < columns; i++) row[i] = round == 1 ? -INFINITY : round == 2 ? (float)below(3) - 5 : round == 4 ? (below(2) ? 0.0f : -0.0f) : (float)(generator() >> 40);
                if (round == 3 && r != 1) row[below(columns)] = NAN;
                if (round == 5 && r != 1) row[below(columns)] = INFINITY;
                expected[r] = (int)(std::max_element(row, row + columns) - row);
                // Of these no token can be chosen.
                const float best = row[expected[r]];
                for (int i = 0; i < columns; i++) expected[r] = std::isnan(row[i]) || std::isinf(best) ? -1 : expected[r];
            }
            Buffer in(0, logits), out(0, rows);
            argmax(out.ints(), in.floats(), rows, columns);
            expect_ints("argmax", text({rows, columns, round}), out, expected);
        }
    }
}

// ---- timing

struct Row {
    std::string kernel, size;
    double micros, share;
    const char* of;
    double rate;
    const char* unit;
};
static std::vector<Row> table;

static const double PEAK_BYTES = 3.35e12, PEAK_FLOPS = 67e12, PCIE_BYTES = 55e9;
static Buffer* flushed;

// Median of 15 runs, each after a write of 256 MB that leaves nothing of the inputs in L2.
template <class Run>
static double micros_of(Run run) {
    cudaEvent_t start, stop;
    CHECK(cudaEventCreate(&start));
    CHECK(cudaEventCreate(&stop));
    std::vector<float> samples;
    for (int i = 0; i < 18; i++) {
        CHECK(cudaMemsetAsync(flushed->address, i, 256 << 20, 0));
        CHECK(cudaEventRecord(start, 0));
        run();
        CHECK(cudaEventRecord(stop, 0));
        CHECK(cudaEventSynchronize(stop));
        float millis;
        CHECK(cudaEventElapsedTime(&millis, start, stop));
        if (i >= 3) samples.push_back(millis * 1e3f);
    }
    std::sort(samples.begin(), samples.end());
    CHECK(cudaEventDestroy(start));
    CHECK(cudaEventDestroy(stop));
    return samples[samples.size() / 2];
}

template <class Run>
static void time_bytes(const char* kernel, const std::string& size, double bytes, Run run, double peak = PEAK_BYTES, const char* of = "3.35 TB/s") {
    double micros = micros_of(run);
    table.push_back({kernel, size, micros, bytes / peak / (micros * 1e-6), of, bytes / micros * 1e-3, "GB/s"});
}

// Device memory of the size, random through fill_random, so that no timing runs on zeros.
static Buffer* random_buffer(int dtype, size_t count, float deviation = 1) {
    Buffer* buffer = new Buffer(dtype, count);
    fill_random(dtype, false, buffer->at(), (long long)count, (long long)generator() >> 1, deviation);
    return buffer;
}

static void time_elementwise(int dtype) {
    int hidden = 4096, inner = 14336, rows = 8192, size = size_of(dtype);
    std::string type = dtype == 2 ? " bf16" : dtype == 1 ? " f16" : " f32";
    size_t n = (size_t)rows * hidden;
    std::vector<int> ids(rows);
    for (int& id : ids) id = below(32000);
    Buffer deviceIds(ids);
    Buffer *tableOnDevice = random_buffer(dtype, (size_t)32000 * hidden), *x = random_buffer(0, n), *gain = random_buffer(0, inner), *t = random_buffer(dtype, n);
    time_bytes("embed", "8192 x 4096" + type, (double)n * (size + 4), [&] { embed(dtype, x->floats(), deviceIds.ints(), tableOnDevice->at(), rows, hidden); });
    void* pinned;
    CHECK(cudaHostAlloc(&pinned, (size_t)32000 * hidden * size, cudaHostAllocDefault));
    CHECK(cudaMemcpy(pinned, tableOnDevice->address, (size_t)32000 * hidden * size, cudaMemcpyDeviceToHost));
    time_bytes("embed from host", "8192 x 4096" + type, (double)n * size, [&] { embed(dtype, x->floats(), deviceIds.ints(), pinned, rows, hidden); }, PCIE_BYTES, "55 GB/s PCIe");
    time_bytes("embed from host", "1 x 4096" + type, (double)hidden * size, [&] { embed(dtype, x->floats(), deviceIds.ints(), pinned, 1, hidden); }, PCIE_BYTES, "55 GB/s PCIe");
    CHECK(cudaFreeHost(pinned));
    time_bytes("rms_norm", "8192 x 4096" + type, (double)n * (size + 4), [&] { rms_norm(dtype, t->at(), x->floats(), gain->floats(), rows, hidden, 1e-5f); });
    time_bytes("rms_norm", "1 x 4096" + type, (double)hidden * (size + 8), [&] { rms_norm(dtype, t->at(), x->floats(), gain->floats(), 1, hidden, 1e-5f); });
    time_bytes("add_bias_t", "8192 x 4096" + type, (double)n * 2 * size, [&] { add_bias_t(dtype, t->at(), gain->floats(), rows, hidden); });
    time_bytes("add_bias_f", "8192 x 4096", (double)n * 8, [&] { add_bias_f(dtype, x->floats(), gain->floats(), rows, hidden); });
    Buffer *gateUp = random_buffer(dtype, (size_t)rows * 2 * inner), *product = new Buffer(dtype, (size_t)rows * inner);
    time_bytes("silu_mul", "8192 x 14336" + type, 3.0 * rows * inner * size, [&] { silu_mul(dtype, product->at(), gateUp->at(), rows, inner); });
    time_bytes("silu_mul", "1 x 14336" + type, 3.0 * inner * size, [&] { silu_mul(dtype, product->at(), gateUp->at(), 1, inner); });
    long long weights = (long long)rows * 2 * inner;
    time_bytes("fill_random", "235 M" + type, (double)weights * size, [&] { fill_random(dtype, false, gateUp->at(), weights, 1, 0.02f); });
    time_bytes("bf16_to_t", "117 M" + type, (double)weights / 2 * (2 + size), [&] { convert(dtype, "bf16_to_t", product->at(), gateUp->at(), weights / 2); });
    for (Buffer* buffer : {tableOnDevice, x, gain, t, gateUp, product}) delete buffer;
}

static void time_rope(int dtype) {
    Heads h = {32, 8, 128};
    int rows = 8192, block = 64;
    for (int count : {rows, 1}) {
        View view({{65536, count}}, block);
        std::vector<int> positions(count);
        std::iota(positions.begin(), positions.end(), 65536 - count);
        long long slotBytes = 2LL * h.kvHeads * block * h.headDim * size_of(dtype);
        size_t n = (size_t)count * h.all() * h.headDim;
        Buffer deviceView(view.ints), devicePositions(positions), q(dtype, (size_t)count * h.heads * h.headDim), pool(dtype, view.slotCount * slotBytes / size_of(dtype));
        Buffer *qkv = random_buffer(0, n), *rope = random_buffer(0, 65536 * 128);
        time_bytes("rope_store", std::to_string(count) + " rows, 32/8 heads of 128", (double)n * (4 + size_of(dtype)), [&] {
            rope_store(dtype, h, q.at(), pool.address, qkv->floats(), devicePositions.ints(), rope->floats(), nullptr, nullptr, 1e-5f, deviceView.ints(), count, block, slotBytes);
        });
        delete qkv;
        delete rope;
    }
}

static void time_scores(int dtype, int windowRows) {
    Heads h = {32, 8, 128};
    Shape s = {65536, 64, 8, windowRows};
    int block = 64, rows = s.window * h.group(), all = rows * h.kvHeads;
    bool few = rows <= 32;
    View view({{s.liveTokens, 0}}, block);
    long long slotBytes = 2LL * h.kvHeads * block * h.headDim * size_of(dtype);
    Buffer *pool = random_buffer(dtype, view.slotCount * slotBytes / size_of(dtype)), *window = random_buffer(dtype, (size_t)s.window * h.heads * h.headDim);
    Buffer deviceView(view.ints), keys(0, (size_t)h.kvHeads * s.units() * h.headDim), logits(0, (size_t)all * s.stride()), stats(0, 2 * (size_t)all), sums(0, (size_t)PARTS * s.stride()),
            scores(0, s.liveBlocks()), kept(0, 256);
    auto one = [&] { unit_keys(dtype, h, keys.floats(), pool->address, deviceView.ints(), 0, 0, h.kvHeads, block, slotBytes, s); };
    auto two = [&] { score_logits(dtype, h, few, logits.floats(), window->at(), keys.floats(), 0.088f, 0, h.kvHeads, 0, rows, s); };
    auto three = [&] { score_rows(dtype, h, stats.floats(), logits.floats(), all, s); };
    auto four = [&] { score_units(dtype, h, sums.floats(), logits.floats(), stats.floats(), all, s, false); };
    auto five = [&] { block_scores(dtype, h, scores.floats(), sums.floats(), s, 0); };
    auto six = [&] { select_blocks(kept.ints(), scores.floats(), s.liveBlocks(), 1, 1, 256); };
    std::string size = "64K tokens, window " + std::to_string(windowRows);
    double keyBytes = (double)s.liveTokens * h.kvHeads * h.headDim * size_of(dtype), unitBytes = (double)h.kvHeads * s.units() * h.headDim * 4, logitBytes = (double)all * s.units() * 4;
    time_bytes("unit_keys", size, keyBytes + unitBytes, one);
    double flops = 2.0 * all * s.units() * h.headDim, floor = std::max(flops / PEAK_FLOPS, (unitBytes + logitBytes) / PEAK_BYTES);
    double micros = micros_of(two);
    table.push_back({few ? "score_logits_few" : "score_logits", size, micros, floor / (micros * 1e-6), "floor", flops / micros * 1e-3, "GFLOP/s"});
    if (few) {
        micros = micros_of([&] { score_logits(dtype, h, false, logits.floats(), window->at(), keys.floats(), 0.088f, 0, h.kvHeads, 0, rows, s); });
        table.push_back({"score_logits", size, micros, floor / (micros * 1e-6), "floor", flops / micros * 1e-3, "GFLOP/s"});
    }
    time_bytes("score_rows", size, logitBytes, three);
    time_bytes("score_units", size, logitBytes, four);
    time_bytes("block_scores", size, (double)PARTS * s.units() * 4, five);
    micros = micros_of([&] {
        one();
        two();
        three();
        four();
        five();
        six();
    });
    floor = floor + (keyBytes + unitBytes + 2 * logitBytes) / PEAK_BYTES;
    table.push_back({"decision, all kernels", size, micros, floor / (micros * 1e-6), "floor", 0, ""});
    delete pool;
    delete window;
}

static void time_select_keep_argmax() {
    for (int blocks : {1024, 8192, 131072}) {
        Buffer *scores = random_buffer(0, blocks), kept(0, blocks);
        double micros = micros_of([&] { select_blocks(kept.ints(), scores->floats(), blocks, 1, 1, blocks / 4); });
        table.push_back({"select_blocks", std::to_string(blocks) + " blocks", micros, 4.0 * blocks / PEAK_BYTES / (micros * 1e-6), "3.35 TB/s", 0, ""});
        delete scores;
    }
    int tokens = 65536, columns = 4096, block = 64;
    std::vector<int> ranks(tokens / block);
    std::iota(ranks.begin(), ranks.end(), 0);
    std::shuffle(ranks.begin(), ranks.end(), generator);
    ranks.resize(256);
    std::sort(ranks.begin(), ranks.end());
    Buffer kept(ranks), *x = random_buffer(0, (size_t)tokens * columns), *positions = random_buffer(0, tokens);
    int keptTokens = (int)ranks.size() * block;
    double bytes = 8.0 * keptTokens * columns;
    struct Launch {
        int grid, threads;
    };
    for (Launch launch : {Launch{128, 1024}, Launch{128, 512}, Launch{256, 1024}, Launch{256, 512}, Launch{256, 256}, Launch{512, 256}, Launch{512, 512}}) {
        time_bytes("keep_rows in place", "16384 of 65536 x 4096, grid " + std::to_string(launch.grid) + ", block " + std::to_string(launch.threads), bytes,
                [&] { keep_rows(x->at(), x->at(), kept.ints(), keptTokens, columns, block, launch.grid, launch.threads); });
    }
    time_bytes("keep_rows in place", "16384 of 65536 x 1", 8.0 * keptTokens, [&] { keep_rows(positions->at(), positions->at(), kept.ints(), keptTokens, 1, block); });
    delete x;
    delete positions;
    for (int rows : {1, 8}) {
        Buffer *logits = random_buffer(0, (size_t)rows * 128256), out(0, rows);
        time_bytes("argmax", std::to_string(rows) + " x 128256", 4.0 * rows * 128256, [&] { argmax(out.ints(), logits->floats(), rows, 128256); });
        delete logits;
    }
}

static void time_all() {
    flushed = new Buffer(0, (256u << 20) / 4);
    Buffer *from = random_buffer(0, 256 << 20), *to = new Buffer(0, 256 << 20);
    time_bytes("copy of 1 GiB (ceiling)", "read and write", 2.0 * (1 << 30), [&] { CHECK(cudaMemcpyAsync(to->address, from->address, 1 << 30, cudaMemcpyDeviceToDevice, 0)); });
    delete from;
    delete to;
    time_elementwise(2);
    time_elementwise(0);
    time_rope(2);
    time_scores(2, 64);
    time_scores(2, 1);
    time_select_keep_argmax();
    CHECK(cudaDeviceSynchronize());
    printf("\n%-24s %-52s %10s %12s  share of\n", "kernel", "size", "us", "rate");
    for (const Row& row : table) {
        char rate[40] = "";
        if (row.rate > 0) snprintf(rate, sizeof rate, "%.0f %s", row.rate, row.unit);
        printf("%-24s %-52s %10.1f %16s  %3.0f%% of %s\n", row.kernel.c_str(), row.size.c_str(), row.micros, rate, 100 * row.share, row.of);
    }
}

int main(int count, char** arguments) {
    if (count < 2) {
        printf("usage: misc CUBIN_FOLDER [--small]\n");
        return 1;
    }
    folder = arguments[1];
    isSmall = count > 2 && std::string(arguments[2]) == "--small";
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), nullptr, 10) : std::random_device()();
    generator.seed(seed);
    cudaDeviceProp properties;
    CHECK(cudaGetDeviceProperties(&properties, 0));
    printf("%s, SEED=%llu\n", properties.name, (unsigned long long)seed);

    for (int dtype : isSmall ? std::vector<int>{2} : std::vector<int>{0, 1, 2}) {
        check_embed(dtype);
        check_rms_norm(dtype);
        check_bias_and_silu(dtype);
        check_fill(dtype);
        check_convert(dtype);
        // 250 and 30 go element by element.
        std::vector<int> headDims = isSmall ? std::vector<int>{80, 128} : dtype == 1 ? std::vector<int>{64, 128} : std::vector<int>{30, 32, 36, 64, 80, 96, 128, 250, 256};
        check_rope_all(dtype, headDims);
        check_scores_all(dtype, headDims);
    }
    check_select();
    check_keep_all();
    check_argmax();
    CHECK(cudaDeviceSynchronize());
    for (const auto& entry : worst) printf("checked %-16s worst relative error %.1e\n", entry.first.c_str(), entry.second);
    printf("%d checks, %d failed\n", checks, failures);
    if (failures == 0 && !isSmall) time_all();
    return failures == 0 ? 0 : 1;
}
