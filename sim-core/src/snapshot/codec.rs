//! Deflate and inflate, bounded and the same on every machine.
//!
//! `miniz_oxide` directly, not through `flate2` or `zip`: those choose their back end by feature unification, and
//! another one's compressed bytes would differ from build to build.

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// Deflate cannot do better than one bit for 129 bytes; more is a bomb.
const MAX_RATIO: u64 = 1032;

/// What is shorter stays as it is: it would gain a few bytes and cost a hash in the manifest.
const MIN_SIZE: usize = 128;

/// A compressor that is used for many entries.
pub(crate) struct Deflater(CompressorOxide);

impl Deflater {
    pub(crate) fn new() -> Self {
        Self(CompressorOxide::with_format_and_level(
            DataFormat::Raw,
            CompressionLevel::DefaultLevel,
        ))
    }

    /// The deflated form of `plain`, where that is shorter.
    pub(crate) fn deflate(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        if plain.len() < MIN_SIZE {
            return None;
        }
        self.0.reset();
        let mut stored = vec![0; plain.len() - 1];
        match compress(&mut self.0, plain, &mut stored, TDEFLFlush::Finish) {
            (TDEFLStatus::Done, _, n_stored) => {
                stored.truncate(n_stored);
                stored.shrink_to_fit();
                Some(stored)
            }
            // The output buffer is one byte too small for what does not shrink.
            (TDEFLStatus::Okay | TDEFLStatus::BadParam | TDEFLStatus::PutBufFailed, _, _) => None,
        }
    }
}

/// The `size` bytes that `stored` inflates to: no more, no less, and with no byte left over.
pub(crate) fn inflate(stored: &[u8], size: u64) -> Option<Vec<u8>> {
    if size > (stored.len() as u64).saturating_mul(MAX_RATIO) {
        return None;
    }
    let mut plain = vec![0; usize::try_from(size).ok()?];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let done = decompress(&mut DecompressorOxide::new(), stored, &mut plain, 0, flags);
    (done == (TINFLStatus::Done, stored.len(), plain.len())).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deflated_inflates_to_itself() {
        for n_lines in [1, 2, 100, 10_000] {
            let plain: Vec<u8> = (0..n_lines)
                .flat_map(|line| format!("-A FORWARD -j RULE-{line}\n").into_bytes())
                .collect();
            let Some(stored) = Deflater::new().deflate(&plain) else {
                assert!(n_lines < 9);
                continue;
            };
            assert_eq!(inflate(&stored, plain.len() as u64), Some(plain.clone()));
            assert_eq!(inflate(&stored, plain.len() as u64 - 1), None);
            assert_eq!(inflate(&stored, plain.len() as u64 + 1), None);
        }
    }

    #[test]
    fn a_compressor_that_was_used_before_gives_the_same_bytes() {
        let text = "net.ipv4.ip_forward = 1\n".repeat(99);
        let mut used = Deflater::new();
        let _ = used.deflate(
            "other words in other places, long enough to be tried"
                .repeat(7)
                .as_bytes(),
        );
        assert_eq!(
            used.deflate(text.as_bytes()),
            Deflater::new().deflate(text.as_bytes())
        );
    }
}
