//! Matches that look at the packet's bytes: `u32`, `string`, `tcpmss` and IPv6's extension headers.

use super::condition::{Deferred, Scene, doubt};
use crate::evidence::xtables::{Extension, ExtensionOption, Match, value};
use crate::linux::bytes::{Bits, Bytes};
use crate::linux::choice::Tri;
use crate::linux::packet::{Family, Packet, Transport};
use crate::source::Source;

/// What an application sends is not simulated.
const NO_TEXT: &str = "the payload does not hold what a `string` rule looks for";

/// The value of an option, and whether it is negated.
pub(super) fn option<'e>(extension: &'e Extension, name: &str) -> Option<(&'e str, bool)> {
    let option = find(extension, name)?;
    Some((
        option.values.first().map_or("", |word| &*word.text),
        option.negated,
    ))
}

fn find<'e>(extension: &'e Extension, name: &str) -> Option<&'e ExtensionOption> {
    extension
        .options
        .iter()
        .find(|option| &*option.name == name)
}

/// `u32_mt()`
pub(super) fn u32_holds(
    extension: &Extension,
    item: &Match,
    scene: &Scene<'_>,
    source: &Source,
) -> Tri {
    let not_known = || doubt(item, "it looks at bytes that are not simulated", "", source);
    let Some((program, negated)) = option(extension, "--u32") else {
        return not_known();
    };
    scene.ctx.looks_at_length();
    let bytes = Bytes::of(scene.packet, scene.ctx.mss);
    let mut result = Tri::Yes;
    for test in program.split("&&") {
        let one = match u32_test(test, &bytes) {
            Err(Unclear) => not_known(),
            Ok(answer) => answer.map_or_else(not_known, Tri::from),
        };
        result = result.and(one);
    }
    result.negate_if(negated)
}

/// A calculation that cannot be followed.
struct Unclear;

/// One test of `u32_match_it()`: `location [op number]… = ranges`; nothing where the bits do not decide.
fn u32_test(test: &str, bytes: &Bytes) -> Result<Option<bool>, Unclear> {
    let (location, ranges) = test.split_once('=').ok_or(Unclear)?;
    let mut rest = location.trim();
    let position = number(&mut rest)?;
    let mut at = 0u32;
    let load = |at: u32, position: u32| {
        let bit = at.checked_add(position)?.checked_mul(8)?;
        bytes.bits(bit, 32)
    };
    let Some(mut bits) = load(at, position) else {
        return Ok(Some(false));
    };
    while !rest.is_empty() {
        let word = u128::from(u32::MAX);
        if let Some(after) = rest.strip_prefix("<<") {
            rest = after.trim_start();
            let by = number(&mut rest)?;
            bits.value = bits.value.checked_shl(by).unwrap_or(0) & word;
            bits.unknown = bits.unknown.checked_shl(by).unwrap_or(0) & word;
        } else if let Some(after) = rest.strip_prefix(">>") {
            rest = after.trim_start();
            let by = number(&mut rest)?;
            bits.value = bits.value.checked_shr(by).unwrap_or(0);
            bits.unknown = bits.unknown.checked_shr(by).unwrap_or(0);
        } else if let Some(after) = rest.strip_prefix('&') {
            rest = after.trim_start();
            let mask = u128::from(number(&mut rest)?);
            bits.value &= mask;
            bits.unknown &= mask;
        } else if let Some(after) = rest.strip_prefix('@') {
            rest = after.trim_start();
            let position = number(&mut rest)?;
            if bits.unknown != 0 {
                return Ok(None);
            }
            let moved = u32::try_from(bits.value)
                .ok()
                .and_then(|by| at.checked_add(by));
            let Some(moved) = moved else {
                return Ok(Some(false));
            };
            at = moved;
            match load(at, position) {
                Some(loaded) => bits = loaded,
                None => return Ok(Some(false)),
            }
        } else {
            return Err(Unclear);
        }
        rest = rest.trim_start();
    }
    let mut answer = Some(false);
    for range in ranges.split(',') {
        let (low, high) =
            value::range(range.trim(), (0, u32::MAX), value::number).ok_or(Unclear)?;
        match within(bits, low.into(), high.into()) {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => answer = None,
        }
    }
    Ok(answer)
}

/// The number that `text` begins with, which is cut off.
fn number(text: &mut &str) -> Result<u32, Unclear> {
    let end = text
        .find(|letter: char| !letter.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).ok_or(Unclear)?;
    let found = value::number(digits).ok_or(Unclear)?;
    *text = rest.trim_start();
    Ok(found)
}

/// Whether `bits` lie in `low..=high`, as far as they are known.
fn within(bits: Bits, low: u128, high: u128) -> Option<bool> {
    let (least, most) = (bits.value, bits.value | bits.unknown);
    if low <= least && most <= high {
        return Some(true);
    }
    if most < low || high < least {
        return Some(false);
    }
    // A single value that differs in a known bit.
    if low == high && (low ^ bits.value) & !bits.unknown != 0 {
        return Some(false);
    }
    None
}

/// `string_mt()`: searches the packet from its IP header on.
pub(super) fn string_holds(
    extension: &Extension,
    item: &Match,
    scene: &Scene<'_>,
    source: &Source,
    later: &mut Vec<Deferred<'_>>,
) -> Tri {
    let plain =
        option(extension, "--string").map(|(text, negated)| (text.as_bytes().to_vec(), negated));
    let pattern = plain.or_else(|| {
        let (text, negated) = option(extension, "--hex-string")?;
        Some((hex_string(text)?, negated))
    });
    let place = |name: &str, default| match option(extension, name) {
        None => Some(default),
        Some((text, _)) => value::number(text),
    };
    let (Some((pattern, negated)), Some(from), Some(to)) =
        (pattern, place("--from", 0), place("--to", u32::MAX))
    else {
        return doubt(item, "its pattern is not understood", "", source);
    };
    let ignore_case = find(extension, "--icase").is_some();
    scene.ctx.looks_at_length();
    let bytes = Bytes::of(scene.packet, scene.ctx.mss);
    match bytes.find(&pattern, from, to, ignore_case) {
        Some(found) => Tri::from(found).negate_if(negated),
        None => {
            later.push(Deferred::Assume(NO_TEXT, negated));
            Tri::Yes
        }
    }
}

/// `ab|00 ff|c`: text, and bytes in hexadecimal between bars.
fn hex_string(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (index, part) in text.split('|').enumerate() {
        if index % 2 == 0 {
            bytes.extend(part.bytes());
            continue;
        }
        let digits: Vec<u32> = (part.chars().filter(|letter| !letter.is_whitespace()))
            .map(|letter| letter.to_digit(16))
            .collect::<Option<_>>()?;
        for pair in digits.chunks(2) {
            let [high, low] = pair else { return None };
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        }
    }
    Some(bytes)
}

/// `tcpmss_mt()`: packets without the option match only what is negated.
pub(super) fn tcpmss_holds(
    extension: &Extension,
    item: &Match,
    scene: &Scene<'_>,
    source: &Source,
) -> Tri {
    let Transport::Tcp { flags, .. } = scene.packet.transport else {
        return Tri::No;
    };
    let range = option(extension, "--mss").and_then(|(text, negated)| {
        Some((value::range(text, (0, u16::MAX), value::port)?, negated))
    });
    match (range, scene.ctx.mss) {
        (Some((_, negated)), _) if !flags.has_syn() => Tri::from(negated),
        (Some(((low, high), negated)), Some(mss)) => {
            Tri::from((low..=high).contains(&mss)).negate_if(negated)
        }
        _ => doubt(item, "the packet's TCP options are not known", "", source),
    }
}

/// `ipv6header_mt6()`: a simulated packet has no extension headers, only its protocol's.
pub(super) fn ipv6_header(extension: &Extension, packet: &Packet) -> Option<bool> {
    if packet.family() == Family::V4 {
        return Some(false);
    }
    let (names, negated) = option(extension, "--header")?;
    let names: Vec<&str> = names.split(',').collect();
    let is_upper = |name: &&str| matches!(*name, "prot" | "proto" | "protocol");
    if find(extension, "--soft").is_none() {
        return Some(names.iter().all(is_upper) != negated);
    }
    Some(if negated {
        !names.iter().any(is_upper)
    } else {
        names.iter().all(is_upper)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::netfilter::test_support::packet;

    #[test]
    fn u32_tests_say_what_the_known_bits_say() {
        let bytes = Bytes::of(&packet("10.0.0.1:40000", "10.0.0.2:80"), None);
        let test = |text: &str| u32_test(text, &bytes).unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(test("0x6&0xff=0x6"), Some(true), "TCP");
        assert_eq!(test("0x6&0xff=0x2f"), Some(false), "GRE");
        assert_eq!(
            test("0>>22&0x3C@0&0xffff=80"),
            Some(true),
            "destination port behind the header"
        );
        assert_eq!(
            test("0>>22&0x3C@0>>16=40000:40001,7"),
            Some(true),
            "source port"
        );
        assert_eq!(
            test("2&0xFFFF=0x100"),
            None,
            "the identification is not known"
        );
        assert_eq!(
            test("0x1000=0:0xffffffff"),
            Some(false),
            "behind the packet"
        );
        assert!(u32_test("0x6&&0xff=6", &bytes).is_err());
    }

    #[test]
    fn hexadecimal_patterns_are_read() {
        assert_eq!(hex_string("a|00 fF|b"), Some(vec![b'a', 0, 255, b'b']));
        assert_eq!(hex_string("|0"), None);
    }
}
