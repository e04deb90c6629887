package io.sliminfer.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SlotPoolTests {

    @Test
    void givesNeighboursWhereARunIsLongEnough() {
        SlotPool pool = new SlotPool(10);
        int[] first = pool.take(3);
        int[] second = pool.take(4);
        pool.release(first);

        assertThat(second).containsExactly(3, 4, 5, 6);
        assertThat(pool.take(3)).containsExactly(0, 1, 2);
        assertThat(pool.take(2)).containsExactly(7, 8);
    }

    @Test
    void givesScatteredSlotsWhereNoRunIsLongEnough() {
        SlotPool pool = new SlotPool(6);
        int[] a = pool.take(2);
        pool.take(2);
        int[] c = pool.take(2);
        pool.release(a);
        pool.release(c);

        assertThat(pool.take(4)).containsExactly(0, 1, 4, 5);
        assertThat(pool.free()).isZero();
    }

    @Test
    void refusesMoreThanIsFree() {
        SlotPool pool = new SlotPool(3);
        pool.take(2);
        assertThatThrownBy(() -> pool.take(2)).hasMessage("2 slots asked for, 1 of 3 free");
    }

    @Test
    void namesASlotThatIsFreedTwice() {
        SlotPool pool = new SlotPool(3);
        int[] taken = pool.take(1);
        pool.release(taken);
        assertThatThrownBy(() -> pool.release(taken)).hasMessage("slot 0 freed twice");
    }

    @Test
    void neverGivesASlotToTwoOwners() {
        Random random = new Random(7);
        SlotPool pool = new SlotPool(200);
        List<int[]> owned = new ArrayList<>();
        Set<Integer> inUse = new HashSet<>();
        for (int step = 0; step < 5000; step++) {
            if (random.nextBoolean() && pool.free() > 0) {
                int[] taken = pool.take(1 + random.nextInt(Math.min(40, pool.free())));
                for (int slot : taken) {
                    assertThat(inUse.add(slot))
                            .as("slot %d at step %d", slot, step)
                            .isTrue();
                }
                owned.add(taken);
            } else if (!owned.isEmpty()) {
                int[] given = owned.remove(random.nextInt(owned.size()));
                pool.release(given);
                for (int slot : given) {
                    inUse.remove(slot);
                }
            }
            assertThat(pool.used()).isEqualTo(inUse.size());
        }
    }
}
