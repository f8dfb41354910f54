//! The `Range` header of one range (RFC 9110, section 14).

/// Which part of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// `start..end`, not empty.
    Range {
        /// First byte.
        start: u64,
        /// One past the last byte.
        end: u64,
    },
    /// Nothing of what is asked for is there.
    Outside,
}

/// What `header` asks for of a file of `length` bytes. Several ranges, or what is no range, ask for all.
pub(super) fn parse(header: Option<&str>, length: u64) -> Part {
    let Some(spec) = header.and_then(|header| header.strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Part::Whole;
    };
    match (digits(first), digits(last)) {
        (Some(start), Some(last)) if start <= last => within(start, last.saturating_add(1), length),
        (Some(start), None) if last.is_empty() => within(start, length, length),
        (None, Some(suffix)) if first.is_empty() => {
            if suffix == 0 || length == 0 {
                return Part::Outside;
            }
            within(length.saturating_sub(suffix), length, length)
        }
        _ => Part::Whole,
    }
}

fn within(start: u64, end: u64, length: u64) -> Part {
    if start >= length {
        Part::Outside
    } else {
        Part::Range {
            start,
            end: end.min(length),
        }
    }
}

/// A number of digits alone: `parse` would take a sign.
fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file() {
        for (header, part) in [
            ("bytes=0-0", Part::Range { start: 0, end: 1 }),
            ("bytes=2-5", Part::Range { start: 2, end: 6 }),
            ("bytes=2-500", Part::Range { start: 2, end: 10 }),
            ("bytes=7-", Part::Range { start: 7, end: 10 }),
            ("bytes=-3", Part::Range { start: 7, end: 10 }),
            ("bytes=-300", Part::Range { start: 0, end: 10 }),
            ("bytes=10-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=-", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=0-99999999999999999999", Part::Whole),
        ] {
            assert_eq!(parse(Some(header), 10), part, "{header}");
        }
        assert_eq!(parse(None, 10), Part::Whole);
        assert_eq!(parse(Some("bytes=0-"), 0), Part::Outside);
    }
}
