//! Hex and base64, for hashes and keys.

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Lowercase hex.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let digit = |nibble: u8| {
        DIGITS
            .get(usize::from(nibble))
            .copied()
            .map_or('0', char::from)
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The bytes of a hex text in lower or upper case.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.is_empty() {
        return None;
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

/// A SHA-256 as it is written in a manifest: 64 lowercase hex digits.
pub(crate) fn decode_sha256(text: &str) -> Option<[u8; 32]> {
    let bytes = decode(text).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))?;
    bytes.try_into().ok()
}

/// Base64 with padding (RFC 4648, section 4).
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|idx| u32::from(chunk.get(idx).copied().unwrap_or(0)));
        let group = a << 16 | b << 8 | c;
        for (position, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = BASE64
                .get((group >> shift & 63) as usize)
                .copied()
                .unwrap_or(b'=');
            text.push(if position > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

/// The bytes of a base64 text, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=');
    let mut bytes = Vec::new();
    let (mut group, mut n_bits) = (0_u32, 0_u32);
    for letter in letters.bytes() {
        let value = BASE64.iter().position(|known| *known == letter)?;
        group = (group & 0xff) << 6 | u32::try_from(value).ok()?;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from(group >> n_bits & 0xff).ok()?);
        }
    }
    Some(bytes).filter(|_| !letters.is_empty())
}
