// Small kernels for the tests of the CUDA runtime.
#include "common.cuh"

// out[i + offset] = in[i] * factor, for i < count; one thread an element, whole warps
extern "C" __global__ void scale_add(float* out, const float* in, int count, long long offset, float factor) {
    const float one = warp_sum(1.0f) - 31.0f;
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i + offset] = in[i] * factor * one;
}

// out[0] = words, as a sum of ones that went through dynamic shared memory; one block
extern "C" __global__ void shared_sum(float* out, int words) {
    extern __shared__ float values[];
    for (int i = threadIdx.x; i < words; i += blockDim.x) values[i] = 1.0f;
    __syncthreads();
    float sum = 0.0f;
    for (int i = threadIdx.x; i < words; i += blockDim.x) sum += values[words - 1 - i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) out[0] = sum;
}

extern "C" __global__ void store_at(float* address) {
    *address = 1.0f;
}

// Keeps one thread busy for so many cycles.
extern "C" __global__ void spin(long long cycles) {
    const long long begin = clock64();
    while (clock64() - begin < cycles) {}
}

#if __CUDA_ARCH__ >= 900
struct __align__(64) TensorMap {
    unsigned char bytes[128];
};

// out[boxRows, 64] = the box of 16-bit numbers at (row, column); one block, dynamic shared memory of boxRows * 128 + 1024 bytes
extern "C" __global__ void tma_copy(const __grid_constant__ TensorMap map, u16* out, int column, int row, int boxRows) {
    extern __shared__ unsigned char dynamic[];
    __shared__ __align__(8) u64 arrived;
    // The swizzle follows from the address, so a tile begins at a multiple of 1024.
    const u32 begin = (u32)__cvta_generic_to_shared(dynamic), tile = (begin + 1023u) & ~1023u;
    const unsigned char* values = dynamic + (tile - begin);
    const u32 barrier = (u32)__cvta_generic_to_shared(&arrived);
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier));
        asm volatile("fence.mbarrier_init.release.cluster;");
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(boxRows * 128) : "memory");
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(tile),
            "l"(&map), "r"(column), "r"(row), "r"(barrier)
            : "memory");
    }
    __syncthreads();
    u32 done = 0;
    while (!done) {
        asm volatile(
            "{\n .reg .pred p;\n mbarrier.try_wait.parity.shared::cta.b64 p, [%1], 0;\n selp.u32 %0, 1, 0, p;\n}"
            : "=r"(done)
            : "r"(barrier)
            : "memory");
    }
    for (int i = threadIdx.x; i < boxRows * 64; i += blockDim.x) {
        const int r = i / 64, c = i % 64;
        out[i] = *(const u16*)(values + r * 128 + ((c * 2) ^ ((r & 7) << 4)));
    }
}
#endif
