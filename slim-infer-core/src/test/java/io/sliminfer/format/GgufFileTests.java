package io.sliminfer.format;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that are none, or lie. */
class GgufFileTests {

    private static final byte[] DATA = new byte[64];

    @TempDir
    private Path temp;

    private static GgufBuilder good() {
        return new GgufBuilder().text("general.name", "x").described("w", 0, DATA, 0, 4, 4);
    }

    private void assertRefused(byte[] content, String message) {
        try {
            Path file = Files.write(temp.resolve("x.gguf"), content);
            assertThatExceptionOfType(ModelFormatException.class)
                    .isThrownBy(() -> GgufFile.open(file).close())
                    .withMessage("x.gguf: " + message);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void assertRefused(GgufBuilder gguf, String message) {
        assertRefused(gguf.bytes(), message);
    }

    @Test
    void opensTheGoodOne() {
        GgufFile.open(good().write(temp.resolve("x.gguf"))).close();
    }

    @Test
    void saysThatItIsNone() {
        assertRefused("PK..not this".getBytes(), "is no GGUF file (it does not begin with \"GGUF\").");
        assertRefused(new byte[0], "ends within its first bytes (0 bytes): it is truncated; download it again.");
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> GgufFile.open(temp.resolve("absent.gguf")))
                .withMessage("absent.gguf is missing in " + temp + ".");
    }

    @Test
    void saysWhichVersionItIs() {
        assertRefused(good().version(1), "is GGUF of version 1; supported are 2 and 3.");
        assertRefused(good().version(-1), "is GGUF of version 4294967295; supported are 2 and 3.");
        assertRefused(
                good().version(3 << 24),
                "is a big-endian GGUF file; supported is little endian, as nearly all files are.");
    }

    @Test
    void refusesCountsThatMakeNoSense() {
        assertRefused(
                good().counts(1L << 40, 1),
                "the number of tensors is 1099511627776; at most 100000 are allowed. The file is damaged or no GGUF file.");
        assertRefused(
                good().counts(1, 1L << 62),
                "says that it has 4611686018427387904 metadata pairs; at most 100000 are allowed. The file is damaged or no GGUF file.");
        assertRefused(
                new GgufBuilder().counts(0, 1).raw("k", 8, GgufBuilder.int64(1L << 50)),
                "the length of k is 1125899906842624; at most 67108864 are allowed. The file is damaged or no GGUF file.");
        assertRefused(
                new GgufBuilder().raw("k", 9, concat(GgufBuilder.int32(4), GgufBuilder.int64(Integer.MAX_VALUE))),
                "ends within k (64 bytes): it is truncated; download it again.");
        assertRefused(
                new GgufBuilder().raw("k", 9, concat(GgufBuilder.int32(8), GgufBuilder.int64(Integer.MAX_VALUE))),
                "ends within the length of k (64 bytes): it is truncated; download it again.");
    }

    private static byte[] concat(byte[]... parts) {
        int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
        byte[] all = new byte[length];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    @ParameterizedTest
    @CsvSource({"13", "-1", "255"})
    void refusesTypesOfValuesThatNobodyKnows(int type) {
        assertRefused(
                new GgufBuilder().raw("k", type, new byte[8]),
                "k has a value of type " + type
                        + ", which GGUF does not know. The file is damaged, or newer than this reader.");
        assertRefused(
                new GgufBuilder().raw("k", 9, concat(GgufBuilder.int32(type), GgufBuilder.int64(1), new byte[8])),
                "k has a value of type " + type
                        + ", which GGUF does not know. The file is damaged, or newer than this reader.");
    }

    @Test
    void refusesListsWithinListsWithoutEnd() {
        byte[] nested = concat(GgufBuilder.int32(4), GgufBuilder.int64(0));
        for (int i = 0; i < 10; i++) {
            nested = concat(GgufBuilder.int32(9), GgufBuilder.int64(1), nested);
        }
        assertRefused(
                new GgufBuilder().raw("k", 9, nested),
                "k has a value of type 9, which GGUF does not know. The file is damaged, or newer than this reader.");
    }

    @Test
    void refusesKeysTwiceAndTextThatIsNone() {
        assertRefused(good().again("general.name"), "has general.name twice. The file is damaged.");
        byte[] content = good().bytes();
        content[24 + 8] = (byte) 0xFF; // first letter of the first key
        assertRefused(content, "a metadata key is not UTF-8. The file is damaged.");
    }

    @Test
    void refusesAlignmentsThatAreNone() {
        assertRefused(good().number("general.alignment", 48), "general.alignment is 48; a power of two is expected.");
        assertRefused(
                good().number("general.alignment", 0),
                "general.alignment is 0; a whole number from 1 to 1048576 is expected.");
    }

    @Test
    void refusesTensorsThatLie() {
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0),
                "tensor w has 0 dimensions; 1 to 4 are allowed. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0, 1, 1, 1, 1, 1),
                "tensor w has 5 dimensions; 1 to 4 are allowed. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0, 4, 0),
                "tensor w has a dimension of 0, which is 0 or too large. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0, 1L << 40, 1L << 40),
                "tensor w has a dimension of 1099511627776, which is 0 or too large. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0, -4),
                "tensor w has a dimension of 18446744073709551612, which is 0 or too large. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0, 1L << 61, 2),
                "tensor w has shape [2, 2305843009213693952], which is too large.");
        assertRefused(
                new GgufBuilder().described("w", 2, DATA, 0, 48, 2),
                "tensor w of type Q4_0 has rows of 48 elements; a multiple of 32 is expected. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 8, 4),
                "tensor w has offset 8; a multiple of general.alignment=32 is expected. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, -32, 4),
                "tensor w has offset 18446744073709551584; a multiple of general.alignment=32 is expected. The file is damaged.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 0, 64),
                "tensor w takes 256 bytes from offset 0 of the data on, but the file has 64 there: it is truncated; download it again.");
        assertRefused(
                new GgufBuilder().described("w", 0, DATA, 1L << 40, 4),
                "tensor w takes 16 bytes from offset 1099511627776 of the data on, but the file has 64 there: it is truncated; download it again.");
        assertRefused(good().described("v", 0, DATA, 32, 4), "tensors w and v overlap. The file is damaged.");
        assertRefused(good().described("w", 0, DATA, 64, 4), "describes tensor w twice. The file is damaged.");
    }

    @ParameterizedTest
    @CsvSource({"10,Q2_K", "11,Q3_K", "16,IQ2_XXS", "20,IQ4_NL", "26,I32", "39,MXFP4", "99,number 99", "-1,number -1"})
    void refusesOtherTypesByName(int number, String name) {
        assertRefused(
                new GgufBuilder().described("blk.0.attn_q.weight", number, DATA, 0, 256),
                "tensor blk.0.attn_q.weight has type " + name
                        + "; supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K."
                        + " Choose a file of one of these types, such as Q4_K_M or Q8_0.");
    }

    @Test
    void readsNothingBeyondAnyEnd() throws IOException {
        byte[] whole = new GgufBuilder()
                .texts("t", List.of("a", "bc"))
                .numbers("n", List.of(1, 2))
                .flag("f", true)
                .described("w", 0, DATA, 0, 4, 4)
                .bytes();
        for (int length = 0; length < whole.length; length++) {
            Path file = Files.write(temp.resolve("cut.gguf"), Arrays.copyOf(whole, length));
            assertThatExceptionOfType(ModelFormatException.class)
                    .as("the first %d bytes", length)
                    .isThrownBy(() -> GgufFile.open(file).close())
                    .withMessageContaining("truncated");
        }
    }
}
