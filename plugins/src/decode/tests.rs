#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write;

use flate2::Compression;
use proptest::prelude::*;

use super::*;

const CODINGS: [&str; 5] = ["gzip", "deflate", "br", "zstd", "identity"];
const AMPLE: Budget = Budget { bytes_max: 1 << 30, ratio_max: u64::MAX };

fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4_096, 5, 22);
            encoder.write_all(plain).unwrap();
            encoder.into_inner()
        }
        "zstd" => zstd::encode_all(plain, 1).unwrap(),
        _ => plain.to_vec(),
    }
}

fn decode_by(coding: &str, coded: &[u8], size: usize, budget: Budget) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(Some(coding), budget)?;
    let mut plain = Vec::new();
    for piece in coded.chunks(size.max(1)) {
        decoder.push(piece, |piece| {
            assert!(piece.len() <= size.max(Decoder::SCRATCH_BYTES));
            plain.extend_from_slice(piece);
        })?;
    }
    decoder.finish()?;
    Ok(plain)
}

fn text(length: usize) -> Vec<u8> {
    b"{\"model\":\"gpt-x\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello, is it me?\"}]}"
        .iter()
        .copied()
        .cycle()
        .take(length)
        .collect()
}

#[test]
fn every_coding_is_taken_off_whole_or_byte_by_byte() {
    for coding in CODINGS {
        for length in [0, 1, 300, 70_000] {
            let plain = text(length);
            let coded = encode(coding, &plain);
            let whole = decode(Some(coding), Bytes::from(coded.clone()), 1 << 20, 1_000_000).unwrap();
            assert_eq!(whole, plain, "{coding} {length}");
            for size in [1, 7, 1_000] {
                assert_eq!(decode_by(coding, &coded, size, AMPLE), Ok(plain.clone()), "{coding} {length} by {size}");
            }
        }
    }
}

#[test]
fn no_coding_at_all_passes_the_same_bytes() {
    let body = Bytes::from_static(b"{}");
    for coding in [None, Some(""), Some("identity"), Some(" Identity ")] {
        assert_eq!(decode(coding, body.clone(), 2, 1).unwrap().as_ptr(), body.as_ptr());
    }
    assert_eq!(decode(None, body, 1, 1), Err(Reason::BodyTooLarge { cap_bytes: 1 }));
}

#[test]
fn names_of_codings_are_read_as_http_reads_them_and_only_one_is_taken() {
    let coded = encode("gzip", b"x");
    for coding in ["gzip", "GZIP", "x-gzip", " gzip\t"] {
        assert_eq!(decode_by(coding, &coded, 99, AMPLE), Ok(b"x".to_vec()), "{coding}");
    }
    for coding in ["gzip, gzip", "gzip,br", "gzip, identity", "compress", "lzma", "gzip;q=1", "zlib", "*"] {
        assert_eq!(Decoder::new(Some(coding), AMPLE).unwrap_err(), DecodeError::Coding, "{coding}");
    }
}

#[test]
fn a_cut_body_a_second_member_and_trailing_bytes_are_refused() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let coded = encode(coding, &text(5_000));
        for cut in [1, 2, coded.len() / 2, coded.len() - 1] {
            let error = decode_by(coding, &coded[..coded.len() - cut], 64, AMPLE).unwrap_err();
            assert_eq!(error, DecodeError::Truncated, "{coding} without its last {cut}");
        }
        for size in [1, 64, 1 << 20] {
            let twice = [coded.clone(), coded.clone()].concat();
            assert_eq!(decode_by(coding, &twice, size, AMPLE), Err(DecodeError::Trailing), "{coding} twice");
            let trailed = [coded.clone(), b"\n".to_vec()].concat();
            assert_eq!(decode_by(coding, &trailed, size, AMPLE), Err(DecodeError::Trailing), "{coding} trailed");
        }
    }
}

#[test]
fn a_body_that_is_not_what_its_coding_says_is_refused() {
    for coding in ["gzip", "deflate", "zstd"] {
        assert_eq!(decode_by(coding, b"{\"model\":\"x\"}", 5, AMPLE), Err(DecodeError::Malformed), "{coding}");
    }
    assert!(decode_by("br", b"{\"model\":\"x\"}", 5, AMPLE).is_err());
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(b"{}").unwrap();
    assert_eq!(decode_by("deflate", &raw.finish().unwrap(), 99, AMPLE), Err(DecodeError::Malformed), "raw deflate");
    for coding in ["gzip", "deflate"] {
        let mut coded = encode(coding, &text(5_000));
        let check = coded.len() - if coding == "gzip" { 6 } else { 2 };
        coded[check] ^= 1;
        assert_eq!(decode_by(coding, &coded, 99, AMPLE), Err(DecodeError::Malformed), "{coding} with a wrong checksum");
    }
}

#[test]
fn gzip_heads_with_names_and_extra_fields_are_read_and_odd_ones_refused() {
    let plain = encode("gzip", b"abc");
    let with = |flags: u8, optional: &[u8]| [&plain[..3], &[flags], &plain[4..10], optional, &plain[10..]].concat();
    for (flags, optional) in [
        (4, &b"\x03\x00xyz"[..]),
        (8, b"name\0"),
        (16, b"comment\0"),
        (2, b"\x00\x00"),
        (30, b"\x01\x00x\0\0\x12\x34"),
        (1, b""),
    ] {
        for size in [1, 99] {
            assert_eq!(decode_by("gzip", &with(flags, optional), size, AMPLE), Ok(b"abc".to_vec()), "{flags}");
        }
    }
    assert_eq!(decode_by("gzip", &with(0x20, b""), 99, AMPLE), Err(DecodeError::Malformed), "a reserved flag");
    assert_eq!(decode_by("gzip", &with(8, &[b'x'; 5_000]), 99, AMPLE), Err(DecodeError::Malformed), "an endless name");
}

#[test]
fn a_bomb_is_stopped_by_bytes_and_by_ratio() {
    let zeros = vec![b' '; 8 << 20];
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let bomb = encode(coding, &zeros);
        let by_bytes = Budget { bytes_max: 100_000, ratio_max: u64::MAX };
        let mut out = 0;
        let mut decoder = Decoder::new(Some(coding), by_bytes).unwrap();
        let error = decoder.push(&bomb, |piece| out += piece.len()).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge { cap_bytes: 100_000 }, "{coding}");
        assert!(out <= 100_000, "{coding}: not a byte more comes out");
        let by_ratio = Budget { bytes_max: 1 << 30, ratio_max: 200 };
        let error = decode_by(coding, &bomb, 1 << 20, by_ratio).unwrap_err();
        assert_eq!(error, DecodeError::TooDense { ratio_max: 200 }, "{coding}");
    }
    let word = encode("gzip", &vec![b'a'; 60_000]);
    assert!(decode(Some("gzip"), Bytes::from(word), 1 << 20, 1).is_ok(), "small bodies are no bombs");
}

#[test]
fn a_zstd_window_above_eight_mebibytes_is_refused() {
    let frame = |window_log: u8| {
        // RFC 8878 §3.1.1: magic number, a descriptor without size, the window, one empty last raw block.
        [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, (window_log - 10) << 3][..], &[0x01, 0x00, 0x00]].concat()
    };
    assert_eq!(decode_by("zstd", &frame(23), 99, AMPLE), Ok(Vec::new()));
    assert_eq!(decode_by("zstd", &frame(24), 99, AMPLE), Err(DecodeError::Malformed));
}

#[test]
fn after_an_error_nothing_more_comes_out() {
    for coding in ["gzip", "deflate", "br", "zstd", "identity"] {
        let coded = encode(coding, &text(5_000));
        let mut decoder = Decoder::new(Some(coding), Budget { bytes_max: 100, ratio_max: 1 }).unwrap();
        let error = decoder.push(&coded, |_| {}).unwrap_err();
        assert_eq!(decoder.push(&coded, |_| panic!("{coding} goes on")), Err(error));
        assert_eq!(decoder.finish(), Err(error));
    }
}

#[test]
fn errors_become_reasons_that_say_how_to_mend_it() {
    let reason = decode(Some("lzma"), Bytes::new(), 1, 1).unwrap_err();
    let what = "content-encoding must be one of gzip, deflate, br, zstd or identity, once";
    assert_eq!(reason, Reason::AmbiguousBody { what: what.into() });
    let large = encode("gzip", &text(5_000));
    assert_eq!(decode(Some("gzip"), large.into(), 4_999, 99).unwrap_err(), Reason::BodyTooLarge { cap_bytes: 4_999 });
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_bytes(
        plain in prop::collection::vec(any::<u8>(), 0..3_000),
        size in 1_usize..50,
        coding in prop::sample::select(CODINGS.to_vec()),
    ) {
        let coded = encode(coding, &plain);
        prop_assert_eq!(decode_by(coding, &coded, size, AMPLE), Ok(plain));
    }
}
