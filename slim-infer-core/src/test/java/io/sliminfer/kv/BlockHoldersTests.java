package io.sliminfer.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import org.junit.jupiter.api.Test;

class BlockHoldersTests {

    private final FakeDevice copies = new FakeDevice(4, 1);
    private final SlotPool device = new SlotPool(4);
    private final HostTiers host = new HostTiers(copies, null, List.of(copies.allocateHost(4, 8, null)));
    private final BlockHolders holders = new BlockHolders(device, host);
    private final TransferQueue transfers = new TransferQueue(host, device, holders, 8, fence -> fence.join());

    /** A full block that a resident request holds. */
    private KvBlock block() {
        KvBlock block = new KvBlock(0, 0, device.take(1)[0]);
        holders.hold(block, true);
        block.seal();
        return block;
    }

    @Test
    void aBlockIsFreeWhenItsLastHolderLetsGo() {
        KvBlock block = block();
        holders.hold(block, true);
        holders.cache(block);

        holders.letGo(block, true);
        assertThat(holders.pinned()).isEqualTo(1);
        holders.letGo(block, true);
        assertThat(holders.pinned()).isZero();
        assertThat(holders.cachedSlots()).isEqualTo(1);
        holders.uncache(block);

        assertThat(block.state()).isEqualTo(KvBlock.State.FREED);
        assertThat(holders.cachedSlots()).isZero();
        assertThat(device.used()).isZero();
        assertThatIllegalStateException().isThrownBy(() -> holders.letGo(block, true));
    }

    @Test
    void aBlockThatStaysOnTheDeviceGivesItsHostSlotBack() {
        KvBlock block = block();
        holders.cache(block);
        holders.letGo(block, true);
        transfers.toHostNow(List.of(block));
        holders.hold(block, true);
        assertThat(host.used()).isEqualTo(1);

        holders.uncache(block);

        assertThat(block.state()).isEqualTo(KvBlock.State.DEVICE);
        assertThat(host.used()).isZero();
        assertThat(device.used()).isEqualTo(1);
    }

    @Test
    void aBlockWithoutHoldersWaitsForItsCopy() {
        KvBlock block = block();
        holders.cache(block);
        holders.letGo(block, true);
        transfers.toHost(null, List.of(block));

        holders.uncache(block);
        assertThat(device.used()).as("while the copy reads it").isEqualTo(1);
        transfers.joinAll();

        assertThat(block.state()).isEqualTo(KvBlock.State.FREED);
        assertThat(device.used()).isZero();
        assertThat(host.used()).isZero();
    }

    @Test
    void onlyFullBlocksAreShared() {
        KvBlock block = new KvBlock(0, 0, device.take(1)[0]);
        holders.hold(block, true);

        assertThatIllegalStateException()
                .isThrownBy(() -> holders.cache(block))
                .withMessageContaining("cannot be shared");
    }
}
