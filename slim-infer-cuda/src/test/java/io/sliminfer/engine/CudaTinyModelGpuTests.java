package io.sliminfer.engine;

import io.sliminfer.cuda.GpuTest;

/**
 * The trained small model's golden answers on the GPU. {@code -Dtiny-model.dir} names its folder where the checkout lacks it,
 * {@code -Dgolden.tokens-max} how long prompts may be.
 */
@GpuTest
class CudaTinyModelGpuTests extends TinyModelGoldenTests {

    @Override
    protected String backend() {
        return "cuda";
    }
}
