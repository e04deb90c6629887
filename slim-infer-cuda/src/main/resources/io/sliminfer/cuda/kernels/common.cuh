// What all kernels share: element types without headers (NVRTC has none), conversions, sums over a warp and a block.
#pragma once

// 0 float, 1 half, 2 bfloat16: the type of activations, weights and KV cache.
#ifndef DTYPE
#error "DTYPE is not defined"
#endif

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned long long u64;

#if DTYPE == 0
typedef float T;
#else
typedef u16 T;
#endif

__device__ __forceinline__ float half_to_float(u16 v) {
    float f;
    asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(v));
    return f;
}

__device__ __forceinline__ u16 float_to_half(float f) {
    u16 v;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(v) : "f"(f));
    return v;
}

__device__ __forceinline__ float bf16_to_float(u16 v) {
    return __uint_as_float((u32)v << 16);
}

__device__ __forceinline__ u16 float_to_bf16(float f) {
    u16 v;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(v) : "f"(f));
    return v;
}

__device__ __forceinline__ float to_float(T v) {
#if DTYPE == 0
    return v;
#elif DTYPE == 1
    return half_to_float(v);
#else
    return bf16_to_float(v);
#endif
}

__device__ __forceinline__ T from_float(float f) {
#if DTYPE == 0
    return f;
#elif DTYPE == 1
    return float_to_half(f);
#else
    return float_to_bf16(f);
#endif
}

// Two elements of a 16-bit type in one register, the first in the low half.
__device__ __forceinline__ u32 pack2(float low, float high) {
    u32 v;
#if DTYPE == 1
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
#else
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
#endif
    return v;
}

__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
    for (int lane = 16; lane > 0; lane >>= 1) v += __shfl_xor_sync(0xffffffffu, v, lane);
    return v;
}

__device__ __forceinline__ float warp_max(float v) {
#pragma unroll
    for (int lane = 16; lane > 0; lane >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, lane));
    return v;
}

// Sum over the block, the same in every thread; blockDim.x a multiple of 32, at most 1024. Ends with a barrier, so calls may follow each other.
__device__ __forceinline__ float block_sum(float v) {
    __shared__ float parts[32];
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    v = warp_sum(v);
    if (lane == 0) parts[warp] = v;
    __syncthreads();
    v = warp_sum(lane < warps ? parts[lane] : 0.0f);
    __syncthreads();
    return v;
}

// A view's sequence (docs/cuda.md).
struct Sequence {
    int tokens, queries, firstRow;
    const int* slots;
};

__device__ __forceinline__ Sequence sequence_of(const int* view, int index) {
    const int* entry = view + 4 + 4 * index;
    return Sequence{entry[0], entry[1], entry[2], view + entry[3]};
}

// 16-byte vectors of T and groups of four, as floats. Addresses must be aligned to what is loaded or stored.
constexpr int VECTOR = 16 / sizeof(T);

__device__ __forceinline__ bool aligned16(const void* p) {
    return ((u64)p & 15) == 0;
}

__device__ __forceinline__ float4 load4(const T* from) {
#if DTYPE == 0
    return *(const float4*)from;
#else
    const uint2 v = *(const uint2*)from;
    return make_float4(to_float((u16)v.x), to_float((u16)(v.x >> 16)), to_float((u16)v.y), to_float((u16)(v.y >> 16)));
#endif
}

__device__ __forceinline__ void store4(T* to, float4 v) {
#if DTYPE == 0
    *(float4*)to = v;
#else
    *(uint2*)to = make_uint2(pack2(v.x, v.y), pack2(v.z, v.w));
#endif
}

__device__ __forceinline__ void load_vector(float (&to)[VECTOR], const T* from) {
#if DTYPE == 0
    const float4 v = *(const float4*)from;
    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
#else
    const uint4 v = *(const uint4*)from;
    const u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        to[2 * i] = to_float((u16)words[i]);
        to[2 * i + 1] = to_float((u16)(words[i] >> 16));
    }
#endif
}

__device__ __forceinline__ void store_vector(T* to, const float (&from)[VECTOR]) {
#if DTYPE == 0
    *(float4*)to = make_float4(from[0], from[1], from[2], from[3]);
#else
    *(uint4*)to = make_uint4(pack2(from[0], from[1]), pack2(from[2], from[3]), pack2(from[4], from[5]), pack2(from[6], from[7]));
#endif
}

// Launch overlap (docs/cuda.md): on sm_90 and later a launch with programmatic stream serialization may start before the kernel ahead of it has ended. Before
// this call such a kernel may read weights and gains only, and may write nothing: it returns when that kernel has ended and its writes are seen. Every thread
// calls it before the first return, so that a kernel does not end before the ones ahead of it either, and what holds for one kernel ahead holds for all: also
// for memory that this one overwrites and an earlier one reads. Without the launch attribute, and on older cards, it does nothing.
__device__ __forceinline__ void wait_for_kernel_ahead() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets such a kernel behind this one start as soon as all blocks of this one have come here; its own wait covers the data, so this may come first.
__device__ __forceinline__ void start_kernel_behind() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ __forceinline__ u32 shared_address(const void* pointer) {
    u64 address;
    asm("cvta.to.shared.u64 %0, %1;" : "=l"(address) : "l"(pointer));
    return (u32)address;
}

// Copies 16 bytes to shared memory, or writes zeros without reading anything.
__device__ __forceinline__ void copy_async(u32 to, const void* from, bool present) {
    const int bytes = present ? 16 : 0;
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

__device__ __forceinline__ void commit_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits until at most `pending` of this thread's groups are under way.
template <int pending>
__device__ __forceinline__ void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

__device__ __forceinline__ float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
