package io.sliminfer.text;

/**
 * UTF-8 bytes to text as they come. A broken sequence becomes one replacement character for its longest valid beginning, as
 * Unicode recommends and the tokenizers library does; {@code CharsetDecoder} counts surrogates differently.
 */
final class Utf8Stream {

    private int character;
    private int missing;

    /** Allowed range of the next byte; narrower than 0x80..0xbf only behind some first bytes. */
    private int lower = 0x80;

    private int upper = 0xbf;

    void append(int value, StringBuilder out) {
        if (missing > 0) {
            if (value >= lower && value <= upper) {
                character = character << 6 | (value & 0x3f);
                lower = 0x80;
                upper = 0xbf;
                if (--missing == 0) {
                    out.appendCodePoint(character);
                }
                return;
            }
            out.append('\ufffd');
            missing = 0;
        }
        start(value, out);
    }

    private void start(int value, StringBuilder out) {
        lower = 0x80;
        upper = 0xbf;
        if (value < 0x80) {
            out.append((char) value);
        } else if (value >= 0xc2 && value <= 0xdf) {
            begin(value & 0x1f, 1);
        } else if (value >= 0xe0 && value <= 0xef) {
            begin(value & 0x0f, 2);
            // No overlong forms, no surrogates.
            lower = value == 0xe0 ? 0xa0 : lower;
            upper = value == 0xed ? 0x9f : upper;
        } else if (value >= 0xf0 && value <= 0xf4) {
            begin(value & 0x07, 3);
            // No overlong forms, nothing above U+10FFFF.
            lower = value == 0xf0 ? 0x90 : lower;
            upper = value == 0xf4 ? 0x8f : upper;
        } else {
            out.append('\ufffd');
        }
    }

    private void begin(int bits, int following) {
        character = bits;
        missing = following;
    }

    /** An unfinished character becomes a replacement character. */
    void finish(StringBuilder out) {
        if (missing > 0) {
            out.append('\ufffd');
            missing = 0;
        }
    }
}
