//! A Corefile: CoreDNS's server blocks and their directives (Caddyfile syntax).

use std::collections::BTreeMap;

/// One server block: for which zones and ports, with its directives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBlock {
    /// Its keys.
    pub keys: Vec<ZoneKey>,
    /// Its directives, in the file's order.
    pub directives: Vec<Directive>,
}

/// A key of a server block, e.g. `cluster.local:53`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneKey {
    /// `dns`, `tls`, `grpc`, `https` …
    pub scheme: String,
    /// The zone in small letters without its last dot; empty is the root.
    pub zone: String,
    /// The port; 53 unless given.
    pub port: u16,
}

/// A line of a block, with the block that it may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its words; the first names the plugin or option.
    pub words: Vec<String>,
    /// What stands in its own block.
    pub body: Vec<Directive>,
}

impl Directive {
    /// The plugin or option.
    #[must_use]
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The words behind the name.
    #[must_use]
    pub fn args(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The option of this name in its block.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&Self> {
        self.body.iter().find(|option| option.name() == name)
    }
}

/// A domain name as it is compared: in small letters, without its last dot.
#[must_use]
pub fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Snippets may import snippets; more depth than this is a circle.
const DEEPEST: usize = 8;

/// Reads a Corefile. `import` of a snippet is put in place; other imports stay as directives.
#[must_use]
pub fn parse(text: &str) -> Vec<ServerBlock> {
    let lines: Vec<Vec<String>> = text.lines().map(words).collect();
    let mut rest = lines.iter().filter(|line| !line.is_empty()).peekable();
    let mut snippets: BTreeMap<String, Vec<Directive>> = BTreeMap::new();
    let mut blocks = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    while let Some(line) = rest.next() {
        let opens = line.last().is_some_and(|word| word == "{");
        let named = if opens {
            line.split_last().map_or(&[][..], |(_, named)| named)
        } else {
            line
        };
        keys.extend(named.iter().cloned());
        let goes_on = named.last().is_some_and(|word| word.ends_with(','));
        if !opens && goes_on {
            continue;
        }
        if !opens && keys.first().is_some_and(|key| key == "import") {
            // What a file adds may be a server of its own: kept as a block for no zone.
            blocks.push(ServerBlock {
                keys: Vec::new(),
                directives: vec![Directive {
                    words: std::mem::take(&mut keys),
                    body: Vec::new(),
                }],
            });
            continue;
        }
        let directives = if opens {
            body(&mut rest, 0)
        } else {
            // A file of one server may leave its braces out.
            rest.by_ref()
                .map(|line| Directive {
                    words: line.clone(),
                    body: Vec::new(),
                })
                .collect()
        };
        let names = std::mem::take(&mut keys);
        let snippet = names
            .first()
            .and_then(|name| name.strip_prefix('(')?.strip_suffix(')'));
        match snippet {
            Some(name) => {
                snippets.insert(name.to_owned(), directives);
            }
            None => blocks.push(ServerBlock {
                keys: names
                    .iter()
                    .flat_map(|name| name.split(','))
                    .filter(|name| !name.is_empty())
                    .map(zone_key)
                    .collect(),
                directives,
            }),
        }
    }
    let snippets: Snippets = snippets
        .into_iter()
        .map(|(name, body)| (name, (n_directives(&body), body)))
        .collect();
    let mut left = MOST_EXPANDED;
    for block in &mut blocks {
        expand(&mut block.directives, &snippets, 0, &mut left);
    }
    blocks
}

/// The directives up to the closing brace.
fn body<'a>(
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'a Vec<String>>>,
    depth: usize,
) -> Vec<Directive> {
    let mut directives = Vec::new();
    while let Some(line) = rest.next() {
        match line.split_last() {
            Some((last, [])) if last == "}" => break,
            Some((last, words)) if last == "{" && depth < DEEPEST => {
                let body = body(rest, depth + 1);
                directives.push(Directive {
                    words: words.to_vec(),
                    body,
                });
            }
            _ => directives.push(Directive {
                words: line.clone(),
                body: Vec::new(),
            }),
        }
    }
    directives
}

/// The words of a line, quotes taken off; a `#` at a word's start begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let quoted = rest.strip_prefix('"');
        let (word, behind) = match quoted {
            Some(text) => text.split_once('"').unwrap_or((text, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

fn zone_key(text: &str) -> ZoneKey {
    let (scheme, rest) = text.split_once("://").unwrap_or(("dns", text));
    let port = |text: &str| text.parse::<u16>().ok();
    let (zone, port) = match rest.rsplit_once(':') {
        Some((zone, number)) if port(number).is_some() => (zone, port(number)),
        _ => (rest, None),
    };
    ZoneKey {
        scheme: scheme.to_owned(),
        zone: normal(zone),
        port: port.unwrap_or(53),
    }
}

/// Directives that imports may add; further ones stay imports.
const MOST_EXPANDED: usize = 10_000;

/// Snippets by their names, each with its number of directives.
type Snippets = BTreeMap<String, (usize, Vec<Directive>)>;

fn n_directives(body: &[Directive]) -> usize {
    let own = |directive: &Directive| 1 + n_directives(&directive.body);
    body.iter().map(own).sum()
}

fn expand(directives: &mut Vec<Directive>, snippets: &Snippets, depth: usize, left: &mut usize) {
    let mut expanded = Vec::new();
    for mut directive in directives.drain(..) {
        let snippet = (directive.name() == "import" && depth < DEEPEST)
            .then(|| directive.args().first().and_then(|name| snippets.get(name)))
            .flatten();
        // One that is empty costs something as well.
        let fits = snippet.and_then(|(size, body)| {
            *left = left.checked_sub(size + 1)?;
            Some(body)
        });
        match fits {
            Some(snippet) => {
                let mut snippet = snippet.clone();
                expand(&mut snippet, snippets, depth + 1, left);
                expanded.extend(snippet);
            }
            None => {
                expand(&mut directive.body, snippets, depth + 1, left);
                expanded.push(directive);
            }
        }
    }
    *directives = expanded;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_blocks_zones_and_directives() {
        let text = "(log) {\n  errors # all\n}\ncluster.local:53, Corp.Example.:5353 {\n    import log\n    kubernetes cluster.local in-addr.arpa {\n        pods insecure\n    }\n}\ntls://. {\n  forward . \"10.0.0.1\" /etc/resolv.conf\n}\nimport custom/*.server\n";
        let blocks = parse(text);
        assert_eq!(blocks.len(), 3);
        let keys: Vec<_> = blocks[0]
            .keys
            .iter()
            .map(|key| (key.zone.as_str(), key.port))
            .collect();
        assert_eq!(keys, [("cluster.local", 53), ("corp.example", 5353)]);
        assert_eq!(blocks[0].directives[0].name(), "errors");
        let kubernetes = &blocks[0].directives[1];
        assert_eq!(kubernetes.args(), ["cluster.local", "in-addr.arpa"]);
        assert_eq!(kubernetes.option("pods").unwrap().args(), ["insecure"]);
        assert_eq!(
            (
                blocks[1].keys[0].scheme.as_str(),
                blocks[1].keys[0].zone.as_str()
            ),
            ("tls", "")
        );
        assert_eq!(
            blocks[1].directives[0].args(),
            [".", "10.0.0.1", "/etc/resolv.conf"]
        );
        assert!(blocks[2].keys.is_empty());
    }

    #[test]
    fn imports_of_imports_are_not_put_in_place_without_end() {
        let mut text = "(s0) {\nerrors\n}\n".to_owned();
        for n in 1..9 {
            let many = format!("import s{}\n", n - 1).repeat(20);
            text.push_str(&format!("(s{n}) {{\n{many}}}\n"));
        }
        let blocks = parse(&format!("{text}. {{\nimport s8\n}}\n"));
        let directives = &blocks[0].directives;
        assert!(directives.len() <= 2 * MOST_EXPANDED);
        assert!(
            directives
                .iter()
                .any(|directive| directive.name() == "import")
        );
    }
}
