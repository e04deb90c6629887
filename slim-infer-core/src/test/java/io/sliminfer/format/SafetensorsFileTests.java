package io.sliminfer.format;

import static io.sliminfer.format.SafetensorsWriter.entry;
import static io.sliminfer.format.SafetensorsWriter.header;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTests {

    @TempDir
    Path folder;

    @Test
    void readsTensorsInPlace() {
        new SafetensorsWriter()
                .add("m", DType.F32, new long[] {3, 2}, 1, 2, 3, 4, 5, 6)
                .add("v", DType.BF16, new long[] {3}, 1, -2, 0.5f)
                .add("h", DType.F16, new long[] {1, 2}, 1.5f, -0.25f)
                .add("empty", DType.F32, new long[] {0, 4})
                .write(file());
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            TensorSource matrix = file.tensor("m");
            assertThat(matrix.dtype()).isEqualTo(DType.F32);
            assertThat(matrix.rows()).isEqualTo(3);
            assertThat(matrix.columns()).isEqualTo(2);
            assertThat(matrix.bytes()).isEqualTo(24);
            ByteBuffer rows = matrix.rows(1, 3);
            assertThat(rows.isDirect()).isTrue();
            assertThat(rows.isReadOnly()).isTrue();
            assertThat(rows.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
            assertThat(rows.remaining()).isEqualTo(16);
            assertThat(rows.getFloat(0)).isEqualTo(3);
            assertThat(rows.getFloat(12)).isEqualTo(6);

            TensorSource vector = file.tensor("v");
            assertThat(vector.rows()).isEqualTo(1);
            assertThat(vector.columns()).isEqualTo(3);
            assertThat(vector.rows(0, 1).getShort(2)).isEqualTo((short) 0xc000);

            assertThat(file.tensor("h").rows(0, 1).getShort(0)).isEqualTo((short) 0x3e00);
            assertThat(file.tensor("h").rows(0, 1).getShort(2)).isEqualTo((short) 0xb400);
            assertThat(file.tensor("empty").rows(0, 0).remaining()).isZero();
            assertThat(file.tensorNames()).containsExactly("m", "v", "h", "empty");
            assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
        }
    }

    @Test
    void copiesRowsBehindWhatABufferHolds() {
        new SafetensorsWriter()
                .add("m", DType.F32, new long[] {3, 2}, 1, 2, 3, 4, 5, 6)
                .write(file());
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            ByteBuffer into = ByteBuffer.allocateDirect(28).order(ByteOrder.LITTLE_ENDIAN);
            into.putFloat(7);

            file.tensor("m").copyRows(1, 3, into);

            assertThat(into.position()).isEqualTo(20);
            into.flip();
            assertThat(into.getFloat()).isEqualTo(7);
            assertThat(into.slice().order(ByteOrder.LITTLE_ENDIAN))
                    .isEqualTo(file.tensor("m").rows(1, 3));
        }
    }

    @Test
    void aFileThatWasCutSinceItWasOpenedIsNamed() throws IOException {
        new SafetensorsWriter()
                .add("m", DType.F32, new long[] {3, 2}, 1, 2, 3, 4, 5, 6)
                .write(file());
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            TensorSource matrix = file.tensor("m");
            try (RandomAccessFile cut = new RandomAccessFile(file().toFile(), "rw")) {
                cut.setLength(cut.length() - 4);
            }
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> matrix.copyRows(0, 3, ByteBuffer.allocateDirect(24)))
                    .withMessageContaining("cannot read " + file())
                    .withMessageContaining("it ends at byte");
        }
    }

    @Test
    void rowsOutOfRangeAreRefused() {
        new SafetensorsWriter()
                .add("m", DType.F32, new long[] {3, 2}, 1, 2, 3, 4, 5, 6)
                .write(file());
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> file.tensor("m").rows(1, 4))
                    .withMessage("rows 1 to 4 of m, which has 3");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> file.tensor("m").rows(-1, 2));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> file.tensor("m").rows(2, 1));
        }
    }

    @Test
    void viewsOutliveTheFileButNoNewOnesAreGiven() {
        new SafetensorsWriter().add("v", DType.F32, new long[] {2}, 1, 2).write(file());
        SafetensorsFile file = SafetensorsFile.open(file());
        TensorSource vector = file.tensor("v");
        ByteBuffer row = vector.rows(0, 1);
        file.close();
        file.close();
        assertThat(row.getFloat(4)).isEqualTo(2);
        assertThatIllegalStateException().isThrownBy(() -> vector.rows(0, 1)).withMessageEndingWith("is closed");
    }

    @Test
    void readsFilesAboveTwoGibibytes() throws IOException {
        long columns = 1 << 18;
        long rows = 4000;
        long bytes = rows * columns * 4;
        String header = header(Map.of("m", entry("F32", "[" + rows + "," + columns + "]", 0, bytes)));
        SafetensorsWriter.raw(file(), header, new byte[0]);
        long dataStart = Files.size(file());
        long rowBytes = columns * 4;
        try (RandomAccessFile sparse = new RandomAccessFile(file().toFile(), "rw")) {
            sparse.setLength(dataStart + bytes);
            // Little-endian 1.0f at the start of these rows: beside 1 GiB, beyond 2 GiB and last.
            for (long row : new long[] {1023, 1024, 2100, rows - 1}) {
                sparse.seek(dataStart + row * rowBytes);
                sparse.write(new byte[] {0, 0, (byte) 0x80, 0x3f});
            }
        } catch (IOException e) {
            Assumptions.abort("no sparse file of 4 GB here: " + e);
        }
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            TensorSource matrix = file.tensor("m");
            assertThat(matrix.bytes()).isEqualTo(bytes);
            for (long row : new long[] {1023, 1024, 2100, rows - 1}) {
                assertThat(matrix.rows(row, row + 1).getFloat(0)).isEqualTo(1);
                assertThat(matrix.rows(row - 1, row + 1).getFloat((int) rowBytes))
                        .isEqualTo(1);
            }
            // More than 1 GiB at once, across two GiB borders.
            ByteBuffer many = matrix.rows(1000, 3047);
            assertThat(many.remaining()).isEqualTo(2047 * (int) rowBytes);
            assertThat(many.getFloat(23 * (int) rowBytes)).isEqualTo(1);
            assertThat(many.getFloat(1100 * (int) rowBytes)).isEqualTo(1);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> matrix.rows(0, 2048))
                    .withMessage("rows 0 to 2048 of m are 2147483648 bytes; ask for at most 2047 rows at a time");
        }
    }

    @Test
    void aMissingFileIsNamed() {
        assertRefused().withMessage("model.safetensors is missing in " + folder + ".");
    }

    @Test
    void aFolderInPlaceOfTheFileIsNamed() throws IOException {
        Files.createDirectory(file());
        assertRefused().withMessageEndingWith("model.safetensors is a folder; a safetensors file is expected.");
    }

    @Test
    void aFileOfAFewBytesIsTruncated() throws IOException {
        Files.write(file(), new byte[] {1, 2, 3});
        assertRefused()
                .withMessage(
                        "model.safetensors: has 3 bytes, which is too short for a safetensors file: it is truncated;"
                                + " download it again.");
    }

    @Test
    void aHugeHeaderIsRefusedBeforeItIsRead() throws IOException {
        writeLength(-1);
        assertRefused()
                .withMessage("model.safetensors: says that its header has 18446744073709551615 bytes; at most 100000000"
                        + " are allowed. This is not a safetensors file, or it is damaged.");
        writeLength(100_000_001);
        assertRefused().withMessageContaining("100000001 bytes; at most 100000000 are allowed");
        writeLength(Long.MAX_VALUE);
        assertRefused().withMessageContaining("9223372036854775807 bytes");
    }

    @Test
    void aHeaderLongerThanTheFileIsTruncated() throws IOException {
        writeLength(5000);
        assertRefused()
                .withMessage("model.safetensors: says that its header has 5000 bytes, but the file has only 8: it is"
                        + " truncated (download it again) or not a safetensors file.");
    }

    @Test
    void dataThatEndsEarlyIsTruncated() throws IOException {
        new SafetensorsWriter().add("v", DType.F32, new long[] {2}, 1, 2).write(file());
        byte[] bytes = Files.readAllBytes(file());
        Files.write(file(), Arrays.copyOf(bytes, bytes.length - 1));
        assertRefused()
                .withMessage(
                        "model.safetensors: tensor v ends at byte 8 of the data, but the file holds 7 bytes of data:"
                                + " it is truncated (download it again) or its header lies.");
    }

    @Test
    void dataThatGoesOnIsRefused() {
        write(Map.of("v", entry("F32", "[2]", 0, 8)), 11);
        assertRefused()
                .withMessage("model.safetensors: 3 bytes follow the last tensor; the header describes 8 bytes of data,"
                        + " the file holds 11.");
    }

    @Test
    void aHeaderThatIsNoJsonIsRefused() {
        SafetensorsWriter.raw(file(), "hello, world", new byte[0]);
        assertRefused().withMessageContaining("the header is not a JSON object in UTF-8");
        SafetensorsWriter.raw(file(), "{\"a\":", new byte[0]);
        assertRefused().withMessageContaining("the header is not valid JSON");
        SafetensorsWriter.raw(file(), "{} {}", new byte[0]);
        assertRefused().withMessageContaining("the header goes on after its JSON object");
        SafetensorsWriter.raw(file(), "{\"a\":" + "[".repeat(100_000), new byte[0]);
        assertRefused().withMessageContaining("the header is wrong: tensor a is not described by an object");
        SafetensorsWriter.raw(file(), "{\"a\":{\"x\":" + "[".repeat(100_000), new byte[0]);
        assertRefused().withMessageContaining("the header is not valid JSON").withMessageContaining("nesting");
    }

    @Test
    void aHeaderInAnotherEncodingIsRefused() throws IOException {
        writeHeader("{\"a\":1}".getBytes(StandardCharsets.UTF_16LE));
        assertRefused().withMessageContaining("not a JSON object in UTF-8");
        writeHeader("{\"é\":{}}".getBytes(StandardCharsets.ISO_8859_1));
        assertRefused().withMessageContaining("not a JSON object in UTF-8");
    }

    @Test
    void aHeaderPaddedWithSpacesIsAllowed() {
        SafetensorsWriter.raw(file(), header(Map.of("v", entry("F32", "[1]", 0, 4))) + "   ", new byte[4]);
        SafetensorsFile.open(file()).close();
    }

    @Test
    void entriesThatAreNoTensorsAreRefused() {
        write(Map.of("v", "7"), 0);
        assertRefused().withMessageContaining("the header is wrong: tensor v is not described by an object");
        write(Map.of("v", "{\"dtype\":\"F32\"}"), 0);
        assertRefused().withMessageContaining("tensor v lacks dtype, shape or a pair of data_offsets");
        write(Map.of("v", "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}"), 4);
        assertRefused().withMessageContaining("tensor v lacks dtype, shape or a pair of data_offsets");
        write(Map.of("v", "{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}"), 4);
        assertRefused().withMessageContaining("tensor v has a dtype that is not a string");
        write(Map.of("v", "{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}"), 4);
        assertRefused().withMessageContaining("tensor v has dtype twice");
    }

    @Test
    void twoTensorsOfOneNameAreRefused() {
        String twice = "{\"v\":" + entry("F32", "[1]", 0, 4) + ",\"v\":" + entry("F32", "[1]", 0, 4) + "}";
        SafetensorsWriter.raw(file(), twice, new byte[4]);
        assertRefused().withMessage("model.safetensors: the header names tensor v twice.");
        SafetensorsWriter.raw(file(), "{\"__metadata__\":{},\"__metadata__\":{}}", new byte[0]);
        assertRefused().withMessageContaining("the header has __metadata__ twice");
    }

    @Test
    void metadataOfAnotherFormIsRefused() {
        SafetensorsWriter.raw(file(), "{\"__metadata__\":{\"a\":1}}", new byte[0]);
        assertRefused().withMessageContaining("__metadata__ is not an object of strings");
    }

    @Test
    void sizesThatAreNoSizesAreRefused() {
        for (String shape : new String[] {"[-1]", "[1.5]", "[\"1\"]", "[99999999999999999999]", "{}", "1", "[[1]]"}) {
            write(Map.of("v", entry("F32", shape, 0, 4)), 4);
            assertRefused()
                    .withMessageContaining(
                            "tensor v has a shape that is not a list of up to 16 whole numbers from 0 to 2^63 - 1");
        }
        write(Map.of("v", entry("F32", "[" + "1,".repeat(16) + "1]", 0, 4)), 4);
        assertRefused().withMessageContaining("up to 16");
        write(Map.of("v", entry("F32", "[1]", -4, 4)), 4);
        assertRefused().withMessageContaining("tensor v has a data_offsets that is not a list");
    }

    @Test
    void offsetsBeyondTheFileAreRefused() {
        write(Map.of("v", entry("F32", "[2305843009213693950]", 0, Long.MAX_VALUE - 7)), 16);
        assertRefused()
                .withMessageContaining("tensor v ends at byte 9223372036854775800 of the data, but the file holds 16");
    }

    @Test
    void offsetsThatFallAreRefused() {
        write(Map.of("v", entry("F32", "[1]", 8, 4)), 16);
        assertRefused()
                .withMessage("model.safetensors: tensor v has data_offsets [8, 4]; they must rise from 0 or more.");
    }

    @Test
    void aShapeThatOverflowsIsRefused() {
        // 2^62 * 4 elements are 0 modulo 2^64, as the offsets say.
        write(Map.of("v", entry("F32", "[4611686018427387904,4]", 0, 0)), 0);
        assertRefused()
                .withMessage(
                        "model.safetensors: tensor v has shape [4611686018427387904, 4], which is more than any file"
                                + " can hold.");
    }

    @Test
    void aShapeThatDoesNotFitItsBytesIsRefused() {
        write(Map.of("v", entry("BF16", "[3,4]", 0, 32)), 32);
        assertRefused()
                .withMessage("model.safetensors: tensor v has shape [3, 4] of BF16, which is 24 bytes, but its"
                        + " data_offsets [0, 32] hold 32.");
    }

    @Test
    void overlappingTensorsAreRefused() {
        write(new TreeMap<>(Map.of("a", entry("F32", "[2]", 0, 8), "b", entry("F32", "[2]", 4, 12))), 12);
        assertRefused().withMessage("model.safetensors: tensor b at bytes 4 to 12 overlaps tensor a at bytes 0 to 8.");
    }

    @Test
    void aGapBetweenTensorsIsRefused() {
        write(new TreeMap<>(Map.of("a", entry("F32", "[1]", 0, 4), "b", entry("F32", "[1]", 8, 12))), 12);
        assertRefused()
                .withMessage("model.safetensors: tensor b begins at byte 8 of the data, but bytes from 4 belong to no"
                        + " tensor; gaps are not allowed.");
    }

    @Test
    void unknownDTypesMatterOnlyWhenRead() {
        write(new TreeMap<>(Map.of("a", entry("F4", "[3]", 0, 2), "b", entry("X9", "[1]", 2, 5))), 5);
        assertRefused().withMessageContaining("tensor a has shape [3] of F4, which is 2 bytes");

        write(new TreeMap<>(Map.of("a", entry("F8_E4M3", "[2]", 0, 2), "b", entry("X9", "[1]", 2, 5))), 5);
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            assertThatExceptionOfType(ModelFormatException.class)
                    .isThrownBy(() -> file.tensor("a"))
                    .withMessage("model.safetensors: tensor a has dtype F8_E4M3; supported are F32, F16 and BF16.");
            assertThatExceptionOfType(ModelFormatException.class)
                    .isThrownBy(() -> file.tensor("b"))
                    .withMessageContaining("has dtype X9");
        }
    }

    @Test
    void tensorsOfThreeDimensionsAndMissingOnesAreRefusedWhenRead() {
        new SafetensorsWriter()
                .add("cube", DType.F32, new long[] {1, 1, 2}, 1, 2)
                .write(file());
        try (SafetensorsFile file = SafetensorsFile.open(file())) {
            assertThatExceptionOfType(ModelFormatException.class)
                    .isThrownBy(() -> file.tensor("cube"))
                    .withMessage(
                            "model.safetensors: tensor cube has shape [1, 1, 2]; only vectors and matrices can be read.");
            assertThatExceptionOfType(ModelFormatException.class)
                    .isThrownBy(() -> file.tensor("ball"))
                    .withMessage("model.safetensors: has no tensor ball.");
        }
    }

    private Path file() {
        return folder.resolve("model.safetensors");
    }

    private void write(Map<String, String> entries, int dataBytes) {
        SafetensorsWriter.raw(file(), header(entries), new byte[dataBytes]);
    }

    private void writeLength(long length) throws IOException {
        Files.write(
                file(),
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(length)
                        .array());
    }

    private void writeHeader(byte[] header) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(file(), bytes.putLong(header.length).put(header).array());
    }

    private ThrowableAssertAlternative<ModelFormatException> assertRefused() {
        return assertThatExceptionOfType(ModelFormatException.class).isThrownBy(() -> SafetensorsFile.open(file()));
    }
}
