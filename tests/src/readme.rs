//! Numbers that commands write into README.md, between markers.

use std::io;
use std::path::Path;

/// The marker of the corpus agreement.
pub const AGREEMENT: &str = "corpus-agreement";
/// The marker of the benchmark's table.
pub const BENCH: &str = "bench";

/// What stands between `<!-- name -->` and `<!-- /name -->` in `text`.
#[must_use]
pub fn between<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<!-- {name} -->"))?;
    let (inside, _) = rest.split_once(&format!("<!-- /{name} -->"))?;
    Some(inside)
}

/// `text` with `content` between the markers of `name`.
#[must_use]
pub fn with(text: &str, name: &str, content: &str) -> Option<String> {
    let open = format!("<!-- {name} -->");
    let close = format!("<!-- /{name} -->");
    let (before, rest) = text.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}{content}{close}{after}"))
}

/// Writes `content` between the markers of `name` in the file `readme`.
///
/// # Errors
/// When the file cannot be read or written, or lacks the markers.
pub fn write(readme: &Path, name: &str, content: &str) -> io::Result<()> {
    let text = std::fs::read_to_string(readme)?;
    let text = with(&text, name, content).ok_or_else(|| {
        io::Error::other(format!(
            "{} lacks the markers `<!-- {name} -->` and `<!-- /{name} -->`",
            readme.display()
        ))
    })?;
    std::fs::write(readme, text)
}

/// Agreement as the README has it: flows agreeing, flows.
#[must_use]
pub fn agreement(text: &str) -> Option<(usize, usize)> {
    let inside = between(text, AGREEMENT)?.replace(',', "");
    let mut numbers = inside.split_whitespace().map_while(|word| match word {
        "of" => Some(None),
        word => word.parse::<usize>().ok().map(Some),
    });
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(n_agreeing)), Some(None), Some(Some(n_flows))) => Some((n_agreeing, n_flows)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text =
            "Agreement: <!-- corpus-agreement -->to be measured<!-- /corpus-agreement -->.\n";
        assert_eq!(agreement(text), None);
        let text = with(text, AGREEMENT, "3,210 of 3,330 flows (96.4 %)").unwrap();
        assert_eq!(agreement(&text), Some((3210, 3330)));
        assert!(
            text.starts_with("Agreement: <!-- ") && text.ends_with(" -->.\n"),
            "{text}"
        );
    }

    #[test]
    fn a_text_without_markers_is_left_alone() {
        assert_eq!(with("nothing here", AGREEMENT, "1 of 1"), None);
    }
}
